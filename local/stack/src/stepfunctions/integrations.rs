//! What Task states call, and how its answers look to them.
//!
//! One file a service: [`lambda`], [`dynamodb`], [`states`] (Step Functions
//! itself, optimised), [`sdk`] (the words of an `aws-sdk:` call). The engine has
//! settled what is passed; here it is passed on, and the answer or the error gets
//! the name and the shape that AWS gives it.

mod dynamodb;
mod lambda;
mod metadata;
pub(super) mod sdk;
pub(super) mod states;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use asl::{IntegrationPattern, Resource, StartParameters, TaskId, TaskRequest};
use bytes::Bytes;

use super::driver::Driver;
use crate::clock::BusyGuard;
use crate::dynamodb::DynamoDb;
use crate::lambda::{InvokeError, InvokeOutcome, LambdaHost};

/// Whoever runs functions: the Lambda host, or what stands for it in a test.
pub trait Functions: Send + Sync + fmt::Debug {
    /// Invokes a function by its name or ARN and waits for its answer.
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> Invocation<'a>;

    /// Kills this process of a function, if it is at work.
    fn kill(&self, process: u64);
}

/// An invocation under way.
pub type Invocation<'a> =
    Pin<Box<dyn Future<Output = Result<InvokeOutcome, InvokeError>> + Send + 'a>>;

impl Functions for LambdaHost {
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> Invocation<'a> {
        Box::pin(LambdaHost::invoke(self, function, payload))
    }

    fn kill(&self, process: u64) {
        LambdaHost::kill_worker(self, process);
    }
}

/// What the state machines of this stack can reach.
#[derive(Debug, Clone)]
pub(super) struct Services {
    pub(super) functions: Arc<dyn Functions>,
    pub(super) dynamodb: Arc<DynamoDb>,
}

/// One attempt of one task, to be carried out.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Arc<TaskRequest>,
    /// The execution that asks.
    pub(super) start: Arc<StartParameters>,
    pub(super) task: TaskId,
    /// Held until the answer has been stored.
    pub(super) busy: BusyGuard,
}

/// What became of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The result, JSON text.
    Succeeded(String),
    /// The job was taken; the result comes later.
    Submitted(String),
    /// The error's name and cause, as AWS writes them.
    Failed { error: String, cause: String },
}

/// The largest result that a task may have: 256 KiB.
const LARGEST_RESULT: usize = 262_144;

impl Services {
    /// Carries out one attempt.
    pub(super) async fn call(&self, driver: &Arc<Driver>, call: &Call) -> Outcome {
        let (answer, source, pattern) = match &call.request.resource {
            Resource::Lambda { arn } => {
                let answer = lambda::by_arn(&*self.functions, arn, call).await;
                (answer, arn.as_str(), IntegrationPattern::RequestResponse)
            }
            Resource::Service { service, api, sdk, pattern } => {
                let answer = self.service(driver, service, api, *sdk, call).await;
                (answer, service.as_str(), *pattern)
            }
            Resource::Activity { arn } => {
                (Err(no_caller(arn)), arn.as_str(), IntegrationPattern::RequestResponse)
            }
        };
        match answer {
            Err(failure) => failure.into(),
            Ok(output) if output.len() > LARGEST_RESULT => too_large(source).into(),
            Ok(output) if pattern == IntegrationPattern::RequestResponse => {
                Outcome::Succeeded(output)
            }
            Ok(output) => Outcome::Submitted(output),
        }
    }

    async fn service(
        &self,
        driver: &Arc<Driver>,
        service: &str,
        api: &str,
        sdk: bool,
        call: &Call,
    ) -> Result<String, Failure> {
        match (service, sdk) {
            ("lambda", false) => lambda::optimised(&self.functions, api, call, driver).await,
            ("dynamodb", _) => dynamodb::call(&self.dynamodb, api, sdk, call, &driver.clock).await,
            ("states", false) => states::start(driver, api, call).await,
            ("sfn", true) => sdk::step_functions(driver, api, call).await,
            _ => Err(not_served(service, api, sdk)),
        }
    }
}

/// How an attempt failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: String,
    pub(super) cause: String,
}

impl Failure {
    pub(super) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed { error: failure.error, cause: failure.cause }
    }
}

fn too_large(source: &str) -> Failure {
    Failure::new(
        "States.DataLimitExceeded",
        format!(
            "The state/task '{source}' returned a result with a size exceeding the maximum number \
             of bytes service limit."
        ),
    )
}

fn no_caller(arn: &str) -> Failure {
    Failure::new("States.Runtime", format!("An activity is taken by a worker, not called: {arn}"))
}

/// The stack stands for few services. What it does not stand for fails at once and
/// says so, rather than wait for ever.
fn not_served(service: &str, api: &str, sdk: bool) -> Failure {
    let prefix = if sdk { "aws-sdk:" } else { "" };
    Failure::new(
        "States.TaskFailed",
        format!(
            "The local stack does not serve arn:aws:states:::{prefix}{service}:{api}. It serves \
             lambda, dynamodb, states and aws-sdk:sfn."
        ),
    )
}
