//! HTTP API v2 events in, responses out.
//!
//! Read from the event itself and not through `lambda_http`'s request: that one
//! builds a URI of the caller's `Host` and path, and panics where they are none.
//! Here nothing that a client sends can end the process.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{ErrorName, StepError, Timestamp};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::body::LONGEST_BODY;
use crate::problem::{Kind, Problem};

/// A request, as far as this API reads it.
#[derive(Clone)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the stage.
    pub path: String,
    /// The query, by name.
    pub query: BTreeMap<String, String>,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// When it came in.
    pub at: Timestamp,
    /// Who sent it, by the claims of a token that the gateway checked.
    pub jwt: Option<Jwt>,
    body: Option<String>,
    is_base64: bool,
}

impl std::fmt::Debug for Request {
    // A request holds names and addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[request]")
    }
}

/// What the gateway found in the token.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Jwt {
    /// The claims.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// The scopes that the route asked for and the token has.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

/// The parts of the event that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    request_context: Context,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Http,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    time_epoch: Option<i64>,
    #[serde(default)]
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

#[derive(Deserialize)]
struct Authorizer {
    #[serde(default)]
    jwt: Option<Jwt>,
}

impl Request {
    /// Reads an event; `now` is asked only when it brings no time.
    pub fn parse(event: &Value, now: impl Fn() -> Timestamp) -> Result<Self, StepError> {
        // The reason is left out: it may quote the event.
        let event = Event::deserialize(event)
            .or(Err(ErrorName::InvalidRequest.with_detail("the input is no HTTP API v2 event")))?;
        let context = event.request_context;
        let at = context.time_epoch.filter(|at| *at > 0).map(Timestamp::from_millis);
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Self {
            method: context.http.method.to_ascii_uppercase(),
            path: without_stage(&event.raw_path, context.stage.as_deref()),
            query: event.query_string_parameters.unwrap_or_default(),
            headers: event.headers.unwrap_or_default().into_iter().map(lower).collect(),
            at: at.and_then(Result::ok).unwrap_or_else(now),
            jwt: context.authorizer.and_then(|authorizer| authorizer.jwt),
            body: event.body,
            is_base64: event.is_base64_encoded,
        })
    }

    /// The parts of the path between its slashes.
    pub fn segments(&self) -> Vec<&str> {
        self.path.strip_prefix('/').unwrap_or(&self.path).split('/').collect()
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The method and the collection, for the log: nothing that a client chose.
    pub(crate) fn route(&self) -> String {
        let known = |text: &str| {
            [
                "orders",
                "inventory",
                "execution",
                "review",
                "resume",
                "cancel",
                "restock",
                "webhooks",
                "stripe",
                "easypost",
                "openapi.json",
            ]
            .into_iter()
            .find(|word| *word == text)
        };
        let words: Vec<_> =
            self.segments().into_iter().map(|part| known(part).unwrap_or("…")).collect();
        let method = ["GET", "POST", "PUT"].into_iter().find(|word| *word == self.method);
        format!("{} /{}", method.unwrap_or("…"), words.join("/"))
    }

    /// The bytes of the body, at most 64 KiB of them.
    pub(crate) fn body(&self) -> Result<Vec<u8>, Problem> {
        let too_large =
            || Problem::new(Kind::TooLarge, format!("a body has at most {LONGEST_BODY} bytes"));
        let text = self.body.as_deref().unwrap_or_default();
        // Base64 makes four characters of three bytes, and at most two of filling.
        let longest = if self.is_base64 { LONGEST_BODY / 3 * 4 + 8 } else { LONGEST_BODY };
        if text.len() > longest {
            return Err(too_large());
        }
        let bytes = if self.is_base64 {
            BASE64_STANDARD.decode(text).or(Err(Problem::new(
                Kind::Invalid,
                "the body is not the base64 it is said to be",
            )))?
        } else {
            text.as_bytes().to_vec()
        };
        if bytes.len() > LONGEST_BODY { Err(too_large()) } else { Ok(bytes) }
    }
}

fn without_stage(path: &str, stage: Option<&str>) -> String {
    let rest = stage
        .filter(|stage| *stage != "$default" && !stage.is_empty())
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.starts_with('/'));
    rest.unwrap_or(path).to_owned()
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// An answer with this JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let headers = BTreeMap::from([
            ("content-type", "application/json".to_owned()),
            // It may be kept, but is asked about each time: an order moves on.
            ("cache-control", "private, no-cache".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ]);
        // Each answer is a struct of our own, which has no way not to be JSON.
        Self { status, headers, body: serde_json::to_string(body).unwrap_or_default() }
    }

    /// The same answer with a header more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The answer to a client that has this version already.
    pub fn not_modified(etag: &str) -> Self {
        let mut reply = Self::json(StatusCode::NOT_MODIFIED.as_u16(), &());
        reply.headers.remove("content-type");
        reply.body.clear();
        reply.with("etag", etag)
    }

    /// The response of an HTTP API v2 function.
    pub fn into_event(self) -> Value {
        json!({
            "statusCode": self.status,
            "headers": self.headers,
            "body": self.body,
            "isBase64Encoded": false,
            "cookies": [],
        })
    }
}
