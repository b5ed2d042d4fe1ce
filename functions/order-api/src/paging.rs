//! The query parameters of a list that is read page by page: `limit` and `cursor`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::event::Request;
use crate::problem::{Problem, ProblemKind};

/// The page size when the client gives none.
pub(crate) const DEFAULT_LIMIT: u32 = 20;
/// The maximum page size.
pub(crate) const MAX_LIMIT: u32 = 100;

/// The page size that the client asks for.
pub(crate) fn parse_limit(request: &Request) -> Result<u32, Problem> {
    let Some(text) = request.query.get("limit") else { return Ok(DEFAULT_LIMIT) };
    // Digits only: `parse` would also accept a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_digits && (1..=MAX_LIMIT).contains(number));
    number.ok_or_else(|| invalid("limit", format!("must be an integer from 1 to {MAX_LIMIT}")))
}

/// The position that the client continues from; `None` at the start. `parse` reads what
/// [`encode_cursor`] was given.
pub(crate) fn parse_cursor<T>(
    request: &Request,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = request.query.get("cursor") else { return Ok(None) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let cursor = bytes.and_then(|bytes| parse(&bytes)).map(Some);
    cursor.ok_or_else(|| invalid("cursor", "not a cursor returned by this endpoint"))
}

/// The cursor of a position.
pub(crate) fn encode_cursor(position: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(position)
}

fn invalid(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::with_field(ProblemKind::InvalidRequest, parameter, detail)
}
