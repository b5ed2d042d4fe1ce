//! EasyPost's error object.
//!
//! The items of `errors` are objects for invalid fields and plain strings otherwise. EasyPost uses
//! both formats.

use serde_json::{Value, json};

use crate::exchange::HttpResponse;

/// An error response.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: u16,
    code: &'static str,
    message: &'static str,
    errors: Vec<Value>,
}

impl ApiError {
    const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, errors: Vec::new() }
    }

    fn with_detail(mut self, item: Value) -> Self {
        self.errors.push(item);
        self
    }

    /// 401: no API key, or not a test key.
    pub(crate) const fn invalid_api_key() -> Self {
        Self::new(
            401,
            "APIKEY.INVALID",
            "This api key is not a test key: use EZTK... or EZTEST....",
        )
    }

    /// 401, 402 or 403: the account or its API key is refused, for every call.
    pub(crate) const fn refused_account(status: u16) -> Self {
        match status {
            401 => Self::new(status, "APIKEY.INACTIVE", "This api key is no longer active."),
            402 => Self::new(
                status,
                "PAYMENT_REQUIRED",
                "Insufficient funds. Add funds to your wallet to buy this label.",
            ),
            _ => Self::new(status, "FORBIDDEN", "This api key may not make this request."),
        }
    }

    /// 403: the key was disabled.
    pub(crate) const fn revoked_api_key() -> Self {
        Self::new(403, "APIKEY.INACTIVE", "This api key is no longer active.")
    }

    /// 404, with its items as plain strings.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource could not be found.")
            .with_detail(json!("No shipment found with the provided id."))
    }

    pub(crate) fn unknown_route() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource could not be found.")
            .with_detail(json!("No such route."))
    }

    pub(crate) const fn not_json() -> Self {
        Self::new(400, "BAD_REQUEST", "The request body is not JSON.")
    }

    /// 422: a parameter is missing.
    pub(crate) fn required(field: &str) -> Self {
        Self::new(422, "PARAMETER.REQUIRED", "Missing required parameter.")
            .with_detail(json!({ "field": field, "message": "cannot be blank" }))
    }

    /// 422: a parameter is invalid.
    pub(crate) fn invalid(field: &str, message: &str) -> Self {
        Self::new(422, "PARAMETER.INVALID", "Invalid parameter.")
            .with_detail(json!({ "field": field, "message": message }))
    }

    /// 422: the address does not exist.
    pub(crate) fn address_not_found() -> Self {
        Self::new(422, "ADDRESS.VERIFY.FAILURE", "Unable to verify address.").with_detail(json!({
            "code": "E.ADDRESS.NOT_FOUND", "field": "address", "suggestion": null, "message": "Address not found"
        }))
    }

    /// 422: the shipment already has its one label.
    pub(crate) const fn postage_exists() -> Self {
        Self::new(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
    }

    /// 422: another purchase of the shipment is in flight.
    pub(crate) const fn purchase_in_progress() -> Self {
        Self::new(
            422,
            "SHIPMENT.PURCHASE.IN_PROGRESS",
            "A purchase of this shipment is in progress.",
        )
    }

    /// 422: the carrier rejects the shipment.
    pub(crate) fn postage_failure() -> Self {
        Self::new(422, "SHIPMENT.POSTAGE.FAILURE", "Unable to purchase postage for this shipment.")
            .with_detail(json!("The carrier refused the shipment."))
    }

    /// 422: there is no label to refund, or the carrier does not refund it.
    pub(crate) fn refund_unavailable(reason: &str) -> Self {
        Self::new(422, "SHIPMENT.REFUND.UNAVAILABLE", "This shipment cannot be refunded.")
            .with_detail(json!(reason))
    }

    /// 429.
    pub(crate) const fn rate_limited() -> Self {
        Self::new(429, "RATE_LIMITED", "You have made too many requests. Please try again later.")
    }

    /// 500. The caller must find out whether the call had an effect.
    pub(crate) const fn server_error() -> Self {
        Self::new(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred.")
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let body = json!({ "error": { "code": self.code, "message": self.message, "errors": self.errors } });
        HttpResponse::json(self.status, &body)
    }
}
