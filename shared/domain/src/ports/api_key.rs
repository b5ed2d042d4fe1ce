//! The port that supplies the API key of a provider account.

use std::future::Future;

use super::webhook_source::ProviderMode;
use crate::Private;
use crate::account::AccountProblem;

/// An API key, and the mode of the deployment that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub secret: Private<String>,
    /// The mode: every object of the provider must be of it.
    pub mode: ProviderMode,
}

impl ApiKey {
    /// A key of a deployment in test mode.
    pub fn test(secret: impl Into<String>) -> Self {
        Self { secret: Private::new(secret.into()), mode: ProviderMode::Test }
    }
}

/// Why there is no API key to call a provider with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoApiKey {
    /// It is missing, or must not be used.
    Problem(AccountProblem),
    /// It cannot be read at the moment.
    Unavailable(String),
}

/// Supplies the API key of one provider account.
pub trait ApiKeySource: Sync {
    /// The key to use now.
    fn current(&self) -> impl Future<Output = Result<ApiKey, NoApiKey>> + Send;
    /// The key that replaced `rejected`, which the provider answered with 401; none if that
    /// one is still stored.
    fn replacement(
        &self,
        rejected: &ApiKey,
    ) -> impl Future<Output = Result<Option<ApiKey>, NoApiKey>> + Send;
}

/// A key that never changes.
impl ApiKeySource for ApiKey {
    async fn current(&self) -> Result<ApiKey, NoApiKey> {
        Ok(self.clone())
    }

    async fn replacement(&self, _: &ApiKey) -> Result<Option<ApiKey>, NoApiKey> {
        Ok(None)
    }
}
