//! `DynamoDB` as an optimized integration (`dynamodb:updateItem`) and as an SDK integration
//! (`aws-sdk:dynamodb:updateItem`). The parameters of both are `DynamoDB`'s own JSON.

use serde_json::Value;

use super::authorizer::Authorizer;
use super::metadata::{HttpResponse, request_id};
use super::{Failure, sdk, unsupported};
use crate::aws::AwsError;
use crate::clock::StackClock;
use crate::dynamodb::{Caller, DynamoDb};
use crate::iam::access;
use crate::stepfunctions::task::TaskCall;

/// The operations of the optimized integration; the SDK integration has all of them.
const OPTIMIZED: [&str; 4] = ["getItem", "putItem", "updateItem", "deleteItem"];

/// An integration of one operation.
pub(super) struct Integration<'a> {
    pub(super) api: &'a str,
    /// Whether it is an SDK integration.
    pub(super) sdk: bool,
    pub(super) authorizer: Authorizer<'a>,
}

pub(super) async fn call(
    dynamodb: &DynamoDb,
    integration: Integration<'_>,
    call: &TaskCall,
    clock: &StackClock,
) -> Result<String, Failure> {
    let Integration { api, sdk, authorizer } = integration;
    if !sdk && !OPTIMIZED.contains(&api) {
        return Err(unsupported("dynamodb", api, false));
    }
    let parameters = sdk::without_nulls(&call.request.parameters);
    let operation = sdk::pascal_case(api);
    let response = match authorizer.check(&access::of_dynamodb(&operation, &parameters)) {
        Ok(()) => dynamodb.call(&operation, &parameters, Caller::StateMachine).await,
        Err(denied) => Err(denied.to_json_error()),
    };
    match response {
        Ok(result) if sdk => Ok(result.to_string()),
        Ok(result) => Ok(with_metadata(result, clock)),
        Err(error) if sdk => Err(sdk::failure("DynamoDb", MODELED_ERRORS, &error)),
        Err(error) => Err(optimized_failure(&error)),
    }
}

fn with_metadata(mut result: Value, clock: &StackClock) -> String {
    let response = HttpResponse {
        status: 200,
        request_id: request_id(),
        content_type: "application/x-amz-json-1.0",
        length: result.to_string().len(),
        extra: vec![("Connection", "keep-alive".to_owned()), ("Server", "Server".to_owned())],
    };
    if let Some(fields) = result.as_object_mut() {
        fields.insert("SdkHttpMetadata".to_owned(), response.sdk_http_metadata(clock));
        fields.insert("SdkResponseMetadata".to_owned(), response.sdk_response_metadata());
    }
    result.to_string()
}

fn optimized_failure(error: &AwsError) -> Failure {
    if error.code == sdk::SDK_CLIENT_EXCEPTION {
        return Failure::new(format!("DynamoDB.{}", error.code), error.message.clone());
    }
    let name = if MODELED_ERRORS.contains(&error.code.as_str()) {
        format!("DynamoDB.{}", sdk::exception(&error.code))
    } else {
        "DynamoDB.AmazonDynamoDBException".to_owned()
    };
    Failure::new(
        name,
        format!(
            "{} (Service: AmazonDynamoDBv2; Status Code: {}; Error Code: {}; Request ID: {}; \
             Proxy: null)",
            error.message,
            error.status,
            error.code,
            request_id()
        ),
    )
}

/// The errors that `DynamoDB`'s API model names; all others get the service's generic name.
const MODELED_ERRORS: &[&str] = &[
    "BackupInUseException",
    "BackupNotFoundException",
    "ConditionalCheckFailedException",
    "DuplicateItemException",
    "IdempotentParameterMismatchException",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "TableAlreadyExistsException",
    "TableNotFoundException",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
];
