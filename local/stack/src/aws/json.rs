//! The services that speak AWS's JSON 1.0: one path, the operation in a header.

use serde_json::Value;
use uuid::Uuid;

use super::{AwsError, Served, Services, Signer};
use crate::http::{Reply, Request, Response, StatusCode, add_header, response};

/// What is before the operation in DynamoDB's `X-Amz-Target`.
pub(super) const DYNAMODB: &str = "DynamoDB_20120810";
/// The same of Step Functions.
pub(super) const STATES: &str = "AWSStepFunctions";

pub(super) async fn dynamodb(services: &Services, operation: &str, request: &Request) -> Reply {
    let served = match body_of(request) {
        Ok(body) => {
            let signer = Signer::of(request.headers());
            services.dynamodb.serve(operation, &body, &signer.caller(), signer.process()).await
        }
        Err(error) => Served::Refusal(error),
    };
    reply(served, |response, body| {
        add_header(response, "x-amz-crc32", &crc32fast::hash(body.as_bytes()).to_string());
    })
}

pub(super) async fn states(services: &Services, operation: &str, request: &Request) -> Reply {
    let served = match body_of(request) {
        Ok(body) => {
            (services.states)(operation.to_owned(), body, Signer::of(request.headers())).await
        }
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
