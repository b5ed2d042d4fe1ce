//! What the carrier says when it does not do what it is asked, in its error object.
//!
//! The items of `errors` are objects where a field is at fault, and plain strings elsewhere:
//! both formats are `EasyPost`'s.

use serde_json::{Value, json};

use crate::exchange::HttpResponse;

/// A refused call.
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

    fn because(mut self, item: Value) -> Self {
        self.errors.push(item);
        self
    }

    /// 401: no key, or none that looks like a test key.
    pub(crate) const fn bad_key() -> Self {
        Self::new(
            401,
            "APIKEY.INVALID",
            "This api key is no test key: EZTK... or EZTEST... is needed here.",
        )
    }

    /// 404, with items as plain strings.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource could not be found.")
            .because(json!("No shipment found with the provided id."))
    }

    pub(crate) fn no_route() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource could not be found.")
            .because(json!("No such route."))
    }

    pub(crate) const fn not_json() -> Self {
        Self::new(400, "BAD_REQUEST", "The request body is not JSON.")
    }

    /// 422: a parameter is missing.
    pub(crate) fn required(field: &str) -> Self {
        Self::new(422, "PARAMETER.REQUIRED", "Missing required parameter.")
            .because(json!({ "field": field, "message": "cannot be blank" }))
    }

    /// 422: a parameter is wrong.
    pub(crate) fn invalid(field: &str, message: &str) -> Self {
        Self::new(422, "PARAMETER.INVALID", "Invalid parameter.")
            .because(json!({ "field": field, "message": message }))
    }

    /// 422: nobody lives there.
    pub(crate) fn address() -> Self {
        Self::new(422, "ADDRESS.VERIFY.FAILURE", "Unable to verify address.").because(json!({
            "code": "E.ADDRESS.NOT_FOUND", "field": "address", "suggestion": null, "message": "Address not found"
        }))
    }

    /// 422: the one label that a shipment can have was bought already.
    pub(crate) const fn postage_exists() -> Self {
        Self::new(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
    }

    /// 422: another purchase of the shipment has not ended.
    pub(crate) const fn purchase_in_progress() -> Self {
        Self::new(
            422,
            "SHIPMENT.PURCHASE.IN_PROGRESS",
            "A purchase of this shipment is in progress.",
        )
    }

    /// 422: the carrier sells no label for it.
    pub(crate) fn postage_failure() -> Self {
        Self::new(422, "SHIPMENT.POSTAGE.FAILURE", "Unable to purchase postage for this shipment.")
            .because(json!("The carrier refused the shipment."))
    }

    /// 422: there is nothing to refund, or the carrier will not.
    pub(crate) fn no_refund(why: &str) -> Self {
        Self::new(422, "SHIPMENT.REFUND.UNAVAILABLE", "This shipment cannot be refunded.")
            .because(json!(why))
    }

    /// 429.
    pub(crate) const fn rate_limited() -> Self {
        Self::new(429, "RATE_LIMITED", "You have made too many requests. Please try again later.")
    }

    /// 500: whether it had an effect is for the caller to find out.
    pub(crate) const fn server_error() -> Self {
        Self::new(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred.")
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let body = json!({ "error": { "code": self.code, "message": self.message, "errors": self.errors } });
        HttpResponse::json(self.status, &body)
    }
}
