//! Runs a step of the state machine under Lambda.
//!
//! A handler takes its input as JSON and returns its output or a [`StepError`]. The
//! error's name becomes the `errorType` that the state machine matches. [`invoke`] logs
//! a failure once; handlers do not.

use std::future::Future;

use domain::{ErrorName, OrderId, StepError};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::configuration::{InvalidSetting, Settings};
use crate::{emf, telemetry};

pub use lambda_runtime::Error;

/// What the log shows in place of an operation or order id that is missing or malformed.
const UNKNOWN: &str = "?";

/// Installs the panic hook and the logger, then reads the environment. Each `main`
/// calls this first.
///
/// # Errors
/// If `LOG_LEVEL` is not a log level.
pub fn init() -> Result<Settings, InvalidSetting> {
    telemetry::install_panic_hook();
    let settings = Settings::from_env();
    telemetry::init(settings.log_level()?);
    if let Some(stack) = settings.stack_name() {
        emf::set_stack(stack);
    }
    Ok(settings)
}

/// Runs the handler until Lambda ends the process.
///
/// # Errors
/// If the Lambda runtime API cannot be used.
pub async fn run<H, F>(handler: H) -> Result<(), Error>
where
    H: Fn(Value) -> F,
    F: Future<Output = Result<Value, StepError>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        invoke(handler, event.payload.get()).await.map_err(FunctionError)
    }))
    .await
}

/// Runs the handler on one input and logs a failure.
///
/// # Errors
/// The handler's error, or `InvalidRequest` if the input is not JSON.
pub async fn invoke<H, F>(handler: H, input: &str) -> Result<Value, StepError>
where
    H: Fn(Value) -> F,
    F: Future<Output = Result<Value, StepError>>,
{
    let Ok(input) = serde_json::from_str::<Value>(input) else {
        // serde's reason is left out: it may quote the input.
        let failure =
            ErrorName::InvalidRequest.with_detail("the input is not JSON or is nested too deeply");
        telemetry::log_failure("", "", &failure);
        return Err(failure);
    };
    let (operation, order_id) = (loggable_operation(&input), loggable_order_id(&input));
    let result = handler(input).await;
    if let Err(failure) = &result {
        telemetry::log_failure(&operation, &order_id, failure);
    }
    result
}

/// The operation's name for the log; empty for a function with a single operation. An
/// input made by hand may hold anything there, so only a short lowercase word is logged.
fn loggable_operation(input: &Value) -> String {
    let is_word = |text: &&str| text.len() <= 20 && text.bytes().all(|b| b.is_ascii_lowercase());
    let operation = input.get("operation").and_then(Value::as_str).unwrap_or_default();
    Some(operation).filter(is_word).unwrap_or(UNKNOWN).to_owned()
}

fn loggable_order_id(input: &Value) -> String {
    let id = input.get("orderId").and_then(Value::as_str).unwrap_or_default();
    OrderId::parse(id).map_or_else(|_| UNKNOWN.to_owned(), String::from)
}

/// A failure on its way to Lambda, which reports its name as the `errorType`.
#[derive(Debug)]
pub struct FunctionError(pub StepError);

impl From<FunctionError> for Diagnostic {
    fn from(FunctionError(failure): FunctionError) -> Self {
        Self { error_type: failure.name.as_str().to_owned(), error_message: failure.detail }
    }
}
