//! Errors in AWS's format, which SDKs, the CLI and Step Functions integrations parse.

use serde_json::{Value, json};

/// An error response of an AWS API.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The short name, such as `ConditionalCheckFailedException`.
    pub code: String,
    /// The message for people.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// The JSON body: `__type`, the message, and the fields of the error.
    pub body: Box<Value>,
}

impl AwsError {
    /// A client error (HTTP 400).
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A server error (HTTP 500).
    pub fn server(code: &str, message: impl Into<String>) -> Self {
        Self::new(500, code, message)
    }

    /// An error with this status; the body contains the code and the message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let body = Box::new(json!({ "__type": code, "message": message }));
        Self { code: code.to_owned(), message, status, body }
    }

    /// An error without a message.
    pub fn bare(status: u16, code: &str) -> Self {
        let body = Box::new(json!({ "__type": code }));
        Self { code: code.to_owned(), message: String::new(), status, body }
    }

    /// The error for an operation that the local stack does not serve.
    pub fn not_served(service: &str, served: &[&str]) -> Self {
        let served = served.join(", ");
        let text = format!("Of {service}, the local stack serves {served}.");
        Self::client("UnknownOperationException", text)
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.body[field] = value;
        self
    }
}
