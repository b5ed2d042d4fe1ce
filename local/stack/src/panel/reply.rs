//! Responses of the panel: JSON, with an `ETag` where the page polls, and problems as the
//! API itself describes them (RFC 9457).

use serde_json::{Value, json};

use crate::http::{Request, Response, StatusCode, add_header, header, response};

const JSON: &str = "application/json";

/// A JSON response that is never cached.
pub(super) fn json_reply(body: &Value) -> Response {
    let mut response = response(StatusCode::OK, JSON, body.to_string());
    add_header(&mut response, "cache-control", "no-store");
    response
}

/// A JSON response with an `ETag`, or 304 if the client has this version.
pub(super) fn polled_reply(request: &Request, body: &Value) -> Response {
    let body = body.to_string();
    let etag = format!("\"{:08x}-{:x}\"", crc32fast::hash(body.as_bytes()), body.len());
    let known = header(request.headers(), "if-none-match");
    let unchanged = known.split(',').any(|known| known.trim() == etag);
    let (status, body) =
        if unchanged { (StatusCode::NOT_MODIFIED, String::new()) } else { (StatusCode::OK, body) };
    let mut response = response(status, JSON, body);
    add_header(&mut response, "etag", &etag);
    add_header(&mut response, "cache-control", "no-cache");
    response
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// What is wrong, and what to do.
    detail: String,
}

impl Problem {
    pub(super) fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        response(self.status, "application/problem+json", body.to_string())
    }
}

/// A problem. `detail` says what is wrong and what to do.
pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem { status, detail: detail.into() }
}

/// The problem for a failure of the stack itself.
pub(super) fn failed(error: impl std::fmt::Display) -> Problem {
    problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// The problem for a body that cannot be read.
pub(super) fn invalid(error: &serde_json::Error) -> Problem {
    problem(StatusCode::BAD_REQUEST, format!("The body is not valid: {error}."))
}
