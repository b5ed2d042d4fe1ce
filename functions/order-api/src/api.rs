//! What the API works with: its ports and the settings of the deployment.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws::configuration::SignIn;
use domain::ports::{
    ChangeStock, CountOrders, FindOrder, ListOrders, LoadOrder, LoadOrders, PlaceOrder,
    ReadCatalog, ReadExecution, ReadProductAudit, SaveOrder, SendTaskResult, ShopSettings,
    StartExecution, StopExecution, TrackRecentOrders, WebhookSource, WriteCatalog,
};

/// The operations that the API needs on the Orders table.
pub trait Orders:
    LoadOrder + LoadOrders + SaveOrder + PlaceOrder + ListOrders + CountOrders + FindOrder
{
}
impl<T> Orders for T where
    T: LoadOrder + LoadOrders + SaveOrder + PlaceOrder + ListOrders + CountOrders + FindOrder
{
}

/// The operations that the API needs on the Inventory table.
pub trait Inventory: ReadCatalog + WriteCatalog + ChangeStock + ReadProductAudit {}
impl<T: ReadCatalog + WriteCatalog + ChangeStock + ReadProductAudit> Inventory for T {}

/// The operations that the API needs on Step Functions.
pub trait Workflow: StartExecution + StopExecution + SendTaskResult + ReadExecution {}
impl<T: StartExecution + StopExecution + SendTaskResult + ReadExecution> Workflow for T {}

/// The webhooks of the providers, by the last segment of their path.
pub type WebhookSources = BTreeMap<&'static str, Arc<dyn WebhookSource>>;

/// How the ids of the payment provider begin that a client may send.
#[derive(Debug, Clone, Copy)]
pub struct PaymentIdPrefixes {
    /// A tokenized card.
    pub payment_method: &'static str,
    /// A customer with a saved card.
    pub customer: &'static str,
}

/// The API: its ports and the settings of the deployment.
#[derive(Debug, Clone)]
pub struct Api<O, I, W> {
    /// The Orders table.
    pub orders: O,
    /// The Inventory table.
    pub inventory: I,
    /// Step Functions.
    pub workflow: W,
    /// The orders that count against the limits per customer.
    pub recent_orders: Arc<dyn TrackRecentOrders>,
    /// The settings that a deployment may change at any time.
    pub settings: Arc<dyn ShopSettings>,
    /// The payment provider's id formats.
    pub payment_ids: PaymentIdPrefixes,
    /// The providers' webhooks.
    pub webhooks: WebhookSources,
    /// How users of the web page sign in.
    pub sign_in: SignIn,
}
