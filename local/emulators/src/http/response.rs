//! Responses as hyper sends them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use crate::exchange::HttpResponse;

/// A response with its whole body.
pub(super) type BodyResponse = Response<Full<Bytes>>;

/// The response of the emulator.
pub(super) fn reply(answer: HttpResponse) -> BodyResponse {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    // A key with a character that no header can hold was echoed; the answer goes without.
    builder
        .body(Full::from(answer.body))
        .unwrap_or_else(|_| plain(StatusCode::BAD_REQUEST, "unspeakable header"))
}

/// A response in plain text, where no provider would answer.
pub(super) fn plain(status: StatusCode, text: &'static str) -> BodyResponse {
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = status;
    reply
}
