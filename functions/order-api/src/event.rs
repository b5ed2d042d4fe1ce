//! HTTP API v2 events in, responses out.
//!
//! The event is decoded here rather than by `lambda_http`, which builds a URI from
//! the `Host` header and the path and panics when they are not valid. Nothing that a
//! client sends can end this process.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{ErrorName, StepError, Timestamp};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The maximum size of a body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request, as far as this API reads it.
#[derive(Clone)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the stage.
    pub path: String,
    /// The host name of the API.
    pub domain: String,
    /// The query as the client sent it.
    pub raw_query: String,
    /// The query parameters.
    pub query: BTreeMap<String, String>,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// When API Gateway received it.
    pub at: Timestamp,
    /// The token that API Gateway verified; `None` on a public route.
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

/// A JSON Web Token that API Gateway has verified.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Jwt {
    /// The claims.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// The scopes that the route requires and the token has.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

/// Why the body of a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than [`MAX_BODY_BYTES`].
    TooLarge,
    /// The event declares base64, and the body is not.
    InvalidBase64,
}

/// The parts of the event that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: Http,
    #[serde(default)]
    domain_name: String,
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
    /// Decodes an event. `now` is called only when the event carries no time.
    ///
    /// # Errors
    /// The input is not an HTTP API v2 event.
    pub fn parse(event: &Value, now: impl Fn() -> Timestamp) -> Result<Self, StepError> {
        // The decoder's message is dropped: it may quote the event.
        let event = Event::deserialize(event).or(Err(
            ErrorName::InvalidRequest.with_detail("the input is not an HTTP API v2 event")
        ))?;
        let context = event.request_context;
        let at = context.time_epoch.filter(|at| *at > 0).map(Timestamp::from_millis);
        let lower_case = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Self {
            method: context.http.method.to_ascii_uppercase(),
            path: without_stage(&event.raw_path, context.stage.as_deref()),
            domain: context.domain_name,
            raw_query: event.raw_query_string,
            query: event.query_string_parameters.unwrap_or_default(),
            headers: event.headers.unwrap_or_default().into_iter().map(lower_case).collect(),
            at: at.and_then(Result::ok).unwrap_or_else(now),
            jwt: context.authorizer.and_then(|authorizer| authorizer.jwt),
            body: event.body,
            is_base64: event.is_base64_encoded,
        })
    }

    /// The segments of the path.
    pub fn segments(&self) -> Vec<&str> {
        self.path.strip_prefix('/').unwrap_or(&self.path).split('/').collect()
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The bytes of the body.
    pub(crate) fn body(&self) -> Result<Vec<u8>, BodyError> {
        let text = self.body.as_deref().unwrap_or_default();
        // Base64 encodes three bytes in four characters, plus at most two of padding.
        let max_chars = if self.is_base64 { MAX_BODY_BYTES / 3 * 4 + 8 } else { MAX_BODY_BYTES };
        if text.len() > max_chars {
            return Err(BodyError::TooLarge);
        }
        let bytes = if self.is_base64 {
            BASE64_STANDARD.decode(text).or(Err(BodyError::InvalidBase64))?
        } else {
            text.as_bytes().to_vec()
        };
        if bytes.len() > MAX_BODY_BYTES { Err(BodyError::TooLarge) } else { Ok(bytes) }
    }
}

fn without_stage(path: &str, stage: Option<&str>) -> String {
    let rest = stage
        .filter(|stage| *stage != "$default" && !stage.is_empty())
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.starts_with('/'));
    rest.unwrap_or(path).to_owned()
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// The body.
    pub body: String,
    /// Whether the body is encoded as base64, because it is not text.
    pub is_base64: bool,
}

impl Response {
    /// A response with a JSON body.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let headers = BTreeMap::from([
            ("content-type", "application/json".to_owned()),
            // Clients may store a response but must revalidate it: orders change.
            ("cache-control", "private, no-cache".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ]);
        // Every body is one of our structs, which always serialize.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, headers, body, is_base64: false }
    }

    /// A response without a body and without headers.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: BTreeMap::new(), body: String::new(), is_base64: false }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The headers alone, for `HEAD`.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }

    /// A 304 for a client that has this version already.
    pub fn not_modified(etag: &str) -> Self {
        let mut response = Self::json(StatusCode::NOT_MODIFIED, &());
        response.headers.remove("content-type");
        response.body.clear();
        response.with_header("etag", etag)
    }

    /// The output of a Lambda function behind an HTTP API v2.
    pub fn into_event(self) -> Value {
        json!({
            "statusCode": self.status.as_u16(),
            "headers": self.headers,
            "body": self.body,
            "isBase64Encoded": self.is_base64,
            "cookies": [],
        })
    }
}
