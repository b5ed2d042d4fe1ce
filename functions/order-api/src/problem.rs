//! What is wrong with a request, as `application/problem+json` (RFC 9457).
//!
//! A problem names the field at fault and never quotes its value: what a
//! client sent may be a card number.

use domain::order::DecisionError;
use domain::ports::{StoreUnavailable, WorkflowUnavailable};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::event::{Reply, Request};
use crate::schema;

/// Seconds after which a client may try again what could not be done.
const RETRY_AFTER: &str = "1";

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as `items[0].sku`, or the name of a header.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl FieldError {
    /// This is wrong with this field.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// What kind of trouble it is: its name for programs, its title for people,
/// and its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read, or a field of it is wrong.
    Invalid,
    /// The body of a webhook is not the provider's.
    BadSignature,
    /// Nobody says who is asking.
    Unauthenticated,
    /// Who is asking may not do this.
    Forbidden,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// There is such a thing, but not by this method.
    MethodNotAllowed,
    /// The state of the thing does not admit it.
    Conflict,
    /// The total that the client expects is not ours.
    TotalChanged,
    /// The body is longer than 64 KiB.
    TooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The key was used for another request.
    KeyReused,
    /// The order is well-formed and cannot be accepted.
    Unprocessable,
    /// A service that we need is away.
    Unavailable,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 13] = [
        Self::Invalid,
        Self::BadSignature,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TotalChanged,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::KeyReused,
        Self::Unprocessable,
        Self::Unavailable,
    ];

    /// The `type` of a problem of this kind.
    pub(crate) fn urn(self) -> String {
        format!("urn:problem-type:order-api:{}", self.parts().0)
    }

    /// Its name, its status and its title.
    pub(crate) const fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Invalid => ("invalid-request", 400, "The request is not valid"),
            Self::BadSignature => ("bad-signature", 400, "The signature is not valid"),
            Self::Unauthenticated => ("unauthenticated", 401, "A valid token is required"),
            Self::Forbidden => ("forbidden", 403, "The token does not allow this"),
            Self::NotFound => ("not-found", 404, "There is no such thing"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The method is not allowed"),
            Self::Conflict => ("conflict", 409, "The present state does not allow this"),
            Self::TotalChanged => ("total-changed", 409, "The total is not the expected one"),
            Self::TooLarge => ("too-large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported-media-type", 415, "The body must be JSON"),
            Self::KeyReused => {
                ("idempotency-key-reused", 422, "The key belongs to another request")
            }
            Self::Unprocessable => ("unprocessable", 422, "The request cannot be accepted"),
            Self::Unavailable => ("unavailable", 503, "Try again in a moment"),
        }
    }
}

/// The body of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView<'a> {
    #[serde(rename = "type")]
    #[schema(schema_with = kinds)]
    kind: String,
    /// The kind, for people.
    title: &'a str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What there is to say about this one, for people.
    detail: &'a str,
    /// The fields at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl ProblemView<'_> {
    /// What one of this kind may look like.
    pub(crate) fn example(kind: Kind) -> Self {
        let (_, status, title) = kind.parts();
        let detail = "what there is to say about this one";
        ProblemView { kind: kind.urn(), title, status, detail, errors: &[] }
    }
}

fn kinds() -> Object {
    schema::words("The kind, for programs.", &Kind::ALL.map(Kind::urn))
}

/// A problem on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// What there is to say about this one, for people.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<FieldError>,
    /// Headers that go with it.
    pub headers: Vec<(&'static str, String)>,
    /// What was away, for the log; never for the client.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: vec![], headers: vec![], cause: None }
    }

    /// Fields are at fault.
    pub fn fields(kind: Kind, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.detail),
            all => format!("{} fields are not valid", all.len()),
        };
        Self { errors, ..Self::new(kind, detail) }
    }

    /// One field is at fault.
    pub fn field(kind: Kind, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(kind, vec![FieldError::new(field, detail)])
    }

    /// There is no such thing, or not for this caller: the same words for both.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is nothing here for you")
    }

    /// A service is away; `detail` says what the client should do.
    pub fn unavailable(detail: &str, cause: impl Into<String>) -> Self {
        Self {
            headers: vec![("retry-after", RETRY_AFTER.to_owned())],
            cause: Some(cause.into()),
            ..Self::new(Kind::Unavailable, detail)
        }
    }

    /// The answer to the request; what is our own fault is logged here, once.
    pub(crate) fn into_reply(self, request: &Request) -> Reply {
        let (_, status, title) = self.kind.parts();
        if let Some(cause) = &self.cause {
            let route = request.route();
            tracing::warn!(route, status, cause, "a request could not be served");
        }
        let body = ProblemView {
            kind: self.kind.urn(),
            title,
            status,
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut reply = Reply::json(status, &body);
        reply.headers.insert("content-type", "application/problem+json".to_owned());
        reply.headers.extend(self.headers);
        reply
    }
}

impl From<StoreUnavailable> for Problem {
    fn from(error: StoreUnavailable) -> Self {
        Self::unavailable("nothing is known to be wrong with the request; send it again", error.0)
    }
}

impl From<WorkflowUnavailable> for Problem {
    fn from(error: WorkflowUnavailable) -> Self {
        Self::unavailable("nothing is known to be wrong with the request; send it again", error.0)
    }
}

impl From<DecisionError> for Problem {
    fn from(refused: DecisionError) -> Self {
        Self::new(Kind::Conflict, refused.to_string())
    }
}
