//! A parsed API call: its route, its parameters, its idempotency key, and the API key check.

use jiff::Timestamp;

use super::error::ApiError;
use super::idempotency::RequestFingerprint;
use super::params::Params;
use crate::exchange::{HttpRequest, HttpResponse};

/// The API version that the emulator implements.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The maximum length of an idempotency key.
const MAX_KEY_LENGTH: usize = 255;

/// A call that passed the checks which precede execution.
#[derive(Debug, Clone)]
pub(crate) struct ApiCall {
    /// `req_…`.
    pub(super) id: String,
    pub(super) route: Route,
    pub(super) params: Params,
    pub(super) idempotency_key: Option<String>,
    pub(super) fingerprint: RequestFingerprint,
    pub(super) order: Option<String>,
    pub(super) at: Timestamp,
}

impl ApiCall {
    /// Adds the headers that every response carries.
    pub(super) fn with_standard_headers(&self, response: HttpResponse) -> HttpResponse {
        let response = response.header("request-id", &self.id);
        let response = response.header("stripe-version", API_VERSION);
        match &self.idempotency_key {
            Some(key) => response.header("idempotency-key", key),
            None => response,
        }
    }
}

/// The endpoint of a call.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    CreateIntent,
    ListIntents,
    GetIntent(String),
    ConfirmIntent(String),
    CaptureIntent(String),
    CancelIntent(String),
    CreateRefund,
    ListRefunds,
    GetRefund(String),
    CreateCustomer,
    GetCustomer(String),
}

impl Route {
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        Some(match (request.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => Self::CreateIntent,
            ("GET", ["v1", "payment_intents"]) => Self::ListIntents,
            // Stripe's search is eventually consistent, so the product must not use it.
            ("GET", ["v1", "payment_intents", "search"]) => return None,
            ("GET", ["v1", "payment_intents", id]) => Self::GetIntent((*id).to_owned()),
            ("POST", ["v1", "payment_intents", id, action]) => {
                let id = (*id).to_owned();
                match *action {
                    "confirm" => Self::ConfirmIntent(id),
                    "capture" => Self::CaptureIntent(id),
                    "cancel" => Self::CancelIntent(id),
                    _ => return None,
                }
            }
            ("POST", ["v1", "refunds"]) => Self::CreateRefund,
            ("GET", ["v1", "refunds"]) => Self::ListRefunds,
            ("POST", ["v1", "customers"]) => Self::CreateCustomer,
            ("GET", ["v1", "customers", id]) => Self::GetCustomer((*id).to_owned()),
            ("GET", ["v1", "refunds", id]) => Self::GetRefund((*id).to_owned()),
            _ => return None,
        })
    }

    /// Whether it shows the state of an intent or of its refunds.
    pub(super) const fn is_look_up(&self) -> bool {
        matches!(self, Self::GetIntent(_) | Self::ListRefunds | Self::GetRefund(_))
    }

    pub(super) const fn fault_point(&self) -> &'static str {
        match self {
            Self::CreateIntent | Self::CreateCustomer => "gateway.create",
            Self::ConfirmIntent(_) => "gateway.confirm",
            Self::CaptureIntent(_) => "gateway.capture",
            Self::CancelIntent(_) => "gateway.cancel",
            Self::CreateRefund => "gateway.refund",
            Self::GetIntent(_)
            | Self::ListIntents
            | Self::ListRefunds
            | Self::GetRefund(_)
            | Self::GetCustomer(_) => "gateway.get",
        }
    }
}

pub(super) fn check_api_key(request: &HttpRequest) -> Result<(), ApiError> {
    let Some(key) = request.api_key() else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header.";
        return Err(ApiError::invalid_api_key(message));
    };
    let suffix = ["sk_test_", "rk_test_"].iter().find_map(|prefix| key.text.strip_prefix(prefix));
    let is_test_key = suffix.is_some_and(|suffix| {
        !suffix.is_empty() && suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    if is_test_key {
        return Ok(());
    }
    // The key may be a live one, so the message repeats no part of it.
    Err(ApiError::invalid_api_key(
        "Invalid API Key provided: use a test key, sk_test_**** or rk_test_****",
    ))
}

pub(super) fn check_api_version(request: &HttpRequest) -> Result<(), ApiError> {
    match request.header_value("stripe-version") {
        Some(version) if version != API_VERSION => {
            Err(ApiError::invalid(&format!("Invalid Stripe API version: {version}")))
        }
        _ => Ok(()),
    }
}

/// The idempotency key of a POST. Stripe ignores the header on other methods.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let key = request.header_value("idempotency-key").filter(|_| request.method == "POST");
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_LENGTH) {
        return Err(ApiError::invalid(&format!(
            "Idempotency-Key must be 1 to {MAX_KEY_LENGTH} characters."
        )));
    }
    Ok(key.map(str::to_owned))
}
