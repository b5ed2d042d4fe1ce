//! What an invocation comes to: an answer, a function's error, or a refusal.

use bytes::Bytes;

use crate::aws::AwsError;

/// A function ran, or tried to.
#[derive(Debug, Clone)]
pub struct InvokeOutcome {
    /// The answer, or the error object `{errorType, errorMessage}`.
    pub payload: Bytes,
    /// `Unhandled` when the function failed, as in `X-Amz-Function-Error`.
    pub function_error: Option<String>,
    /// The version that ran.
    pub executed_version: String,
    /// The id under which the function saw this invocation.
    pub request_id: String,
    /// The last 4 KB of what the function logged in this invocation.
    pub log_tail: Vec<u8>,
}

/// Lambda refused to run the function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// No such function.
    #[error("Function not found: {function}")]
    NotFound {
        /// Its ARN.
        function: String,
    },
    /// More invocations at once than the function may have, or an injected throttle.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is over 6 MB.
    #[error("Request must be smaller than 6291456 bytes for the InvokeFunction operation")]
    RequestTooLarge,
    /// The payload is no JSON.
    #[error("Could not parse request body into json: {detail}")]
    InvalidRequestContent {
        /// Where parsing failed.
        detail: String,
    },
    /// Lambda itself failed; the function may have run or not.
    #[error("The AWS Lambda service encountered an internal error.")]
    Service,
}

impl InvokeError {
    /// The name by which the state machine's retriers know it, without `Lambda.`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::RequestTooLarge => "RequestTooLargeException",
            Self::InvalidRequestContent { .. } => "InvalidRequestContentException",
            Self::Service => "ServiceException",
        }
    }

    /// The answer of Lambda's Invoke API.
    pub fn to_aws(&self) -> AwsError {
        let status = match self {
            Self::NotFound { .. } => 404,
            Self::Throttled => 429,
            Self::RequestTooLarge => 413,
            Self::InvalidRequestContent { .. } => 400,
            Self::Service => 500,
        };
        AwsError::new(status, self.code(), self.to_string())
    }
}
