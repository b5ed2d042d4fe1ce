//! A parsed API call: its route, its body, and the API key check.

use jiff::Timestamp;
use serde_json::Value;

use super::error::ApiError;
use crate::exchange::{AuthScheme, HttpRequest};

/// A call that passed the checks which precede execution.
pub(crate) struct ApiCall {
    pub(super) route: Route,
    pub(super) body: Value,
    pub(super) query: Vec<(String, String)>,
    pub(super) order: Option<String>,
    pub(super) at: Timestamp,
}

/// The endpoint of a call.
pub(crate) enum Route {
    Create,
    List,
    Get(String),
    Rerate(String),
    Buy(String),
    Refund(String),
}

impl Route {
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        Some(match (request.method.as_str(), path.as_slice()) {
            ("POST", ["v2", "shipments"]) => Self::Create,
            ("GET", ["v2", "shipments"]) => Self::List,
            ("GET", ["v2", "shipments", id]) => Self::Get((*id).to_owned()),
            ("POST", ["v2", "shipments", id, "rerate"]) => Self::Rerate((*id).to_owned()),
            ("POST", ["v2", "shipments", id, "buy"]) => Self::Buy((*id).to_owned()),
            ("POST", ["v2", "shipments", id, "refund"]) => Self::Refund((*id).to_owned()),
            _ => return None,
        })
    }

    pub(super) const fn fault_point(&self) -> &'static str {
        match self {
            Self::Create => "carrier.create",
            Self::Rerate(_) => "carrier.rerate",
            Self::Buy(_) => "carrier.buy",
            Self::Refund(_) => "carrier.refund",
            Self::Get(_) | Self::List => "carrier.get",
        }
    }
}

/// The API key is the user name of Basic authentication, and must be a test key.
pub(super) fn check_api_key(request: &HttpRequest) -> Result<(), ApiError> {
    let key = request.api_key().filter(|key| key.scheme == AuthScheme::Basic);
    let is_test_key = key.is_some_and(|key| {
        let suffix = ["EZTK", "EZTEST"].iter().find_map(|prefix| key.text.strip_prefix(prefix));
        suffix.is_some_and(|suffix| suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    });
    if is_test_key { Ok(()) } else { Err(ApiError::invalid_api_key()) }
}
