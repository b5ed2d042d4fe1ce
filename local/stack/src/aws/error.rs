//! A refusal in AWS's own shape, so that SDKs, the CLI and the state machine's
//! integrations read it as they read AWS's.

use serde_json::{Value, json};

/// An error answer of an AWS API.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The short name, such as `ConditionalCheckFailedException`.
    pub code: String,
    /// The text for people.
    pub message: String,
    /// The HTTP status with which it is answered.
    pub status: u16,
    /// The whole JSON body: `__type`, the message, and what the error carries.
    pub body: Box<Value>,
}

impl AwsError {
    /// A refusal of the caller's request (HTTP 400).
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A failure on AWS's side (HTTP 500).
    pub fn server(code: &str, message: impl Into<String>) -> Self {
        Self::new(500, code, message)
    }

    /// An error with its status and the usual body.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let body = Box::new(json!({ "__type": code, "message": message }));
        Self { code: code.to_owned(), message, status, body }
    }

    /// An error of which only the name is told.
    pub fn bare(status: u16, code: &str) -> Self {
        let body = Box::new(json!({ "__type": code }));
        Self { code: code.to_owned(), message: String::new(), status, body }
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.body[field] = value;
        self
    }
}
