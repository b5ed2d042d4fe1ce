//! Lambda: a function by its ARN, or the optimized integration `lambda:invoke`.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::authorizer::Authorizer;
use super::metadata::{HttpResponse, request_id};
use super::{Failure, FunctionInvoker, sdk};
use crate::aws::AwsError;
use crate::iam::access;
use crate::lambda::{InvokeError, InvokeOutcome, function_arn};
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::task::TaskCall;

/// `"Resource": "arn:aws:lambda:…"`: the parameters are the payload, and the function's
/// response is the result.
pub(super) async fn invoke_arn(
    functions: &dyn FunctionInvoker,
    arn: &str,
    call: &TaskCall,
    authorizer: Authorizer<'_>,
) -> Result<String, Failure> {
    authorize(authorizer, arn)?;
    let payload = call.request.parameters.to_string();
    let outcome = functions.invoke(arn, Bytes::from(payload)).await;
    let outcome = outcome.map_err(|error| invoke_failure(&error))?;
    let outcome = check_function_error(outcome)?;
    Ok(payload_text(&outcome.payload))
}

/// `arn:aws:states:::lambda:invoke`.
pub(super) async fn invoke(
    functions: &Arc<dyn FunctionInvoker>,
    api: &str,
    call: &TaskCall,
    driver: &Arc<Driver>,
    authorizer: Authorizer<'_>,
) -> Result<String, Failure> {
    let parameters = &call.request.parameters;
    let name = parameters.get("FunctionName").and_then(Value::as_str).filter(|_| api == "invoke");
    let Some(name) = name else {
        let cause = format!("lambda:{api} needs a FunctionName");
        return Err(Failure::new("Lambda.InvalidParameterValueException", cause));
    };
    let qualifier = parameters.get("Qualifier").and_then(Value::as_str);
    let function = qualifier.map_or_else(|| name.to_owned(), |q| format!("{name}:{q}"));
    authorize(authorizer, &function)?;
    let payload = parameters.get("Payload").map_or_else(|| "{}".to_owned(), Value::to_string);
    let payload = Bytes::from(payload);
    match parameters.get("InvocationType").and_then(Value::as_str) {
        Some("Event") => Ok(invoke_async(functions, function, payload, call, driver)),
        Some("DryRun") => Ok(response_without_payload(204, driver)),
        _ => {
            let outcome = functions.invoke(&function, payload).await;
            let outcome = outcome.map_err(|error| invoke_failure(&error))?;
            Ok(response_with_payload(&check_function_error(outcome)?, driver))
        }
    }
}

fn authorize(authorizer: Authorizer<'_>, function: &str) -> Result<(), Failure> {
    let needed = [access::of_invocation(function_arn(function))];
    authorizer.check(&needed).map_err(|denied| access_denied(&denied.to_rest_error()))
}

/// Invokes the function without waiting for its response.
fn invoke_async(
    functions: &Arc<dyn FunctionInvoker>,
    function: String,
    payload: Bytes,
    call: &TaskCall,
    driver: &Arc<Driver>,
) -> String {
    let functions = Arc::clone(functions);
    let busy = call.busy.clone();
    tokio::spawn(async move {
        if let Err(error) = functions.invoke(&function, payload).await {
            tracing::warn!(%error, "could not deliver an asynchronous invocation to its function");
        }
        drop(busy);
    });
    response_without_payload(202, driver)
}

fn response_without_payload(status: u16, driver: &Driver) -> String {
    let response = HttpResponse {
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
        "SdkHttpMetadata": response.sdk_http_metadata(&driver.clock),
        "SdkResponseMetadata": response.sdk_response_metadata(),
        "StatusCode": status,
    })
    .to_string()
}

fn response_with_payload(outcome: &InvokeOutcome, driver: &Driver) -> String {
    let body = payload_text(&outcome.payload);
    let response = HttpResponse {
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
        "SdkHttpMetadata": response.sdk_http_metadata(&driver.clock),
        "SdkResponseMetadata": response.sdk_response_metadata(),
        "StatusCode": 200,
    })
    .to_string()
}

/// Turns an error that the function returned into a failure: `errorType` is its name, and the
/// whole error object is its cause.
fn check_function_error(outcome: InvokeOutcome) -> Result<InvokeOutcome, Failure> {
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

/// The failure of an invocation that Lambda rejected or could not complete.
fn invoke_failure(error: &InvokeError) -> Failure {
    let error = error.to_aws();
    if error.code == sdk::SDK_CLIENT_EXCEPTION {
        return Failure::new(format!("Lambda.{}", error.code), error.message);
    }
    Failure::new(format!("Lambda.{}", error.code), service_cause(&error))
}

/// Lambda's API model does not name this error, so it has the service's generic name.
fn access_denied(error: &AwsError) -> Failure {
    Failure::new("Lambda.AWSLambdaException", service_cause(error))
}

fn service_cause(error: &AwsError) -> String {
    format!(
        "{} (Service: AWSLambda; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        error.message,
        error.status,
        error.code,
        request_id()
    )
}

/// The payload as JSON text; an empty payload is `null`.
fn payload_text(payload: &[u8]) -> String {
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
        }
    }

    #[test]
    fn a_function_error_has_its_type_as_name_and_the_whole_error_as_cause() {
        let check = |payload: &str, error: &str, cause: &str| {
            let failure = check_function_error(outcome(payload, true)).unwrap_err();
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
    fn an_error_of_lambda_itself_has_lambdas_prefix() {
        let failure = invoke_failure(&InvokeError::Throttled);
        assert_eq!(failure.error, "Lambda.TooManyRequestsException");
        assert!(failure.cause.starts_with(
            "Rate Exceeded. (Service: AWSLambda; Status Code: 429; \
             Error Code: TooManyRequestsException; Request ID: "
        ));
    }

    #[test]
    fn an_empty_payload_is_null() {
        assert_eq!(payload_text(b""), "null");
        assert_eq!(payload_text(b"{\"a\": 1}"), "{\"a\": 1}");
    }
}
