//! Conversion to hyper's responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::guard::ForeignRequest;
use crate::exchange::HttpResponse;

/// A response with its whole body.
pub(super) type BodyResponse = Response<Full<Bytes>>;

/// Converts the emulator's response.
pub(super) fn into_hyper(response: HttpResponse) -> BodyResponse {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    // The emulator echoes the idempotency key, which may have a character that no header can hold.
    builder.body(Full::from(response.body)).unwrap_or_else(|_| {
        plain(StatusCode::BAD_REQUEST, "a response header has a character that HTTP does not allow")
    })
}

/// The response to a request that another site may have caused.
pub(super) fn refused(foreign: &ForeignRequest) -> BodyResponse {
    let body = json!({ "error": foreign.to_string() });
    into_hyper(HttpResponse::json(StatusCode::FORBIDDEN.as_u16(), &body))
}

/// A plain-text response of the server itself.
pub(super) fn plain(status: StatusCode, text: &'static str) -> BodyResponse {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
