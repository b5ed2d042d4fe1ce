//! HTTP requests and responses, and what reaches the client of a call.
//!
//! A client sends an [`HttpRequest`]. The provider returns an [`HttpResponse`]. A
//! [`NetworkOutcome`] is what reaches the client when the fault plan may interfere. The transport
//! (the HTTP server, or an in-process client) turns it into success or failure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One HTTP request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path, with `?` and the query if there is one.
    pub path_and_query: String,
    /// The headers, in the order of the request.
    pub headers: Vec<(String, String)>,
    /// The body. JSON shows it as a string if it is UTF-8, otherwise as an array of numbers.
    #[serde(with = "text_or_bytes")]
    pub body: Vec<u8>,
}

/// Serializes bytes as a string if they are UTF-8, otherwise as an array of numbers.
mod text_or_bytes {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrBytes {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => bytes.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        Ok(match TextOrBytes::deserialize(deserializer)? {
            TextOrBytes::Text(text) => text.into_bytes(),
            TextOrBytes::Bytes(bytes) => bytes,
        })
    }
}

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: &str, path_and_query: &str) -> Self {
        Self {
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The first header with that name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.split_once('?').map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The query without the `?`.
    pub fn query(&self) -> &str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }

    /// The API key: the token of `Bearer`, or the user name of `Basic`.
    pub(crate) fn api_key(&self) -> Option<ApiKey> {
        let (scheme, credentials) = self.header_value("authorization")?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(ApiKey {
                scheme: AuthScheme::Bearer,
                text: credentials.trim().to_owned(),
            });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
        let user = decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user);
        Some(ApiKey { scheme: AuthScheme::Basic, text: user.to_owned() })
    }
}

/// Shows only method, path and query. The headers hold an API key, and the body may hold an
/// address.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path_and_query", &self.path_and_query)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    Basic,
    Bearer,
}

/// An API key. It has no `Debug`, so that it is never printed.
pub(crate) struct ApiKey {
    pub(crate) scheme: AuthScheme,
    pub(crate) text: String,
}

/// The provider's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The headers, with lowercase names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// A JSON response.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header with that name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The body as JSON; `null` if it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The response for the fault kind `garbage`: a success status with the page of a broken proxy.
    pub(crate) fn malformed() -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        let body = b"<html><body>{\"id\": \xff\xfe <h1>It works!</h1>".to_vec();
        Self { status: 200, headers, body }
    }
}

fn find_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// What reaches the client of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkOutcome {
    /// The provider's response.
    Response(HttpResponse),
    /// Nothing. The connection was refused, and the call had no effect.
    ConnectionRefused,
    /// Nothing, ever. The call had no effect. Release it when the client has gone.
    Hang(InFlightCall),
    /// The response, delayed. The call has had its effect. Release it when the response is sent.
    Delayed {
        /// The delayed response.
        response: HttpResponse,
        /// The delay, in real milliseconds.
        delay_ms: u64,
        /// The call to release.
        in_flight: InFlightCall,
    },
    /// Nothing. The call had its effect, then the connection closed without a response.
    ConnectionClosed,
    /// As [`NetworkOutcome::ConnectionClosed`], after the calling process was killed.
    CallerKilled {
        /// The order of the call.
        order: Option<String>,
    },
}

/// A call in flight. A second call with the same idempotency key is a conflict until
/// `Emulator::release` ends the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightCall(pub(crate) Option<String>);
