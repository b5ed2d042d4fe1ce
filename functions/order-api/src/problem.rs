//! Refused requests, as `application/problem+json` (RFC 9457).
//!
//! A problem names the invalid field and never quotes its value: a client may have
//! sent a card number.

use domain::order::{CancellationError, DecisionError};
use domain::ports::{StoreUnavailable, WorkflowUnavailable};
use lambda_http::http::{StatusCode, header};
use serde::Serialize;
use strum::VariantArray as _;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::event::{BodyError, MAX_BODY_BYTES, Response};
use crate::schema;

/// How soon a client may repeat a request that we could not serve, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The path of the field, such as `items[0].sku`, or the name of a header.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl FieldError {
    /// An error of this field.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// The kind of a problem: it decides the `type`, the status code and the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum ProblemKind {
    /// The request cannot be parsed, or a field is invalid.
    InvalidRequest,
    /// The provider did not sign the body of a webhook.
    BadSignature,
    /// The token is missing or has no subject.
    Unauthenticated,
    /// The token lacks a scope.
    Forbidden,
    /// The resource does not exist, or this caller may not know that it does.
    NotFound,
    /// The path exists, with other methods.
    MethodNotAllowed,
    /// The state of the resource does not allow the operation.
    Conflict,
    /// The total differs from the one that the client expects.
    TotalChanged,
    /// The body is larger than 64 KiB.
    TooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// The request is well-formed, and the order cannot be accepted.
    Unprocessable,
    /// The customer has as many orders as are allowed.
    TooManyOrders,
    /// A service that we depend on is unavailable.
    Unavailable,
}

impl ProblemKind {
    /// The last part of the `type`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The `type` of a problem of this kind.
    pub(crate) fn urn(self) -> String {
        format!("urn:problem-type:order-api:{}", self.name())
    }

    /// The status code.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::BadSignature => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::TotalChanged => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IdempotencyKeyReused | Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyOrders => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The kind, for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::BadSignature => "The signature is not valid",
            Self::Unauthenticated => "A valid token is required",
            Self::Forbidden => "The token does not allow this",
            Self::NotFound => "The resource does not exist",
            Self::MethodNotAllowed => "The method is not allowed",
            Self::Conflict => "The current state does not allow this",
            Self::TotalChanged => "The total differs from the expected one",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body must be JSON",
            Self::IdempotencyKeyReused => "The key belongs to another request",
            Self::Unprocessable => "The request cannot be accepted",
            Self::TooManyOrders => "A limit per customer is reached: try again later",
            Self::Unavailable => "A service is unavailable: try again in a moment",
        }
    }
}

/// The body of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemResponse<'a> {
    #[serde(rename = "type")]
    #[schema(schema_with = problem_types)]
    kind: String,
    /// The kind, for people.
    title: &'a str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// This occurrence, for people.
    detail: &'a str,
    /// The fields at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl ProblemResponse<'_> {
    /// An example of this kind for the OpenAPI document.
    pub(crate) fn example(kind: ProblemKind) -> Self {
        ProblemResponse {
            kind: kind.urn(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: "what is wrong with this request, and what to do",
            errors: &[],
        }
    }
}

fn problem_types() -> Object {
    let urns: Vec<_> = ProblemKind::VARIANTS.iter().map(|kind| kind.urn()).collect();
    schema::string_enum("The kind, for programs.", &urns)
}

/// A problem on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind.
    pub kind: ProblemKind,
    /// This occurrence, for people.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<FieldError>,
    /// Headers to send along.
    pub headers: Vec<(&'static str, String)>,
    /// What failed on our side. Logged, and never sent to the client.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: vec![], headers: vec![], cause: None }
    }

    /// A problem with these fields.
    pub fn with_fields(kind: ProblemKind, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [error] => format!("{}: {}", error.field, error.detail),
            all => format!("{} fields are not valid", all.len()),
        };
        Self { errors, ..Self::new(kind, detail) }
    }

    /// A problem with one field.
    pub fn with_field(
        kind: ProblemKind,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::with_fields(kind, vec![FieldError::new(field, detail)])
    }

    /// The resource does not exist, or this caller may not see it: the same text for both.
    pub fn not_found() -> Self {
        Self::new(ProblemKind::NotFound, "no such resource, or not visible with this token")
    }

    /// A service that we depend on is unavailable; `detail` says what the client should do.
    pub fn unavailable(detail: &str, cause: impl Into<String>) -> Self {
        Self {
            headers: vec![("retry-after", RETRY_AFTER_SECONDS.to_owned())],
            cause: Some(cause.into()),
            ..Self::new(ProblemKind::Unavailable, detail)
        }
    }

    /// The order kept changing while we tried to write it; `again` says what to repeat.
    pub(crate) fn contended(again: &str) -> Self {
        Self::unavailable(&format!("the order kept changing: {again}"), "contended")
    }

    /// The path exists, with these methods.
    pub(crate) fn method_not_allowed(methods: &str) -> Self {
        Self {
            headers: vec![(header::ALLOW.as_str(), methods.to_owned())],
            ..Self::new(ProblemKind::MethodNotAllowed, format!("use {methods}"))
        }
    }

    /// The response to the request. A cause on our side is logged here, once.
    pub(crate) fn into_response(self, route: &str) -> Response {
        let status = self.kind.status();
        if let Some(cause) = &self.cause {
            tracing::warn!(route, status = status.as_u16(), cause, "a request could not be served");
        }
        let body = ProblemResponse {
            kind: self.kind.urn(),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response =
            Response::json(status, &body).with_header("content-type", "application/problem+json");
        response.headers.extend(self.headers);
        response
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::new(
                ProblemKind::TooLarge,
                format!("the body must have at most {MAX_BODY_BYTES} bytes"),
            ),
            BodyError::InvalidBase64 => {
                Self::new(ProblemKind::InvalidRequest, "the body is not valid base64")
            }
        }
    }
}

const RETRY: &str = "a service did not respond: send the same request again";

impl From<StoreUnavailable> for Problem {
    fn from(error: StoreUnavailable) -> Self {
        Self::unavailable(RETRY, error.0)
    }
}

impl From<WorkflowUnavailable> for Problem {
    fn from(error: WorkflowUnavailable) -> Self {
        Self::unavailable(RETRY, error.0)
    }
}

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        let kind = match error {
            DecisionError::OwnOrder => ProblemKind::Forbidden,
            _ => ProblemKind::Conflict,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<CancellationError> for Problem {
    fn from(error: CancellationError) -> Self {
        Self::new(ProblemKind::Conflict, error.to_string())
    }
}
