//! `DynamoDB` as an optimized integration (`dynamodb:updateItem`) and as an SDK integration
//! (`aws-sdk:dynamodb:updateItem`). The parameters of both are `DynamoDB`'s own JSON.

use serde_json::Value;

use super::metadata::{HttpResponse, request_id};
use super::{Failure, sdk, unsupported};
use crate::aws::AwsError;
use crate::clock::StackClock;
use crate::dynamodb::{Caller, DynamoDb};
use crate::stepfunctions::task::TaskCall;

/// The operations of the optimized integration; the SDK integration has all of them.
const OPTIMIZED: [&str; 4] = ["getItem", "putItem", "updateItem", "deleteItem"];

pub(super) async fn call(
    dynamodb: &DynamoDb,
    api: &str,
    sdk_integration: bool,
    call: &TaskCall,
    clock: &StackClock,
) -> Result<String, Failure> {
    if !sdk_integration && !OPTIMIZED.contains(&api) {
        return Err(unsupported("dynamodb", api, false));
    }
    let parameters = sdk::without_nulls(&call.request.parameters);
    let response = dynamodb.call(&sdk::pascal_case(api), &parameters, Caller::StateMachine).await;
    match response {
        Ok(result) if sdk_integration => Ok(result.to_string()),
        Ok(result) => Ok(with_metadata(result, clock)),
        Err(error) if sdk_integration => Err(sdk::failure("DynamoDb", MODELED_ERRORS, &error)),
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
