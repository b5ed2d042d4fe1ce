//! Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13.1.2).

use crate::event::Request;

/// Whether the client has the representation with this entity tag: the weak comparison
/// with each entry of `If-None-Match`.
pub(crate) fn client_has(request: &Request, etag: &str) -> bool {
    let Some(header) = request.header("if-none-match") else { return false };
    let mut entries = header.split(',').map(str::trim);
    entries.any(|entry| entry == "*" || entry.trim_start_matches("W/") == etag)
}
