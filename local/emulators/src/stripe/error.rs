//! Stripe's error object.

use serde_json::{Map, Value, json};

use crate::exchange::HttpResponse;

/// An error response.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: u16,
    error: Map<String, Value>,
    retry: Option<bool>,
    /// Whether the call was executed, so that the idempotency key stores this response. A call that
    /// fails validation leaves its key unused.
    pub(crate) executed: bool,
}

impl ApiError {
    fn new(status: u16, error_type: &str, message: &str) -> Self {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(message));
        error.insert("type".to_owned(), json!(error_type));
        Self { status, error, retry: None, executed: false }
    }

    /// 400: the request is invalid.
    pub(crate) fn invalid(message: &str) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 400: a parameter is invalid.
    pub(crate) fn parameter(code: &str, param: &str, message: &str) -> Self {
        Self::invalid(message)
            .with("code", json!(code))
            .with("doc_url", doc_url(code))
            .with("param", json!(param))
    }

    /// 404, or 400 for a parameter: no object has this id.
    pub(crate) fn missing(status: u16, param: &str, object: &str, id: &str) -> Self {
        let error =
            Self::parameter("resource_missing", param, &format!("No such {object}: '{id}'"));
        Self { status, ..error }
    }

    /// 401: no API key, or not a test key.
    pub(crate) fn invalid_api_key(message: &str) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    /// 401, 402 or 403: the account or its API key is refused, for every call.
    pub(crate) fn refused_account(status: u16) -> Self {
        let (code, message) = match status {
            401 => ("api_key_expired", "Expired API Key provided: sk_test_************."),
            402 => ("account_unpaid", "Your account cannot make this request."),
            _ => ("account_invalid", "The provided key does not have the required permissions."),
        };
        Self::new(status, "invalid_request_error", message).with("code", json!(code))
    }

    /// 404: unknown route.
    pub(crate) fn unknown_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self { status: 404, ..Self::invalid(&message) }
    }

    /// 400: the call was executed, and the state of the object rejected it.
    pub(crate) fn invalid_state(code: Option<&str>, message: &str) -> Self {
        let error = Self::invalid(message).executed();
        match code {
            Some(code) => error.with("code", json!(code)).with("doc_url", doc_url(code)),
            None => error,
        }
    }

    /// 402: the issuer declined the card; `error` is the intent's `last_payment_error`.
    pub(crate) fn card(error: Map<String, Value>) -> Self {
        Self { status: 402, error, retry: None, executed: true }
    }

    /// 400: the idempotency key was used with other parameters.
    pub(crate) fn key_mismatch(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used \
             with. Try using a key other than '{key}' if you meant to execute a different request."
        );
        Self::new(400, "idempotency_error", &message)
    }

    /// 409: another call with this idempotency key is in flight.
    pub(crate) fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotent Key (that \
                       probably means you submitted twice, and the other request is still going through).";
        let code = "idempotency_key_in_use";
        let error = Self::new(409, "idempotency_error", message).with("code", json!(code));
        Self { retry: Some(true), ..error.with("doc_url", doc_url(code)) }
    }

    /// 429.
    pub(crate) fn rate_limit() -> Self {
        let error = Self::new(429, "invalid_request_error", "Request rate limit exceeded.")
            .with("code", json!("rate_limit"));
        Self { retry: Some(true), ..error.with("doc_url", doc_url("rate_limit")) }
    }

    /// 500. The caller must find out whether the call had an effect.
    pub(crate) fn server_error() -> Self {
        let error = Self::new(500, "api_error", "An unexpected error occurred.").executed();
        Self { retry: Some(false), ..error }
    }

    #[must_use]
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.error.insert(field.to_owned(), value);
        self
    }

    #[must_use]
    pub(crate) fn executed(mut self) -> Self {
        self.executed = true;
        self
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let response = HttpResponse::json(self.status, &json!({ "error": self.error }));
        match self.retry {
            Some(retry) => {
                response.header("stripe-should-retry", if retry { "true" } else { "false" })
            }
            None => response,
        }
    }
}

/// The documentation of an error code.
pub(crate) fn doc_url(code: &str) -> Value {
    json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")))
}
