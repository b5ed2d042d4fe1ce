//! The `Idempotency-Key` header, which makes a repeated write the same write.

use crate::event::Request;
use crate::problem::{Problem, ProblemKind};

/// The name as it is documented.
const HEADER: &str = "Idempotency-Key";
/// The maximum length of a key.
pub(crate) const MAX_LENGTH: usize = 255;

/// The key of a request.
pub(crate) fn from_request(request: &Request) -> Result<&str, Problem> {
    let invalid = |detail| Problem::with_field(ProblemKind::InvalidRequest, HEADER, detail);
    let key = request.header("idempotency-key").ok_or(invalid("this header is required"))?;
    let is_printable = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if (1..=MAX_LENGTH).contains(&key.len()) && is_printable && key.trim() == key {
        Ok(key)
    } else {
        Err(invalid("must have 1 to 255 printable ASCII characters and no outer spaces"))
    }
}

/// The key was used before, with another body.
pub(crate) fn reused(detail: &str) -> Problem {
    Problem::with_field(ProblemKind::IdempotencyKeyReused, HEADER, detail)
}
