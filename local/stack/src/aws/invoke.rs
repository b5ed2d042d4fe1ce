//! Lambda's Invoke: `POST /2015-03-31/functions/{name or ARN}/invocations`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use uuid::Uuid;

use super::json::status_of;
use super::{AwsError, Services};
use crate::http::{
    Method, Reply, Request, Response, StatusCode, add_header, header, percent_decoded, response,
};
use crate::lambda::{InvokeError, InvokeOutcome};

/// Under which Lambda's API about functions lies.
pub(super) const PATH: &str = "/2015-03-31/functions";

pub(super) async fn serve(services: &Services, request: &Request) -> Reply {
    let Some(function) = invoked(request) else {
        let text = "The local stack serves Invoke only.";
        return refused(&AwsError::new(404, "UnknownOperationException", text)).into();
    };
    let payload = request.body().clone();
    match header(request.headers(), "x-amz-invocation-type") {
        "" | "RequestResponse" => wait(services, &function, request, payload).await,
        "Event" => event(services, &function, payload).into(),
        "DryRun" => dry_run(services, &function, payload).into(),
        other => refused(&invalid_type(other)).into(),
    }
}

/// The function that is to be invoked, with the qualifier of the query, if any.
fn invoked(request: &Request) -> Option<String> {
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

async fn wait(services: &Services, function: &str, request: &Request, payload: Bytes) -> Reply {
    let with_tail = header(request.headers(), "x-amz-log-type") == "Tail";
    match services.lambda.invoke(function, payload).await {
        Ok(outcome) => answered(outcome, with_tail).into(),
        Err(InvokeError::Unreachable) => Reply::Close,
        Err(error) => refused(&error.to_aws()).into(),
    }
}

fn answered(outcome: InvokeOutcome, with_tail: bool) -> Response {
    let mut answer = response(StatusCode::OK, "application/json", outcome.payload);
    add_header(&mut answer, "x-amzn-requestid", &outcome.request_id);
    add_header(&mut answer, "x-amz-executed-version", &outcome.executed_version);
    if let Some(function_error) = &outcome.function_error {
        add_header(&mut answer, "x-amz-function-error", function_error);
    }
    if with_tail {
        add_header(&mut answer, "x-amz-log-result", &STANDARD.encode(outcome.log_tail));
    }
    answer
}

fn event(services: &Services, function: &str, payload: Bytes) -> Response {
    match services.lambda.invoke_event(function, payload) {
        Ok(request_id) => {
            let mut answer = response(StatusCode::ACCEPTED, "application/json", "");
            add_header(&mut answer, "x-amzn-requestid", &request_id);
            answer
        }
        Err(error) => refused(&error.to_aws()),
    }
}

fn dry_run(services: &Services, function: &str, payload: Bytes) -> Response {
    match services.lambda.check(function, payload) {
        Ok(()) => response(StatusCode::NO_CONTENT, "application/json", ""),
        Err(error) => refused(&error.to_aws()),
    }
}

fn invalid_type(given: &str) -> AwsError {
    let text = format!(
        "1 validation error detected: Value '{given}' at 'invocationType' failed to satisfy \
         constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
    );
    AwsError::client("ValidationException", text)
}

/// An error in the shape of AWS's REST JSON: its name in a header.
fn refused(error: &AwsError) -> Response {
    let mut answer = response(status_of(error), "application/json", error.body.to_string());
    add_header(&mut answer, "x-amzn-requestid", &Uuid::new_v4().to_string());
    add_header(&mut answer, "x-amzn-errortype", &error.code);
    answer
}
