//! The services that speak AWS's JSON 1.0: one path, the operation in a header.

use serde_json::Value;
use uuid::Uuid;

use super::{AwsError, Served, Services};
use crate::dynamodb::Caller;
use crate::http::{Reply, Request, Response, StatusCode, add_header, header, response};
use crate::lambda::ACCESS_KEY_PREFIX;

/// What is before the operation in DynamoDB's `X-Amz-Target`.
pub(super) const DYNAMODB: &str = "DynamoDB_20120810";
/// The same of Step Functions.
pub(super) const STATES: &str = "AWSStepFunctions";

pub(super) async fn dynamodb(services: &Services, operation: &str, request: &Request) -> Reply {
    let served = match body_of(request) {
        Ok(body) => services.dynamodb.serve(operation, &body, &caller_of(request)).await,
        Err(error) => Served::Refusal(error),
    };
    reply(served, |response, body| {
        add_header(response, "x-amz-crc32", &crc32fast::hash(body.as_bytes()).to_string());
    })
}

pub(super) async fn states(services: &Services, operation: &str, request: &Request) -> Reply {
    let served = match body_of(request) {
        Ok(body) => (services.states)(operation.to_owned(), body).await,
        Err(error) => Served::Refusal(error),
    };
    reply(served, |_, _| ())
}

/// The answer to a target that no service has.
pub(super) fn unknown_operation() -> Reply {
    let error = AwsError::bare(400, "UnknownOperationException");
    reply(Served::Refusal(error), |_, _| ())
}

fn body_of(request: &Request) -> Result<Value, AwsError> {
    // AWS says no more than this of a body that it cannot read.
    serde_json::from_slice(request.body())
        .map_err(|_unsaid| AwsError::bare(400, "SerializationException"))
}

/// Who signed: the access key of a function's process has the function's name.
fn caller_of(request: &Request) -> Caller {
    let authorization = header(request.headers(), "authorization");
    let credential = authorization.split_once("Credential=").map_or("", |(_, rest)| rest);
    let key = credential.split('/').next().unwrap_or_default();
    key.strip_prefix(ACCESS_KEY_PREFIX)
        .map_or(Caller::Other, |function| Caller::Function(function.to_owned()))
}

/// The reply that a call comes to; `finish` adds what the service has of its own.
fn reply(served: Served, finish: impl FnOnce(&mut Response, &str)) -> Reply {
    let (status, body) = match served {
        Served::Answer(answer) => (StatusCode::OK, answer.to_string()),
        Served::Refusal(error) => (status_of(&error), error.body.to_string()),
        Served::Closed => return Reply::Close,
        Served::Silence => return Reply::Silence,
    };
    let mut response = response(status, "application/x-amz-json-1.0", body.clone());
    add_header(&mut response, "x-amzn-requestid", &Uuid::new_v4().to_string());
    finish(&mut response, &body);
    response.into()
}

pub(super) fn status_of(error: &AwsError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
