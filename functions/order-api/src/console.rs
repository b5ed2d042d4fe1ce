//! The web page: the files of `console/`, which the build script embeds and compresses,
//! and two that the product itself gives: `workflow.json`, the state machine that ships,
//! and `config.json`, how the page signs in.
//!
//! The page is public and holds no data. Every response has an `ETag`, names the
//! encodings that it varies by, and carries a Content-Security-Policy that runs only the
//! page's own scripts and sends requests only to this API and to the token endpoint.

mod content_type;

use std::fmt::Write as _;

pub use aws::configuration::SignIn;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lambda_http::http::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::etag;
use crate::event::{Request, Response};
use crate::problem::{Problem, ProblemKind};

/// The methods of every file.
pub(crate) const METHODS: &str = "GET, HEAD";

/// A file that is embedded in the binary.
#[derive(Debug)]
pub struct ConsoleFile {
    /// The path below `/console/`.
    pub name: &'static str,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub digest: &'static str,
    /// The file.
    pub identity: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

/// The embedded files, sorted by name.
pub static FILES: &[ConsoleFile] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The name of the file at a path of the page; `None` for any other path.
pub fn file_name(path: &str) -> Option<&str> {
    if path == "/" { Some("index.html") } else { path.strip_prefix("/console/") }
}

/// `GET /` and `GET /console/{name}`.
pub(crate) fn serve(request: &Request, name: &str, sign_in: &SignIn) -> Result<Response, Problem> {
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return Err(Problem::method_not_allowed(METHODS));
    }
    if name == SIGNED_IN {
        return Ok(redirect_to_page(request));
    }
    if name == "config.json" {
        let body = config(sign_in).to_string().into_bytes();
        return Ok(respond(request, sign_in, &Representation::of(name, &body)));
    }
    let found = FILES.iter().find(|file| file.name == name);
    let file = found
        .ok_or_else(|| Problem::new(ProblemKind::NotFound, "the web page has no such file"))?;
    Ok(respond(request, sign_in, &file.representation(request)))
}

/// The response of a file that is not embedded, for the local stack: an edit shows
/// without a build. `None` when a file of this name is not part of the page.
pub fn serve_unembedded(
    request: &Request,
    name: &str,
    bytes: &[u8],
    sign_in: &SignIn,
) -> Option<Response> {
    content_type::content_type(name)?;
    Some(respond(request, sign_in, &Representation::of(name, bytes)))
}

/// The SHA-256 of a file, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Where the issuer sends the browser after it signed the user in or out, when that cannot be
/// the page itself: the template says why.
const SIGNED_IN: &str = "signed-in";

/// Sends the browser to the page, with the authorization code in the query.
///
/// API Gateway names the host, so a client cannot choose where it leads.
fn redirect_to_page(request: &Request) -> Response {
    let mut location = format!("https://{}/", request.domain);
    // Anything but printable ASCII cannot be in a header, and is in no authorization code.
    if !request.raw_query.is_empty() && request.raw_query.bytes().all(|b| b.is_ascii_graphic()) {
        location.push('?');
        location.push_str(&request.raw_query);
    }
    Response::empty(StatusCode::SEE_OTHER)
        .with_header("cache-control", "no-store")
        .with_header("location", location)
        .with_header("referrer-policy", "no-referrer")
}

/// What the page needs to know to sign in. Without a `redirectUri`, it is the page's own URL.
fn config(sign_in: &SignIn) -> Value {
    match sign_in {
        SignIn::NotConfigured => json!({"signIn": "none"}),
        SignIn::Development => json!({"signIn": "development"}),
        SignIn::OAuth(issuer) => json!({
            "signIn": "oauth",
            "issuer": issuer.issuer,
            "clientId": issuer.client_id,
            "authorizeUrl": issuer.authorize_url,
            "tokenUrl": issuer.token_url,
            "logoutUrl": issuer.logout_url,
            "redirectUri": issuer.callback_url,
            "scopes": issuer.scopes,
        }),
    }
}

/// A file in one encoding.
struct Representation<'a> {
    content_type: &'static str,
    encoding: Option<&'static str>,
    etag: String,
    bytes: &'a [u8],
}

impl<'a> Representation<'a> {
    /// The file as it is.
    fn of(name: &str, bytes: &'a [u8]) -> Self {
        Self::encoded(name, &digest(bytes), None, bytes)
    }

    fn encoded(name: &str, digest: &str, encoding: Option<&'static str>, bytes: &'a [u8]) -> Self {
        // Each encoding is a representation with its own strong tag.
        let digits: String = digest.chars().take(32).collect();
        let suffix = encoding.map(|encoding| format!("-{encoding}")).unwrap_or_default();
        let content_type = content_type::content_type(name).unwrap_or("application/json");
        Self { content_type, encoding, etag: format!("\"{digits}{suffix}\""), bytes }
    }
}

impl ConsoleFile {
    /// The smallest encoding that the client accepts.
    fn representation(&self, request: &Request) -> Representation<'static> {
        let accepted = request.header("accept-encoding").unwrap_or_default();
        let encodings = [(Some("br"), self.brotli), (Some("gzip"), self.gzip)];
        let (encoding, bytes) = encodings
            .into_iter()
            .filter(|(encoding, _)| encoding.is_some_and(|name| accepts(accepted, name)))
            .filter(|(_, bytes)| bytes.len() < self.identity.len())
            .min_by_key(|(_, bytes)| bytes.len())
            .unwrap_or((None, self.identity));
        Representation::encoded(self.name, self.digest, encoding, bytes)
    }
}

/// Whether an `Accept-Encoding` header names this encoding with a weight above 0
/// (RFC 9110, section 12.5.3).
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        is_named && weight.is_none_or(|weight| !weight.trim_matches(['0', '.']).is_empty())
    })
}

fn respond(request: &Request, sign_in: &SignIn, file: &Representation<'_>) -> Response {
    let mut response = Response::empty(StatusCode::OK)
        // A browser keeps the file, and asks each time whether it is still the same:
        // a deployment then never mixes old and new modules.
        .with_header("cache-control", "no-cache")
        .with_header("content-security-policy", content_security_policy(sign_in))
        .with_header("cross-origin-opener-policy", "same-origin")
        .with_header("cross-origin-resource-policy", "same-origin")
        .with_header("etag", file.etag.as_str())
        .with_header("permissions-policy", PERMISSIONS_POLICY)
        .with_header("referrer-policy", "no-referrer")
        .with_header("strict-transport-security", "max-age=31536000")
        .with_header("vary", header::ACCEPT_ENCODING.as_str())
        .with_header("x-content-type-options", "nosniff");
    if etag::client_has(request, &file.etag) {
        response.status = StatusCode::NOT_MODIFIED;
        return response;
    }
    response = response.with_header("content-type", file.content_type);
    if let Some(encoding) = file.encoding {
        response = response.with_header("content-encoding", encoding);
    }
    if request.method != "HEAD" {
        response.body = BASE64_STANDARD.encode(file.bytes);
        response.is_base64 = true;
    }
    response
}

/// The page uses no device and no payment method of the browser.
const PERMISSIONS_POLICY: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), \
                                  payment=(), usb=()";

fn content_security_policy(sign_in: &SignIn) -> String {
    let mut policy = "default-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; img-src 'self' data:; script-src 'self'; \
                      style-src 'self'; connect-src 'self'"
        .to_owned();
    if let SignIn::OAuth(issuer) = sign_in {
        // Writing to a String cannot fail.
        let _ = write!(policy, " {}", issuer.token_url);
    }
    policy
}
