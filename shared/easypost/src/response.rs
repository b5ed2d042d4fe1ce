//! Classifies a response by what it says about the effect of the call.
//!
//! Sources: <https://docs.easypost.com/docs/errors> for the codes, and RFC 9110 for the statuses.

use domain::ports::{CallOutcome, Response, ShippingRejection};
use domain::shipment::ProviderShipment;

use crate::error::ErrorBody;
use crate::wire::WireShipment;

/// The outcome of a call that returns a shipment.
pub(crate) fn classify_shipment(
    response: &Response,
) -> CallOutcome<ProviderShipment, ShippingRejection> {
    classify(response, |body| serde_json::from_slice::<WireShipment>(body).ok()?.parse())
}

/// The outcome of a call whose success `parse` reads from the body.
pub(crate) fn classify<D>(
    response: &Response,
    parse: impl FnOnce(&[u8]) -> Option<D>,
) -> CallOutcome<D, ShippingRejection> {
    let status = response.status;
    match status {
        200..=299 => match parse(&response.body) {
            Some(parsed) => CallOutcome::Succeeded(parsed),
            None => CallOutcome::Unknown(format!("answered {status} with an unreadable body")),
        },
        429 => CallOutcome::NotSent("answered 429".to_owned()),
        // The request timed out, or another request about the shipment is in progress.
        408 | 409 => CallOutcome::Unknown(format!("answered {status}")),
        400..=499 => classify_client_error(response),
        _ => CallOutcome::Unknown(format!("answered {status}")),
    }
}

fn classify_client_error<D>(response: &Response) -> CallOutcome<D, ShippingRejection> {
    let error = ErrorBody::parse(response);
    let summary = error.summary(response.status);
    match (response.status, error.code()) {
        (_, Some("SHIPMENT.POSTAGE.EXISTS")) => {
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
        }
        // The carrier has not answered EasyPost, or the purchase is in progress.
        (
            _,
            Some(
                "SHIPMENT.PURCHASE.IN_PROGRESS"
                | "SHIPMENT.POSTAGE.TIMED_OUT"
                | "SHIPMENT.POSTAGE.NO_RESPONSE",
            ),
        ) => CallOutcome::Unknown(summary),
        (_, Some("RATE_LIMITED")) => CallOutcome::NotSent(summary),
        (404, _) => CallOutcome::Rejected(ShippingRejection::NotFound),
        (400 | 422, _) => CallOutcome::Rejected(ShippingRejection::Rejected(summary)),
        _ => CallOutcome::Rejected(ShippingRejection::Misconfigured(summary)),
    }
}
