//! Lambda: a function by its ARN, or by the optimised `lambda:invoke`.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::metadata::{Answer, request_id};
use super::{Call, Failure, Functions, sdk};
use crate::lambda::{InvokeError, InvokeOutcome};
use crate::stepfunctions::driver::Driver;

/// `"Resource": "arn:aws:lambda:…"`: the parameters are the payload, and the
/// function's answer is the result.
pub(super) async fn by_arn(
    functions: &dyn Functions,
    arn: &str,
    call: &Call,
) -> Result<String, Failure> {
    let payload = call.request.parameters.to_string();
    let outcome = functions.invoke(arn, Bytes::from(payload)).await;
    let outcome = outcome.map_err(|error| refused(&error))?;
    let answer = answered(outcome)?;
    Ok(text(&answer.payload))
}

/// `arn:aws:states:::lambda:invoke`.
pub(super) async fn optimised(
    functions: &Arc<dyn Functions>,
    api: &str,
    call: &Call,
    driver: &Arc<Driver>,
) -> Result<String, Failure> {
    let parameters = &call.request.parameters;
    let name = parameters.get("FunctionName").and_then(Value::as_str).filter(|_| api == "invoke");
    let Some(name) = name else {
        let cause = format!("lambda:{api} needs a FunctionName");
        return Err(Failure::new("Lambda.InvalidParameterValueException", cause));
    };
    let qualifier = parameters.get("Qualifier").and_then(Value::as_str);
    let function = qualifier.map_or_else(|| name.to_owned(), |q| format!("{name}:{q}"));
    let payload = Bytes::from(payload(parameters.get("Payload")));
    match parameters.get("InvocationType").and_then(Value::as_str) {
        Some("Event") => Ok(sent(functions, function, payload, call, driver)),
        Some("DryRun") => Ok(accepted(204, driver)),
        _ => {
            let outcome = functions.invoke(&function, payload).await;
            let outcome = answered(outcome.map_err(|error| refused(&error))?)?;
            Ok(invoked(&outcome, driver))
        }
    }
}

/// A payload is sent as it is where it is an object, and without one nothing is.
fn payload(given: Option<&Value>) -> String {
    given.map_or_else(|| "{}".to_owned(), Value::to_string)
}

/// Sends an event that nobody waits for.
fn sent(
    functions: &Arc<dyn Functions>,
    function: String,
    payload: Bytes,
    call: &Call,
    driver: &Arc<Driver>,
) -> String {
    let functions = Arc::clone(functions);
    let busy = call.busy.clone();
    tokio::spawn(async move {
        if let Err(error) = functions.invoke(&function, payload).await {
            tracing::warn!(%error, "an event could not be delivered to its function");
        }
        drop(busy);
    });
    accepted(202, driver)
}

fn accepted(status: u16, driver: &Driver) -> String {
    let answer = Answer {
        status,
        request_id: request_id(),
        content_type: "application/json",
        length: 0,
        extra: vec![
            ("Connection", "keep-alive".to_owned()),
            ("x-amzn-Remapped-Content-Length", "0".to_owned()),
        ],
    };
    json!({
        "SdkHttpMetadata": answer.http(&driver.clock),
        "SdkResponseMetadata": answer.response(),
        "StatusCode": status,
    })
    .to_string()
}

fn invoked(outcome: &InvokeOutcome, driver: &Driver) -> String {
    let body = text(&outcome.payload);
    let answer = Answer {
        status: 200,
        request_id: outcome.request_id.clone(),
        content_type: "application/json",
        length: body.len(),
        extra: vec![
            ("Connection", "keep-alive".to_owned()),
            ("X-Amz-Executed-Version", outcome.executed_version.clone()),
            ("x-amzn-Remapped-Content-Length", "0".to_owned()),
        ],
    };
    json!({
        "ExecutedVersion": outcome.executed_version,
        "Payload": serde_json::from_str(&body).unwrap_or(Value::String(body)),
        "SdkHttpMetadata": answer.http(&driver.clock),
        "SdkResponseMetadata": answer.response(),
        "StatusCode": 200,
    })
    .to_string()
}

/// The function's answer, or its own error: `errorType` names it, and the whole
/// error object is the cause.
fn answered(outcome: InvokeOutcome) -> Result<InvokeOutcome, Failure> {
    if outcome.function_error.is_none() {
        return Ok(outcome);
    }
    let payload = String::from_utf8_lossy(&outcome.payload).into_owned();
    let error: Option<Value> = serde_json::from_str(&payload).ok();
    let name = error.as_ref().and_then(|error| error.get("errorType")?.as_str());
    Err(match name.filter(|name| !name.is_empty()) {
        Some(name) => Failure::new(name, payload.clone()),
        None => Failure::new(
            "Lambda.Unknown",
            format!(
                "The cause could not be determined because Lambda did not return an error type. \
                 Returned payload: {payload}"
            ),
        ),
    })
}

/// Lambda itself refused, or failed.
fn refused(error: &InvokeError) -> Failure {
    let refusal = error.to_aws();
    if refusal.code == sdk::UNREACHABLE {
        return Failure::new(format!("Lambda.{}", refusal.code), refusal.message);
    }
    Failure::new(
        format!("Lambda.{}", refusal.code),
        format!(
            "{} (Service: AWSLambda; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
            refusal.message,
            refusal.status,
            refusal.code,
            request_id()
        ),
    )
}

/// The answer as JSON text; a function that answers nothing answers null.
fn text(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    if text.trim().is_empty() { "null".to_owned() } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(payload: &str, failed: bool) -> InvokeOutcome {
        InvokeOutcome {
            payload: Bytes::from(payload.to_owned()),
            function_error: failed.then(|| "Unhandled".to_owned()),
            executed_version: "1".to_owned(),
            request_id: "r".to_owned(),
            log_tail: Vec::new(),
        }
    }

    #[test]
    fn a_functions_error_is_named_by_its_type_and_caused_by_the_whole_of_it() {
        let check = |payload: &str, error: &str, cause: &str| {
            let failure = answered(outcome(payload, true)).unwrap_err();
            assert_eq!((failure.error.as_str(), failure.cause.as_str()), (error, cause));
        };
        let declined = r#"{"errorType":"PaymentDeclined","errorMessage":"the card was declined"}"#;
        check(declined, "PaymentDeclined", declined);
        check(
            r#"{"errorMessage":"?"}"#,
            "Lambda.Unknown",
            "The cause could not be determined because Lambda did not return an error type. \
             Returned payload: {\"errorMessage\":\"?\"}",
        );
    }

    #[test]
    fn lambda_s_own_refusals_carry_its_prefix() {
        let failure = refused(&InvokeError::Throttled);
        assert_eq!(failure.error, "Lambda.TooManyRequestsException");
        assert!(failure.cause.starts_with(
            "Rate Exceeded. (Service: AWSLambda; Status Code: 429; \
             Error Code: TooManyRequestsException; Request ID: "
        ));
    }

    #[test]
    fn an_empty_answer_is_null() {
        assert_eq!(text(b""), "null");
        assert_eq!(text(b"{\"a\": 1}"), "{\"a\": 1}");
    }
}
