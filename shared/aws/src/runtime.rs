//! Runs a handler of the state machine under Lambda.
//!
//! A handler takes the input as JSON and gives back the output or a
//! [`StepError`], whose fault's name becomes the `errorType` that the state
//! machine matches. A failure is logged here, once.

use std::future::Future;

use domain::{ErrorName, OrderId, StepError};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::configuration::{InvalidSetting, Settings};
use crate::telemetry;

pub use lambda_runtime::Error;

/// What every `main` does first: a panic gives nothing away from here on, log
/// lines are JSON, and the environment is read.
pub fn init() -> Result<Settings, InvalidSetting> {
    telemetry::install_panic_hook();
    let settings = Settings::from_env();
    telemetry::init(settings.log_level()?);
    Ok(settings)
}

/// Runs the handler until Lambda ends the process.
pub async fn run<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Value) -> F,
    F: Future<Output = Result<Value, StepError>>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        invoke(handle, event.payload.get()).await.map_err(FunctionError)
    }))
    .await
}

/// Runs the handler on one input, and logs how it failed.
pub async fn invoke<H, F>(handle: H, input: &str) -> Result<Value, StepError>
where
    H: Fn(Value) -> F,
    F: Future<Output = Result<Value, StepError>>,
{
    // The reason is left out: it may quote the input.
    let parsed: Result<Value, _> =
        serde_json::from_str(input)
            .or(Err(ErrorName::InvalidRequest
                .with_detail("the input is nested too deeply, or is no JSON")));
    let (operation, order_id, result) = match parsed {
        Ok(input) => {
            let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
            // What a hand-made input holds there may be anything: only what is
            // nothing but a name is logged.
            let is_word =
                |text: &&str| text.len() <= 20 && text.bytes().all(|b| b.is_ascii_lowercase());
            let operation = Some(text("operation")).filter(is_word).unwrap_or("?").to_owned();
            let id = OrderId::parse(text("orderId")).map_or_else(|_| "?".to_owned(), String::from);
            (operation, id, handle(input).await)
        }
        Err(failure) => (String::new(), String::new(), Err(failure)),
    };
    if let Err(failure) = &result {
        telemetry::log_failure(&operation, &order_id, failure);
    }
    result
}

/// A failure on its way out of the process, under the name of its fault.
#[derive(Debug)]
pub struct FunctionError(pub StepError);

impl From<FunctionError> for Diagnostic {
    fn from(FunctionError(failure): FunctionError) -> Self {
        Self { error_type: failure.name.as_str().to_owned(), error_message: failure.detail }
    }
}
