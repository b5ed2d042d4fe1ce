//! One function: its settings and its workers.

use std::sync::Arc;
use std::time::Duration;

use super::function_name::FunctionName;
use super::logs::FunctionLogs;
use super::pool::WorkerPool;
use super::settings::FunctionSettings;
use crate::iam::credentials::IssuedCredentials;

/// A function with its workers.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) settings: Arc<FunctionSettings>,
    pub(super) pool: WorkerPool,
}

impl Function {
    pub(super) fn new(
        settings: FunctionSettings,
        idle_time: Duration,
        logs: &FunctionLogs,
        credentials: &IssuedCredentials,
    ) -> Self {
        let settings = Arc::new(settings);
        let pool = WorkerPool::new(&settings, idle_time, logs.clone(), credentials.clone());
        Self { settings, pool }
    }

    /// Whether `$LATEST`, a version or an alias with this name exists. The stack publishes the
    /// alias of the template, which points to version 1.
    pub(super) fn has_qualifier(&self, qualifier: &str) -> bool {
        qualifier == "$LATEST"
            || self.settings.alias.as_deref().is_some_and(|alias| [alias, "1"].contains(&qualifier))
    }

    /// The ARN that the function sees, with the qualifier that the caller used.
    pub(super) fn arn(&self, qualifier: Option<&str>) -> String {
        FunctionName { name: &self.settings.name, qualifier }.arn()
    }
}
