//! One invocation and its outcome: a response, a function error, or a rejection, with
//! Lambda's own error names and messages.

use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::error::AwsError;

/// The size limit of a response in bytes: 100 more than 6 MiB. The error of AWS names it.
pub(super) const RESPONSE_LIMIT: usize = 6_291_556;

/// Whether the caller waits for the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvocationType {
    /// The caller waits: `RequestResponse`.
    Synchronous,
    /// The caller does not wait: `Event`.
    Asynchronous,
}

impl InvocationType {
    /// The size limit of the payload in bytes
    /// (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
    fn payload_limit(self) -> usize {
        match self {
            Self::Synchronous => 6 * 1024 * 1024,
            Self::Asynchronous => 1024 * 1024,
        }
    }

    /// Whether the limits allow this payload.
    ///
    /// # Errors
    /// AWS's error, with AWS's text for this invocation type.
    pub(super) fn check_size(self, payload: &[u8]) -> Result<(), InvokeError> {
        let (bytes, limit) = (payload.len(), self.payload_limit());
        match self {
            _ if bytes <= limit => Ok(()),
            Self::Synchronous => Err(InvokeError::RequestTooLarge),
            Self::Asynchronous => Err(InvokeError::EventTooLarge { bytes, limit }),
        }
    }
}

/// An accepted invocation.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// The ARN with the caller's qualifier.
    pub(super) arn: String,
    pub(super) version: String,
    /// The payload's top-level `orderId`, if it has one.
    pub(super) order_id: Option<String>,
}

impl Invocation {
    pub(super) fn new(payload: Bytes, arn: &str, version: &str) -> Result<Self, InvokeError> {
        // Lambda treats an empty body as an empty object.
        let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
        let event: Value = serde_json::from_slice(&payload)
            .map_err(|error| InvokeError::InvalidRequestContent { detail: error.to_string() })?;
        Ok(Self {
            request_id: Uuid::new_v4().to_string(),
            payload,
            arn: arn.to_owned(),
            version: version.to_owned(),
            order_id: event.get("orderId").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// The outcome of a successful invocation.
    pub(super) fn succeeded(&self, payload: Bytes) -> InvokeOutcome {
        self.outcome(payload, None)
    }

    /// The outcome of a function error. `error` is the error object.
    pub(super) fn failed(&self, error: Bytes) -> InvokeOutcome {
        self.outcome(error, Some("Unhandled".to_owned()))
    }

    /// The outcome when the worker exited during the invocation.
    pub(super) fn exited(&self, status: Option<ExitStatus>) -> InvokeOutcome {
        self.runtime_error("Runtime.ExitError", &exit_reason(status))
    }

    /// The outcome when the time limit was exceeded.
    pub(super) fn timed_out(&self, limit: Duration) -> InvokeOutcome {
        let (seconds, hundredths) = (limit.as_secs(), limit.subsec_millis() / 10);
        let text = format!("Task timed out after {seconds}.{hundredths:02} seconds");
        self.runtime_error("Sandbox.Timedout", &text)
    }

    /// The outcome when the binary could not be started.
    pub(super) fn not_started(&self, error: &std::io::Error) -> InvokeOutcome {
        self.runtime_error("Runtime.InvalidEntrypoint", &error.to_string())
    }

    /// An error object that Lambda itself writes about a worker.
    fn runtime_error(&self, error_type: &str, reason: &str) -> InvokeOutcome {
        let message = format!("RequestId: {} Error: {reason}", self.request_id);
        let error = json!({ "errorType": error_type, "errorMessage": message });
        self.failed(Bytes::from(error.to_string()))
    }

    fn outcome(&self, payload: Bytes, function_error: Option<String>) -> InvokeOutcome {
        InvokeOutcome {
            payload,
            function_error,
            executed_version: self.version.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// Lambda's description of a process exit. The wording is that of Go's `os/exec`.
fn exit_reason(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status else {
        return "Runtime exited without providing a reason".to_owned();
    };
    let exit = match (status.code(), status.signal()) {
        (Some(0), _) => return "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(6)) => "signal: aborted".to_owned(),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(11)) => "signal: segmentation fault".to_owned(),
        (None, Some(15)) => "signal: terminated".to_owned(),
        (None, number) => format!("signal: {}", number.unwrap_or_default()),
    };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("Runtime exited with error: {exit}{core}")
}

/// The outcome of an invocation that Lambda accepted.
#[derive(Debug, Clone)]
pub struct InvokeOutcome {
    /// The response, or the error object `{errorType, errorMessage}`.
    pub payload: Bytes,
    /// `Unhandled` after a function error, as in `X-Amz-Function-Error`.
    pub function_error: Option<String>,
    /// The executed version.
    pub executed_version: String,
    /// The request id of the invocation.
    pub request_id: String,
}

/// Why Lambda did not run the function, or lost its outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no such function.
    #[error("Function not found: {function}")]
    NotFound {
        /// The ARN.
        function: String,
    },
    /// The function is at its concurrency limit, or a throttle was injected.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is larger than 6 MB.
    #[error("Request must be smaller than 6291456 bytes for the InvokeFunction operation")]
    RequestTooLarge,
    /// The payload of an asynchronous invocation is larger than 1 MiB.
    #[error(
        "{bytes} byte payload is too large for the Event invocation type (limit {limit} bytes)"
    )]
    EventTooLarge {
        /// The size of the payload.
        bytes: usize,
        /// The size limit.
        limit: usize,
    },
    /// The payload is not JSON.
    #[error("Could not parse request body into json: {detail}")]
    InvalidRequestContent {
        /// The message of the parser.
        detail: String,
    },
    /// Lambda failed. The function may have run.
    #[error("The AWS Lambda service encountered an internal error.")]
    Service,
    /// Lambda could not be reached, or its response was lost. The function may have run.
    #[error("Unable to execute HTTP request: the connection was closed")]
    Unreachable,
}

impl InvokeError {
    /// The error name in a state machine's retriers, without the prefix `Lambda.`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::RequestTooLarge => "RequestTooLargeException",
            Self::EventTooLarge { .. } => "RequestEntityTooLargeException",
            Self::InvalidRequestContent { .. } => "InvalidRequestContentException",
            Self::Service => "ServiceException",
            Self::Unreachable => "SdkClientException",
        }
    }

    /// The error response of Lambda's Invoke API.
    pub fn to_aws(&self) -> AwsError {
        let (status, error_type) = match self {
            Self::NotFound { .. } => (404, "User"),
            Self::Throttled => (429, "User"),
            Self::RequestTooLarge | Self::EventTooLarge { .. } => (413, "User"),
            Self::InvalidRequestContent { .. } => (400, "User"),
            Self::Service | Self::Unreachable => (500, "Service"),
        };
        let mut error = AwsError::new(status, self.code(), self.to_string());
        *error.body = json!({ "Type": error_type, "Message": self.to_string() });
        if *self == Self::Throttled {
            error.body["Reason"] = json!("ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn invocation(payload: &'static [u8]) -> Invocation {
        let payload = Bytes::from_static(payload);
        Invocation::new(payload, "arn", "$LATEST").expect("the payload is acceptable")
    }

    #[test]
    fn a_process_exit_has_lambdas_message() {
        fn check(raw_wait_status: i32, expected: &str) {
            assert_eq!(exit_reason(Some(ExitStatus::from_raw(raw_wait_status))), expected);
        }
        check(9, "Runtime exited with error: signal: killed");
        check(6, "Runtime exited with error: signal: aborted");
        check(6 | 0x80, "Runtime exited with error: signal: aborted (core dumped)");
        check(1 << 8, "Runtime exited with error: exit status 1");
        check(101 << 8, "Runtime exited with error: exit status 101");
        check(0, "Runtime exited without providing a reason");
    }

    #[test]
    fn a_timeout_names_the_request_and_the_seconds() {
        let invocation = invocation(b"{}");
        let outcome = invocation.timed_out(Duration::from_millis(2_500));
        let error: Value = serde_json::from_slice(&outcome.payload).expect("JSON");
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        let expected =
            format!("RequestId: {} Error: Task timed out after 2.50 seconds", outcome.request_id);
        assert_eq!(error["errorMessage"], expected);
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    }

    #[test]
    fn the_order_id_is_read_from_the_top_level_of_the_payload() {
        assert_eq!(invocation(br#"{"orderId":"ord_1"}"#).order_id.as_deref(), Some("ord_1"));
        assert_eq!(invocation(br#"{"body":{"orderId":"ord_1"}}"#).order_id, None);
        assert_eq!(invocation(b"").payload, "{}");
    }

    #[test]
    fn a_payload_that_is_not_json_is_rejected() {
        let rejected = Invocation::new(Bytes::from_static(b"{"), "arn", "1").map(|_| ());
        assert!(matches!(rejected, Err(InvokeError::InvalidRequestContent { .. })), "{rejected:?}");
    }

    #[test]
    fn an_event_may_be_smaller_than_a_synchronous_payload() {
        fn check(kind: InvocationType, bytes: usize, expected: &Result<(), InvokeError>) {
            assert_eq!(kind.check_size(&vec![b' '; bytes]), *expected, "{kind:?} {bytes}");
        }
        check(InvocationType::Synchronous, 6_291_456, &Ok(()));
        check(InvocationType::Synchronous, 6_291_457, &Err(InvokeError::RequestTooLarge));
        check(InvocationType::Asynchronous, 1_048_576, &Ok(()));
        let too_large = InvokeError::EventTooLarge { bytes: 1_048_577, limit: 1_048_576 };
        let text = "1048577 byte payload is too large for the Event invocation type \
                    (limit 1048576 bytes)";
        assert_eq!(too_large.to_string(), text);
        check(InvocationType::Asynchronous, 1_048_577, &Err(too_large));
    }
}
