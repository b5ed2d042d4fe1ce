//! Dispatches an operation to the emulator's typed method, and converts the result to
//! JSON or to AWS's error.
//!
//! The emulator's HTTP server is not used: its router is private, so every call would pass
//! a second socket, and faults and counts need to see the call anyway.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::invalid_text;
use crate::aws::error::AwsError;

/// Runs an operation by name, on a thread for blocking work, since SQLite blocks.
pub(super) async fn run(
    database: &Database,
    operation: &str,
    body: Value,
) -> Result<Value, AwsError> {
    let database = database.clone();
    let operation = operation.to_owned();
    let run = move || dispatch(&database, &operation, body);
    match tokio::task::spawn_blocking(run).await {
        Ok(answer) => answer,
        Err(error) => Err(AwsError::server("InternalServerError", error.to_string())),
    }
}

/// Generates the dispatch from a list of operation names and methods.
macro_rules! operations {
    ($($name:literal => $method:ident),+ $(,)?) => {
        fn dispatch(database: &Database, operation: &str, body: Value) -> Result<Value, AwsError> {
            match operation {
                $($name => call_typed(body, |request| database.$method(request)),)+
                _ => Err(AwsError::not_served("DynamoDB", &[$($name),+])),
            }
        }
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

fn call_typed<Request: DeserializeOwned, Answer: Serialize>(
    body: Value,
    call: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Result<Value, AwsError> {
    let wrong_type = invalid_text::find(&body);
    let request = serde_json::from_value(body).map_err(|error| match wrong_type {
        Some(message) => AwsError::client("SerializationException", message),
        None => invalid_body(&error),
    })?;
    let answer = call(request).map_err(|error| to_aws_error(&error))?;
    serde_json::to_value(answer)
        .map_err(|error| AwsError::server("InternalServerError", error.to_string()))
}

/// The beginnings of the messages with which the emulator's deserializers name DynamoDB's error.
const MARKERS: [(&str, &str); 5] = [
    ("VALIDATION:", "ValidationException"),
    ("VALIDATION_AS_READ:", "ValidationException"),
    ("VALIDATION_REQUEST:", "ValidationException"),
    ("SERIALIZATION:", "SerializationException"),
    ("SERIALIZATION_AS_READ:", "SerializationException"),
];

/// The error for a body that does not fit the operation.
fn invalid_body(error: &serde_json::Error) -> AwsError {
    let message = error.to_string();
    for (marker, code) in MARKERS {
        if let Some(detail) = message.strip_prefix(marker) {
            return AwsError::client(code, detail);
        }
    }
    let missing = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];
    let invalid = missing.iter().any(|part| message.contains(part));
    let code = if invalid { "ValidationException" } else { "SerializationException" };
    AwsError::client(code, message)
}

/// Converts an emulator error to AWS's format.
pub(super) fn to_aws_error(error: &DynoxideError) -> AwsError {
    let body: Value = serde_json::from_str(&error.to_json()).unwrap_or_default();
    let code = error.error_type().rsplit('#').next().unwrap_or_default();
    AwsError {
        code: code.to_owned(),
        message: error.to_string(),
        status: error.status_code(),
        body: Box::new(body),
    }
}
