//! `DynamoDB`, optimised (`dynamodb:updateItem`) and through the SDK
//! (`aws-sdk:dynamodb:updateItem`). The parameters are `DynamoDB`'s own JSON in both.

use serde_json::Value;

use super::metadata::{Answer, request_id};
use super::{Call, Failure, sdk};
use crate::aws::AwsError;
use crate::clock::StackClock;
use crate::dynamodb::{Caller, DynamoDb};

/// What the optimised integration offers; the SDK's offers everything.
const OPTIMISED: [&str; 4] = ["getItem", "putItem", "updateItem", "deleteItem"];

pub(super) async fn call(
    dynamodb: &DynamoDb,
    api: &str,
    through_sdk: bool,
    call: &Call,
    clock: &StackClock,
) -> Result<String, Failure> {
    if !through_sdk && !OPTIMISED.contains(&api) {
        return Err(super::not_served("dynamodb", api, false));
    }
    let parameters = sdk::without_nulls(&call.request.parameters);
    let answer = dynamodb.call(&sdk::capitalised(api), &parameters, Caller::StateMachine).await;
    match answer {
        Ok(result) if through_sdk => Ok(result.to_string()),
        Ok(result) => Ok(with_metadata(result, clock)),
        Err(error) if through_sdk => Err(sdk::failure("DynamoDb", MODELLED, &error)),
        Err(error) => Err(optimised_failure(&error)),
    }
}

fn with_metadata(mut result: Value, clock: &StackClock) -> String {
    let answer = Answer {
        status: 200,
        request_id: request_id(),
        content_type: "application/x-amz-json-1.0",
        length: result.to_string().len(),
        extra: vec![("Connection", "keep-alive".to_owned()), ("Server", "Server".to_owned())],
    };
    if let Some(fields) = result.as_object_mut() {
        fields.insert("SdkHttpMetadata".to_owned(), answer.http(clock));
        fields.insert("SdkResponseMetadata".to_owned(), answer.response());
    }
    result.to_string()
}

fn optimised_failure(error: &AwsError) -> Failure {
    if error.code == sdk::UNREACHABLE {
        return Failure::new(format!("DynamoDB.{}", error.code), error.message.clone());
    }
    let name = if MODELLED.contains(&error.code.as_str()) {
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

/// The errors that have a name of their own; every other goes by the service's.
const MODELLED: &[&str] = &[
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
