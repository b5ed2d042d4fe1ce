//! Calls and answers as bytes, and what a call came to on the wire.
//!
//! A [`HttpRequest`] is what a client sent, an [`HttpResponse`] what the provider says to it, and a
//! [`NetworkOutcome`] what reaches the client of that when things may go wrong. Whoever carries
//! the bytes (the HTTP face, or a transport in one process) turns a `NetworkOutcome` into its own
//! kind of success and failure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request, as a client sent it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, in capitals.
    pub method: String,
    /// The path, with the query after a `?` where there is one.
    pub path_and_query: String,
    /// The headers, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body's bytes. Written down, they are a text where they are one.
    #[serde(with = "as_text")]
    pub body: Vec<u8>,
}

/// Bytes in a journal: a text, or numbers where they are none.
mod as_text {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => to.serialize_str(text),
            Err(_) => bytes.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes(bytes) => bytes,
        })
    }
}

impl HttpRequest {
    /// A call without headers and body.
    pub fn new(method: &str, path_and_query: &str) -> Self {
        Self {
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same, with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The first header of that name, whatever its case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.split_once('?').map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The query, without the `?`.
    pub fn query(&self) -> &str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }

    /// The secret that the call shows: the token of `Bearer`, or the user name of `Basic`.
    pub(crate) fn secret(&self) -> Option<Secret> {
        let (scheme, credentials) = self.header_value("authorization")?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Secret { scheme: Scheme::Bearer, text: credentials.trim().to_owned() });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
        let user = decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user);
        Some(Secret { scheme: Scheme::Basic, text: user.to_owned() })
    }
}

/// Shows where the call went, never what it carried: the headers hold a secret, the body
/// may hold an address.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("path_and_query", &self.path_and_query)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Basic,
    Bearer,
}

/// A secret as a call showed it; without `Debug`, so that none is ever printed.
pub(crate) struct Secret {
    pub(crate) scheme: Scheme,
    pub(crate) text: String,
}

/// What the provider says to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// The same, with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of that name, whatever its case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON; `null` when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// What comes of an answer on its way when the plan says `garbage`: the status of a
    /// success, and a page that some proxy made up.
    pub(crate) fn malformed() -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        let body = b"<html><body>{\"id\": \xff\xfe <h1>It works!</h1>".to_vec();
        Self { status: 200, headers, body }
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// What reaches the client of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkOutcome {
    /// The answer.
    Response(HttpResponse),
    /// Nothing: the connection was refused, the provider never saw the call.
    ConnectionRefused,
    /// Nothing, ever, and no effect. Give the ticket back when the client has gone.
    Hang(InFlightCall),
    /// The answer, but late; the effect is had already. Give the ticket back when it was sent.
    Delayed {
        /// What is sent in the end.
        response: HttpResponse,
        /// How many real milliseconds later.
        delay_ms: u64,
        /// To be given back.
        in_flight: InFlightCall,
    },
    /// Nothing, although the effect was had: the connection closes without an answer.
    ConnectionClosed,
    /// As `Dropped`, and the process that called is to be killed first.
    CallerKilled {
        /// The order that the call was for.
        order: Option<String>,
    },
}

/// Says that a call is still in flight, so that a second one like it is told so. Give it
/// back with `Emulator::release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightCall(pub(crate) Option<String>);
