//! What may be said about a failed AWS call, and which failures are contention.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Describes a failed operation by its name and the service's error code.
///
/// The service's message is left out because it may quote what was sent.
pub(crate) fn describe<E: ProvideErrorMetadata, R>(
    operation: &str,
    error: &SdkError<E, R>,
) -> String {
    let reason = match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the response could not be read",
        SdkError::ServiceError(service) => service.err().code().unwrap_or("rejected"),
        _ => "failed",
    };
    format!("{operation}: {reason}")
}

/// Whether the same transaction may succeed in a moment: another transaction holds the
/// item, or the table is throttled.
///
/// Source: the `DynamoDB` API reference, `TransactWriteItems`, "Errors" and
/// `TransactionCanceledException`.
pub(crate) fn is_contention(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionInProgressException"
                | "ThrottlingError"
                | "ThrottlingException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
        )
    )
}
