//! Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13.1.2).

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::event::{Request, Response};

/// A pattern of every `ETag` of the API.
pub(crate) const PATTERN: &str = "^\"([0-9]+-)?[0-9a-f]{16}\"$";

/// The tag of what a client sees, with the version of an order in front. Two callers may
/// see different things of one version, and a deadline may pass between two versions.
pub(crate) fn of(version: Option<u64>, seen: &impl Serialize) -> String {
    // Every body is one of our structs, which always serialize.
    let bytes = serde_json::to_vec(seen).unwrap_or_default();
    let digest: String = hex::encode(Sha256::digest(bytes)).chars().take(16).collect();
    let version = version.map(|version| format!("{version}-")).unwrap_or_default();
    format!("\"{version}{digest}\"")
}

/// A 304 if the client has the response already; otherwise the response with its tag.
pub(crate) fn conditional(request: &Request, etag: &str, response: Response) -> Response {
    if client_has(request, etag) {
        return Response::not_modified(etag);
    }
    response.with_header("etag", etag)
}

/// Whether the client has the representation with this entity tag: the weak comparison
/// with each entry of `If-None-Match`.
pub(crate) fn client_has(request: &Request, etag: &str) -> bool {
    let Some(header) = request.header("if-none-match") else { return false };
    let mut entries = header.split(',').map(str::trim);
    entries.any(|entry| entry == "*" || entry.trim_start_matches("W/") == etag)
}
