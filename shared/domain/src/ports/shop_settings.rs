//! The port of the settings that the API needs and that a deployment may change at any time.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use super::orders::StoreUnavailable;
use super::webhook_source::WebhookKeys;
use crate::recent_orders::OrderLimits;
use crate::{Country, Currency};

/// A setting, or why it cannot be read.
pub type SettingFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, StoreUnavailable>> + Send + 'a>>;

/// Reads the settings when a request needs them.
pub trait ShopSettings: Debug + Send + Sync {
    /// The currencies that the shop accepts.
    fn currencies(&self) -> SettingFuture<'_, Vec<Currency>>;

    /// The countries that the shop ships to.
    fn ship_to_countries(&self) -> SettingFuture<'_, Vec<Country>>;

    /// How many orders a customer may have.
    fn order_limits(&self) -> SettingFuture<'_, OrderLimits>;

    /// What verifies the webhooks of a provider now.
    fn webhook_keys<'a>(&'a self, provider: &'a str) -> SettingFuture<'a, WebhookKeys>;

    /// What verifies the webhooks of a provider, read again because `used` did not verify
    /// one. None if nothing newer is stored, or it was read again just before: forged
    /// webhooks must not become as many reads.
    fn newer_webhook_keys<'a>(
        &'a self,
        provider: &'a str,
        used: &'a WebhookKeys,
    ) -> SettingFuture<'a, Option<WebhookKeys>>;
}
