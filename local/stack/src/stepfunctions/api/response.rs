//! What the responses of all operations share.

use jiff::Timestamp;
use serde_json::Value;

use crate::aws::AwsError;

/// The response of an operation, or its error.
pub(in crate::stepfunctions) type ApiResult = Result<Value, AwsError>;

/// An error with status 400.
pub(super) fn client_error<T>(code: &str, message: impl Into<String>) -> Result<T, AwsError> {
    Err(AwsError::client(code, message))
}

/// A time in AWS's JSON: seconds since the epoch, to the millisecond.
pub(super) fn epoch_seconds(at: Timestamp) -> Value {
    let milliseconds = at.as_millisecond();
    let (seconds, rest) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    // Parsing the digits gives the nearest float; dividing could be one step off.
    let text = format!("{seconds}.{rest:03}");
    text.parse::<f64>().map_or(Value::Null, Value::from)
}
