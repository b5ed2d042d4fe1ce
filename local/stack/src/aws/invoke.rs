//! Lambda's Invoke: `POST /2015-03-31/functions/{name or ARN}/invocations`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use uuid::Uuid;

use super::json::status_of;
use super::{AwsError, Services, Signer};
use crate::http::{
    Method, Reply, Request, Response, StatusCode, add_header, header, percent_decoded, response,
};
use crate::iam::access;
use crate::lambda::{InvokeError, InvokeOutcome, function_arn};

/// The path prefix of Lambda's function APIs.
pub(super) const PATH: &str = "/2015-03-31/functions";

pub(super) async fn serve(services: &Services, request: &Request, signer: &Signer) -> Reply {
    let Some(function) = function_of(request) else {
        let error = AwsError { status: 404, ..AwsError::not_served("Lambda", &["Invoke"]) };
        return error_response(&error).into();
    };
    let needed = [access::of_invocation(function_arn(&function))];
    if let Err(denied) = signer.authorize(services.permissions.as_deref(), &needed) {
        return error_response(&denied.to_rest_error()).into();
    }
    let payload = request.body().clone();
    match header(request.headers(), "x-amz-invocation-type") {
        "" | "RequestResponse" => invoke_sync(services, &function, request, payload).await,
        "Event" => invoke_async(services, &function, payload).into(),
        "DryRun" => dry_run(services, &function, payload).into(),
        other => error_response(&invalid_type(other)).into(),
    }
}

/// The name of the function, with the qualifier from the query, if any.
fn function_of(request: &Request) -> Option<String> {
    let rest = request.uri().path().strip_prefix(PATH)?.strip_prefix('/')?;
    let (name, operation) = rest.split_once('/')?;
    if request.method() != Method::POST || operation != "invocations" {
        return None;
    }
    let name = percent_decoded(name);
    Some(match qualifier(request) {
        Some(qualifier) => format!("{name}:{qualifier}"),
        None => name,
    })
}

fn qualifier(request: &Request) -> Option<String> {
    let query = request.uri().query()?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(name, _)| name == "Qualifier").map(|(_, qualifier)| qualifier)
}

async fn invoke_sync(
    services: &Services,
    function: &str,
    request: &Request,
    payload: Bytes,
) -> Reply {
    let wants_log_tail = header(request.headers(), "x-amz-log-type") == "Tail";
    match services.lambda.invoke(function, payload).await {
        Ok(outcome) => {
            let log = wants_log_tail.then(|| services.lambda.logs().tail(&outcome.request_id));
            success_response(outcome, log).into()
        }
        Err(InvokeError::Unreachable) => Reply::CloseConnection,
        Err(error) => error_response(&error.to_aws()).into(),
    }
}

fn success_response(outcome: InvokeOutcome, log_tail: Option<Vec<u8>>) -> Response {
    let mut response = response(StatusCode::OK, "application/json", outcome.payload);
    add_header(&mut response, "x-amzn-requestid", &outcome.request_id);
    add_header(&mut response, "x-amz-executed-version", &outcome.executed_version);
    if let Some(function_error) = &outcome.function_error {
        add_header(&mut response, "x-amz-function-error", function_error);
    }
    if let Some(log_tail) = log_tail {
        add_header(&mut response, "x-amz-log-result", &STANDARD.encode(log_tail));
    }
    response
}

fn invoke_async(services: &Services, function: &str, payload: Bytes) -> Response {
    match services.lambda.invoke_async(function, payload) {
        Ok(request_id) => {
            let mut response = response(StatusCode::ACCEPTED, "application/json", "");
            add_header(&mut response, "x-amzn-requestid", &request_id);
            response
        }
        Err(error) => error_response(&error.to_aws()),
    }
}

fn dry_run(services: &Services, function: &str, payload: Bytes) -> Response {
    match services.lambda.dry_run(function, payload) {
        Ok(()) => response(StatusCode::NO_CONTENT, "application/json", ""),
        Err(error) => error_response(&error.to_aws()),
    }
}

fn invalid_type(value: &str) -> AwsError {
    let text = format!(
        "1 validation error detected: Value '{value}' at 'invocationType' failed to satisfy \
         constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
    );
    AwsError::client("ValidationException", text)
}

/// An error in AWS's REST JSON format, which has the error name in a header.
fn error_response(error: &AwsError) -> Response {
    let mut response = response(status_of(error), "application/json", error.body.to_string());
    add_header(&mut response, "x-amzn-requestid", &Uuid::new_v4().to_string());
    add_header(&mut response, "x-amzn-errortype", &error.code);
    response
}
