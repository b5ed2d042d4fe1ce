//! The services that Task states call, and the shape of their results and errors.
//!
//! One file per service: [`lambda`], [`dynamodb`], and [`states`] (Step Functions itself as an
//! optimized integration). [`sdk`] has the naming of `aws-sdk:` integrations. The engine has
//! already built the parameters; this module passes them on and gives results and errors the
//! names and shapes that AWS uses.

mod authorizer;
mod dynamodb;
mod lambda;
mod metadata;
mod sdk;
mod states;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use asl::{IntegrationPattern, Resource};
use bytes::Bytes;

use authorizer::Authorizer;

use super::arn::ExecutionArn;
use super::driver::Driver;
use super::task::{OutcomeFuture, TaskCall, TaskOutcome, TaskRunner};
use crate::dynamodb::DynamoDb;
use crate::iam::Permissions;
use crate::lambda::{InvokeError, InvokeOutcome, LambdaHost};

/// Invokes functions: the Lambda host, or scripted functions in a test.
pub trait FunctionInvoker: Send + Sync + fmt::Debug {
    /// Invokes a function by its name or ARN and waits for its response.
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> InvocationFuture<'a>;

    /// Kills this worker process of a function, if it is running an invocation.
    fn kill(&self, process: u64);
}

/// An invocation in progress.
pub type InvocationFuture<'a> =
    Pin<Box<dyn Future<Output = Result<InvokeOutcome, InvokeError>> + Send + 'a>>;

impl FunctionInvoker for LambdaHost {
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> InvocationFuture<'a> {
        Box::pin(LambdaHost::invoke(self, function, payload))
    }

    fn kill(&self, process: u64) {
        LambdaHost::kill_worker(self, process);
    }
}

/// The services that state machines of this stack can call.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) functions: Arc<dyn FunctionInvoker>,
    pub(super) dynamodb: Arc<DynamoDb>,
    /// The driver, which owns these services.
    pub(super) driver: Weak<Driver>,
    /// What the role of a state machine allows; without it, everything.
    pub(super) permissions: Option<Arc<Permissions>>,
}

/// The size limit of a task's result: 256 KiB.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const MAX_RESULT_BYTES: usize = 262_144;

impl TaskRunner for Services {
    fn run<'a>(&'a self, call: &'a TaskCall) -> OutcomeFuture<'a> {
        Box::pin(async move {
            match self.driver.upgrade() {
                Some(driver) => self.call(&driver, call).await,
                None => stopped().into(),
            }
        })
    }

    fn child_outcome<'a>(
        &'a self,
        child: &'a ExecutionArn,
        json_output: bool,
    ) -> OutcomeFuture<'a> {
        Box::pin(async move {
            match self.driver.upgrade() {
                Some(driver) => states::child_outcome(&driver, child, json_output).await,
                None => stopped().into(),
            }
        })
    }
}

impl Services {
    async fn call(&self, driver: &Arc<Driver>, call: &TaskCall) -> TaskOutcome {
        let (result, source, pattern) = match &call.request.resource {
            Resource::Lambda { arn } => {
                let authorizer = self.authorizer(call);
                let result = lambda::invoke_arn(&*self.functions, arn, call, authorizer).await;
                (result, arn.as_str(), IntegrationPattern::RequestResponse)
            }
            Resource::Service { service, api, sdk, pattern } => {
                let result = self.call_service(driver, service, api, *sdk, call).await;
                (result, service.as_str(), *pattern)
            }
            Resource::Activity { arn } => {
                (Err(not_callable(arn)), arn.as_str(), IntegrationPattern::RequestResponse)
            }
        };
        match result {
            Err(failure) => failure.into(),
            Ok(output) if output.len() > MAX_RESULT_BYTES => result_too_large(source).into(),
            Ok(output) if pattern == IntegrationPattern::RequestResponse => {
                TaskOutcome::Succeeded(output)
            }
            Ok(output) => TaskOutcome::Submitted(output),
        }
    }

    async fn call_service(
        &self,
        driver: &Arc<Driver>,
        service: &str,
        api: &str,
        sdk: bool,
        call: &TaskCall,
    ) -> Result<String, Failure> {
        let authorizer = self.authorizer(call);
        match (service, sdk) {
            ("lambda", false) => {
                lambda::invoke(&self.functions, api, call, driver, authorizer).await
            }
            ("dynamodb", _) => {
                let integration = dynamodb::Integration { api, sdk, authorizer };
                dynamodb::call(&self.dynamodb, integration, call, &driver.clock).await
            }
            ("states", false) => states::start_execution(driver, api, call, authorizer).await,
            ("sfn", true) => sdk::step_functions(driver, api, call, authorizer).await,
            _ => Err(unsupported(service, api, sdk)),
        }
    }

    fn authorizer<'a>(&'a self, call: &'a TaskCall) -> Authorizer<'a> {
        Authorizer { permissions: self.permissions.as_deref(), role_arn: &call.start.role_arn }
    }
}

/// A failed attempt: the error's name and cause, as AWS writes them.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    error: String,
    cause: String,
}

impl Failure {
    fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }
}

impl From<Failure> for TaskOutcome {
    fn from(failure: Failure) -> Self {
        Self::Failed { error: failure.error, cause: failure.cause }
    }
}

fn result_too_large(source: &str) -> Failure {
    Failure::new(
        "States.DataLimitExceeded",
        format!(
            "The state/task '{source}' returned a result with a size exceeding the maximum number \
             of bytes service limit."
        ),
    )
}

fn not_callable(arn: &str) -> Failure {
    Failure::new("States.Runtime", format!("An activity is polled by a worker, not called: {arn}"))
}

/// Without a driver no execution runs, so no execution ever sees this failure.
fn stopped() -> Failure {
    Failure::new("States.Runtime", "The service has stopped.")
}

/// The stack provides few services. A task that calls another one fails at once, so that it
/// does not wait forever.
fn unsupported(service: &str, api: &str, sdk: bool) -> Failure {
    let prefix = if sdk { "aws-sdk:" } else { "" };
    Failure::new(
        "States.TaskFailed",
        format!(
            "The local stack does not serve arn:aws:states:::{prefix}{service}:{api}. It serves \
             lambda, dynamodb, states and aws-sdk:sfn."
        ),
    )
}
