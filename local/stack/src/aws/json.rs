//! DynamoDB and Step Functions (AWS's JSON 1.0 protocol) and Secrets Manager (JSON 1.1), with
//! the operation in a header.

use serde_json::Value;
use uuid::Uuid;

use super::{AwsError, ServiceReply, Services, Signer};
use crate::http::{Reply, Request, Response, StatusCode, add_header, response};
use crate::iam::access;

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// The prefix of the operation in DynamoDB's `X-Amz-Target`.
pub(super) const DYNAMODB: &str = "DynamoDB_20120810";
/// The prefix of the operation in Step Functions' `X-Amz-Target`.
pub(super) const STEP_FUNCTIONS: &str = "AWSStepFunctions";

/// The prefix of the operation in Secrets Manager's `X-Amz-Target`.
pub(super) const SECRETS_MANAGER: &str = "secretsmanager";

pub(super) async fn dynamodb(
    services: &Services,
    operation: &str,
    request: &Request,
    signer: &Signer,
) -> Reply {
    let service_reply = match authorized_body(services, operation, request, signer) {
        Ok(body) => {
            services.dynamodb.serve(operation, &body, &signer.caller(), signer.worker()).await
        }
        Err(error) => ServiceReply::Error(error),
    };
    reply(service_reply, JSON_1_0, |response, body| {
        add_header(response, "x-amz-crc32", &crc32fast::hash(body.as_bytes()).to_string());
    })
}

/// The body, if the signer may make the call.
fn authorized_body(
    services: &Services,
    operation: &str,
    request: &Request,
    signer: &Signer,
) -> Result<Value, AwsError> {
    let body = body_of(request)?;
    let needed = access::of_dynamodb(operation, &body);
    let authorized = signer.authorize(services.permissions.as_deref(), &needed);
    authorized.map_err(|denied| denied.to_json_error())?;
    Ok(body)
}

/// Step Functions authorizes its calls itself: only it knows which state machine issued a
/// task token.
pub(super) async fn step_functions(
    services: &Services,
    operation: &str,
    request: &Request,
    signer: Signer,
) -> Reply {
    let service_reply = match body_of(request) {
        Ok(body) => (services.step_functions)(operation.to_owned(), body, signer).await,
        Err(error) => ServiceReply::Error(error),
    };
    reply(service_reply, JSON_1_0, |_, _| ())
}

pub(super) fn secrets_manager(
    services: &Services,
    operation: &str,
    request: &Request,
    signer: &Signer,
) -> Reply {
    let authorized = body_of(request).and_then(|body| {
        let arn = body["SecretId"].as_str().and_then(|id| services.secrets.arn(id));
        let needed = access::of_secrets_manager(operation, arn.as_deref());
        let authorized = signer.authorize(services.permissions.as_deref(), &needed);
        authorized.map(|()| body).map_err(|denied| denied.to_json_error())
    });
    let service_reply = match authorized {
        Ok(body) => services.secrets.serve(operation, &body, &signer.caller()),
        Err(error) => ServiceReply::Error(error),
    };
    reply(service_reply, JSON_1_1, |_, _| ())
}

/// The response to an unknown target.
pub(super) fn unknown_operation() -> Reply {
    let services = ["DynamoDB", "Secrets Manager", "Step Functions", "Lambda's Invoke"];
    error(AwsError::not_served("AWS", &services))
}

/// The response to a request that reaches no service.
pub(super) fn error(error: AwsError) -> Reply {
    reply(ServiceReply::Error(error), JSON_1_0, |_, _| ())
}

fn body_of(request: &Request) -> Result<Value, AwsError> {
    // AWS gives no message for a body that it cannot parse.
    serde_json::from_slice(request.body())
        .map_err(|_parser_error| AwsError::bare(400, "SerializationException"))
}

/// Writes the response. `add_headers` adds the headers of the service.
fn reply(
    service_reply: ServiceReply,
    content_type: &'static str,
    add_headers: impl FnOnce(&mut Response, &str),
) -> Reply {
    let (status, body) = match service_reply {
        ServiceReply::Success(answer) => (StatusCode::OK, answer.to_string()),
        ServiceReply::Error(error) => (status_of(&error), error.body.to_string()),
        ServiceReply::ConnectionClosed => return Reply::CloseConnection,
        ServiceReply::NoResponse => return Reply::NeverRespond,
    };
    let mut response = response(status, content_type, body.clone());
    add_header(&mut response, "x-amzn-requestid", &Uuid::new_v4().to_string());
    add_headers(&mut response, &body);
    response.into()
}

pub(super) fn status_of(error: &AwsError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
