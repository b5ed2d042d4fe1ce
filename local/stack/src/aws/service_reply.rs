//! The reply of an AWS service to one call, with planned faults applied.

use std::time::Duration;

use emulators::faults::FaultKind;
use serde_json::Value;

use super::error::AwsError;
use crate::faults::Fault;

/// How a call ends for its caller.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceReply {
    /// A successful response.
    Success(Value),
    /// An error response.
    Error(AwsError),
    /// The connection closes without a response.
    ConnectionClosed,
    /// The connection stays open without a response.
    NoResponse,
}

impl From<Result<Value, AwsError>> for ServiceReply {
    fn from(result: Result<Value, AwsError>) -> Self {
        result.map_or_else(Self::Error, Self::Success)
    }
}

impl ServiceReply {
    /// The result for a caller inside of AWS, such as a Step Functions integration.
    ///
    /// # Errors
    /// The error response, or `SdkClientException` when there is no response.
    pub fn into_result(self) -> Result<Value, AwsError> {
        let unreachable = "Unable to execute HTTP request: the connection was closed";
        match self {
            Self::Success(answer) => Ok(answer),
            Self::Error(error) => Err(error),
            Self::ConnectionClosed | Self::NoResponse => {
                Err(AwsError::server("SdkClientException", unreachable))
            }
        }
    }
}

/// A service's own errors for the injected faults.
pub(crate) struct ServiceErrors {
    pub(crate) throttled: AwsError,
    pub(crate) conflict: AwsError,
    /// The call's own conditions reject it.
    pub(crate) rejected: AwsError,
    pub(crate) internal: AwsError,
}

/// Runs a call with the fault, if any. `kill` kills the caller.
pub(crate) async fn reply_with_fault(
    fault: Option<Fault>,
    call: impl Future<Output = Result<Value, AwsError>>,
    errors: impl FnOnce() -> ServiceErrors,
    kill: impl FnOnce(),
) -> ServiceReply {
    let Some(fault) = fault else { return call.await.into() };
    match fault.kind {
        FaultKind::ConnectionRefused => ServiceReply::ConnectionClosed,
        FaultKind::Hang => ServiceReply::NoResponse,
        FaultKind::Throttle | FaultKind::TooManyRequests => ServiceReply::Error(errors().throttled),
        FaultKind::Reject => ServiceReply::Error(errors().rejected),
        FaultKind::Conflict => ServiceReply::Error(errors().conflict),
        FaultKind::ServerError => ServiceReply::Error(errors().internal),
        kind => reply_after_effect(kind, &fault, call.await.into(), errors, kill).await,
    }
}

/// Applies a fault to the reply of a call that had its effect.
async fn reply_after_effect(
    kind: FaultKind,
    fault: &Fault,
    reply: ServiceReply,
    errors: impl FnOnce() -> ServiceErrors,
    kill: impl FnOnce(),
) -> ServiceReply {
    match kind {
        FaultKind::DropResponse => ServiceReply::ConnectionClosed,
        FaultKind::ServerErrorAfterEffect => ServiceReply::Error(errors().internal),
        FaultKind::Delay => {
            // Real time, because the HTTP timeouts of a running process apply.
            tokio::time::sleep(Duration::from_millis(fault.delay_ms.unwrap_or_default())).await;
            reply
        }
        FaultKind::Kill => {
            kill();
            ServiceReply::NoResponse
        }
        _ => reply,
    }
}
