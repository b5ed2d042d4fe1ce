//! One function: its settings and its workers.

use std::sync::Arc;

use super::function_name::FunctionName;
use super::logs::FunctionLogs;
use super::pool::WorkerPool;
use super::runtime_api::RuntimeApi;
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
        runtime_api: &Arc<RuntimeApi>,
        logs: &FunctionLogs,
        credentials: &IssuedCredentials,
    ) -> Self {
        let settings = Arc::new(settings);
        let (runtime_api, logs) = (Arc::clone(runtime_api), logs.clone());
        let pool = WorkerPool::new(Arc::clone(&settings), runtime_api, logs, credentials.clone());
        Self { settings, pool }
    }

    /// The ARN that the function sees, with the qualifier that the caller used.
    pub(super) fn arn(&self, qualifier: Option<&str>) -> String {
        FunctionName { name: &self.settings.name, qualifier }.arn()
    }
}
