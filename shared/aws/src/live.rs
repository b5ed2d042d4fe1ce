//! What a deployment can change while a function runs: the settings, and the keys and
//! secrets of the providers.
//!
//! All of it is read through one [`SecretCache`], so that a change reaches every running
//! instance within the maximum age. The code of a running order stays what it was when
//! the order began; the settings do not.
//!
//! Start at [`Live::new`]. A value that is invalid replaces no valid one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::account::AccountProblem;
use domain::ports::{
    ApiKey, ApiKeySource, NoApiKey, ProviderMode, SettingFuture, ShopSettings, StoreUnavailable,
    WebhookKeys,
};
use domain::recent_orders::OrderLimits;
use domain::{Country, Currency, ErrorName, Private, StepError};

use crate::clients::AwsClients;
use crate::clock::{Clock, SystemClock};
use crate::configuration::{
    InvalidSetting, KeyFormat, ProviderSettings, SecretSource, Settings, SettingsSource,
    WebhookSecrets,
};
use crate::secrets::SecretCache;

/// During a rotation both the new and the old secret are valid.
const MAX_VALID_SECRETS: usize = 2;

/// The source of everything that may change while a function runs.
#[derive(Debug, Clone)]
pub struct Live<C = SystemClock> {
    cache: Arc<SecretCache<C>>,
    source: SettingsSource,
}

impl Live {
    /// The source that the environment names.
    ///
    /// # Errors
    /// If the environment names no source, or two.
    pub fn new(aws: &AwsClients, settings: &Settings) -> Result<Self, InvalidSetting> {
        let max_age = settings.settings_max_age()?;
        let cache = SecretCache::new(aws, max_age, SystemClock::start());
        Ok(Self { cache: Arc::new(cache), source: settings.source()? })
    }
}

impl<C: Clock> Live<C> {
    /// The source with this cache.
    pub fn with_cache(cache: SecretCache<C>, source: SettingsSource) -> Self {
        Self { cache: Arc::new(cache), source }
    }

    /// The settings that `parse` takes from those of the deployment.
    pub fn settings<T>(
        &self,
        parse: fn(&Settings) -> Result<T, InvalidSetting>,
    ) -> LiveSettings<T, C> {
        let (cache, source) = (Arc::clone(&self.cache), self.source.clone());
        LiveSettings { cache, source, parse, last_valid: Arc::default() }
    }

    /// The API key of a provider account.
    pub fn api_key(&self, account: ProviderSettings) -> LiveApiKey<C> {
        LiveApiKey {
            cache: Arc::clone(&self.cache),
            mode: self.settings(Settings::provider_mode),
            account: Arc::new(account),
        }
    }

    /// The settings of the API, with the webhook secrets of the providers.
    pub fn shop_settings(&self, webhooks: WebhookSecrets) -> LiveShopSettings<C> {
        let webhooks = [("stripe", webhooks.stripe), ("easypost", webhooks.easypost)];
        LiveShopSettings {
            cache: Arc::clone(&self.cache),
            currencies: self.settings(Settings::currencies),
            ship_to_countries: self.settings(Settings::ship_to_countries),
            order_limits: self.settings(Settings::order_limits),
            mode: self.settings(Settings::provider_mode),
            webhooks: webhooks.into(),
        }
    }
}

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSettings {
    /// They cannot be read at the moment.
    #[error("the settings cannot be read: {0}")]
    Unavailable(String),
    /// They are invalid.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
}

impl NoSettings {
    /// The error of a step that cannot go on without the settings. Invalid ones are for an
    /// operator, under the error name that leads there.
    pub fn into_step_error(self, misconfigured: ErrorName) -> StepError {
        match self {
            Self::Unavailable(reason) => ErrorName::StoreUnavailable.with_detail(reason),
            Self::Invalid(invalid) => misconfigured.with_detail(invalid.to_string()),
        }
    }
}

impl From<NoSettings> for StoreUnavailable {
    fn from(error: NoSettings) -> Self {
        Self(error.to_string())
    }
}

/// Settings of the deployment, as one function needs them.
#[derive(Debug, Clone)]
pub struct LiveSettings<T, C = SystemClock> {
    cache: Arc<SecretCache<C>>,
    source: SettingsSource,
    parse: fn(&Settings) -> Result<T, InvalidSetting>,
    last_valid: Arc<Mutex<Option<T>>>,
}

impl<T: Clone, C: Clock> LiveSettings<T, C> {
    /// The settings to use now.
    ///
    /// # Errors
    /// If there were never valid ones.
    pub async fn current_settings(&self) -> Result<T, NoSettings> {
        match &self.source {
            SettingsSource::Variables(settings) => Ok((self.parse)(settings)?),
            SettingsSource::Secret(secret) => {
                self.last_valid_of(self.cache.secret_value(secret).await)
            }
        }
    }

    /// The settings, read again in any case.
    async fn settings_read_again(&self) -> Result<T, NoSettings> {
        match &self.source {
            SettingsSource::Variables(settings) => Ok((self.parse)(settings)?),
            SettingsSource::Secret(secret) => {
                let used = self.cache.secret_value(secret).await.unwrap_or_default();
                let read = self.cache.secret_value_instead_of(used.as_ref(), secret).await;
                self.last_valid_of(read)
            }
        }
    }

    fn last_valid_of(
        &self,
        read: Result<Option<Private<String>>, StoreUnavailable>,
    ) -> Result<T, NoSettings> {
        let text = read.map_err(|error| NoSettings::Unavailable(error.0))?;
        let text = text.as_ref().map_or("", |text| text.expose().as_str());
        let parsed = Settings::from_json(text).and_then(|settings| (self.parse)(&settings));
        let mut last_valid = self.last_valid.lock().unwrap_or_else(PoisonError::into_inner);
        match (parsed, last_valid.as_ref()) {
            (Ok(valid), _) => {
                *last_valid = Some(valid.clone());
                Ok(valid)
            }
            (Err(invalid), Some(last)) => {
                let reason = invalid.to_string();
                tracing::error!(
                    reason,
                    "the settings are invalid; the last valid ones stay in use"
                );
                Ok(last.clone())
            }
            (Err(invalid), None) => Err(invalid.into()),
        }
    }
}

/// The API key of a provider account, checked against the mode of the deployment.
#[derive(Debug, Clone)]
pub struct LiveApiKey<C = SystemClock> {
    cache: Arc<SecretCache<C>>,
    mode: LiveSettings<ProviderMode, C>,
    account: Arc<ProviderSettings>,
}

impl<C: Clock> LiveApiKey<C> {
    /// Reads the key if it was never read. A step calls this first, so that it fails before
    /// it has done anything.
    ///
    /// # Errors
    /// [`ErrorName::StoreUnavailable`] if the key cannot be read.
    pub async fn ensure_readable(&self) -> Result<(), StepError> {
        self.cache.secret_value(&self.account.secret).await?;
        Ok(())
    }

    /// Checks a key. A key that is missing or of the wrong mode is read again at once, and
    /// so is the mode: the operator may just have stored the right one.
    async fn checked(&self, secret: Option<Private<String>>) -> Result<ApiKey, NoApiKey> {
        let mode = self.mode.current_settings().await.map_err(no_mode)?;
        let problem = match self.check(secret.as_ref(), mode) {
            Ok(key) => return Ok(key),
            Err(problem) => problem,
        };
        let mode = match problem {
            AccountProblem::WrongMode => self.mode.settings_read_again().await.map_err(no_mode)?,
            _ => mode,
        };
        let secret = self.read_instead_of(secret.as_ref()).await?;
        self.check(secret.as_ref(), mode).map_err(NoApiKey::Problem)
    }

    fn check(
        &self,
        secret: Option<&Private<String>>,
        mode: ProviderMode,
    ) -> Result<ApiKey, AccountProblem> {
        let secret = secret.ok_or(AccountProblem::KeyMissing)?;
        let KeyFormat { test, live } = self.account.key_format;
        let begins_with_one_of =
            |prefixes: &[&str]| prefixes.iter().any(|prefix| secret.expose().starts_with(prefix));
        let expected = match mode {
            ProviderMode::Test => begins_with_one_of(test),
            // Only a test key may travel without TLS.
            ProviderMode::Live => begins_with_one_of(live) && self.account.is_https(),
        };
        if expected {
            Ok(ApiKey { secret: secret.clone(), mode })
        } else {
            Err(AccountProblem::WrongMode)
        }
    }

    async fn read_instead_of(
        &self,
        secret: Option<&Private<String>>,
    ) -> Result<Option<Private<String>>, NoApiKey> {
        let read = self.cache.secret_value_instead_of(secret, &self.account.secret).await;
        read.map_err(|error| NoApiKey::Unavailable(error.0))
    }
}

fn no_mode(error: NoSettings) -> NoApiKey {
    match error {
        NoSettings::Unavailable(reason) => NoApiKey::Unavailable(reason),
        NoSettings::Invalid(invalid) => {
            let reason = invalid.to_string();
            tracing::error!(reason, "the mode of the providers is not set");
            NoApiKey::Problem(AccountProblem::WrongMode)
        }
    }
}

impl<C: Clock + Send> ApiKeySource for LiveApiKey<C> {
    async fn current(&self) -> Result<ApiKey, NoApiKey> {
        let secret = self.cache.secret_value(&self.account.secret).await;
        self.checked(secret.map_err(|error| NoApiKey::Unavailable(error.0))?).await
    }

    async fn replacement(&self, rejected: &ApiKey) -> Result<Option<ApiKey>, NoApiKey> {
        let secret = self.read_instead_of(Some(&rejected.secret)).await?;
        if secret.as_ref() == Some(&rejected.secret) {
            return Ok(None);
        }
        self.checked(secret).await.map(Some)
    }
}

/// The settings of the API.
#[derive(Debug, Clone)]
pub struct LiveShopSettings<C = SystemClock> {
    cache: Arc<SecretCache<C>>,
    currencies: LiveSettings<Vec<Currency>, C>,
    ship_to_countries: LiveSettings<Vec<Country>, C>,
    order_limits: LiveSettings<OrderLimits, C>,
    mode: LiveSettings<ProviderMode, C>,
    webhooks: BTreeMap<&'static str, SecretSource>,
}

impl<C: Clock> LiveShopSettings<C> {
    async fn keys(
        &self,
        source: &SecretSource,
        secret: Option<Private<String>>,
    ) -> Result<WebhookKeys, StoreUnavailable> {
        let mode = self.mode.current_settings().await?;
        // A value in the environment is for tests.
        let is_allowed = mode == ProviderMode::Test || matches!(source, SecretSource::Arn(_));
        let secrets = secret.filter(|_| is_allowed).map(|text| valid_secrets(&text));
        Ok(WebhookKeys { secrets: secrets.unwrap_or_default(), mode })
    }

    fn source(&self, provider: &str) -> Result<&SecretSource, StoreUnavailable> {
        let unknown =
            || StoreUnavailable(format!("no webhook secret is configured for {provider}"));
        self.webhooks.get(provider).ok_or_else(unknown)
    }
}

/// The secrets that are valid now: one, or two separated by a comma during a rotation.
/// None if one is empty, with which anyone could sign, or if there are more.
pub fn valid_secrets(text: &Private<String>) -> Vec<Private<String>> {
    let parts = text.expose().split(',').map(|part| part.trim().to_owned());
    let secrets: Vec<_> = parts.map(Private::new).collect();
    let is_valid = secrets.len() <= MAX_VALID_SECRETS
        && secrets.iter().all(|secret| !secret.expose().is_empty());
    if is_valid { secrets } else { Vec::new() }
}

impl<C: Clock + Send + std::fmt::Debug> ShopSettings for LiveShopSettings<C> {
    fn currencies(&self) -> SettingFuture<'_, Vec<Currency>> {
        Box::pin(async { Ok(self.currencies.current_settings().await?) })
    }

    fn ship_to_countries(&self) -> SettingFuture<'_, Vec<Country>> {
        Box::pin(async { Ok(self.ship_to_countries.current_settings().await?) })
    }

    fn order_limits(&self) -> SettingFuture<'_, OrderLimits> {
        Box::pin(async { Ok(self.order_limits.current_settings().await?) })
    }

    fn webhook_keys<'a>(&'a self, provider: &'a str) -> SettingFuture<'a, WebhookKeys> {
        Box::pin(async move {
            let source = self.source(provider)?;
            let secret = self.cache.secret_value(source).await?;
            self.keys(source, secret).await
        })
    }

    fn newer_webhook_keys<'a>(
        &'a self,
        provider: &'a str,
        used: &'a WebhookKeys,
    ) -> SettingFuture<'a, Option<WebhookKeys>> {
        Box::pin(async move {
            let source = self.source(provider)?;
            let secret = self.cache.secret_value_after_bad_signature(source).await?;
            let keys = self.keys(source, secret).await?;
            Ok(Some(keys).filter(|keys| keys != used))
        })
    }
}
