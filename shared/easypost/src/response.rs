//! Classifies a response by what it says about the effect of the call.
//!
//! Sources: <https://docs.easypost.com/docs/errors> for the codes, and RFC 9110 for the statuses.

use domain::account::AccountProblem;
use domain::ports::{CallOutcome, ProviderMode, Response, ShippingRejection};
use domain::shipment::ProviderShipment;
use serde::Deserialize;

use crate::error::ErrorBody;
use crate::wire::WireShipment;

/// The outcome of a call that returns a shipment.
pub(crate) fn classify_shipment(
    response: &Response,
    mode: ProviderMode,
) -> CallOutcome<ProviderShipment, ShippingRejection> {
    classify(response, mode, |body| serde_json::from_slice::<WireShipment>(body).ok()?.parse())
}

/// The outcome of a call that asks the carriers for rates. EasyPost answers 201 also when no
/// carrier answered it: that is an outage of the carriers, and an unbought shipment is as
/// good as none.
pub(crate) fn classify_rated(
    response: &Response,
    mode: ProviderMode,
) -> CallOutcome<ProviderShipment, ShippingRejection> {
    let mut is_unrated = false;
    let outcome = classify(response, mode, |body| {
        let shipment: WireShipment = serde_json::from_slice(body).ok()?;
        is_unrated = shipment.is_unrated();
        shipment.parse()
    });
    match outcome {
        CallOutcome::Succeeded(_) if is_unrated => {
            CallOutcome::NotSent("no carrier returned a rate".to_owned())
        }
        outcome => outcome,
    }
}

/// The outcome of a call whose success `parse` reads from the body.
pub(crate) fn classify<D>(
    response: &Response,
    mode: ProviderMode,
    parse: impl FnOnce(&[u8]) -> Option<D>,
) -> CallOutcome<D, ShippingRejection> {
    let status = response.status;
    match status {
        200..=299 if !is_in(mode, &response.body) => {
            CallOutcome::Rejected(ShippingRejection::Account(AccountProblem::WrongMode))
        }
        200..=299 => match parse(&response.body) {
            Some(parsed) => CallOutcome::Succeeded(parsed),
            None => CallOutcome::Unknown(format!("answered {status} with an unreadable body")),
        },
        429 => CallOutcome::Throttled("answered 429".to_owned()),
        // The request timed out, or another request about the shipment is in progress.
        408 | 409 => CallOutcome::Unknown(format!("answered {status}")),
        400..=499 => classify_client_error(response),
        _ => CallOutcome::Unknown(format!("answered {status}")),
    }
}

fn account_rejection(status: u16, summary: String) -> ShippingRejection {
    AccountProblem::of_status(status)
        .map_or(ShippingRejection::Misconfigured(summary), ShippingRejection::Account)
}

/// Whether the objects of a response are of this mode, as far as they say. A live object
/// has no place in a deployment in test mode, nor the reverse.
fn is_in(mode: ProviderMode, body: &[u8]) -> bool {
    #[derive(Default, Deserialize)]
    struct Modes {
        #[serde(default)]
        mode: Option<String>,
        #[serde(default)]
        shipments: Vec<Modes>,
    }
    let expected = match mode {
        ProviderMode::Test => "test",
        ProviderMode::Live => "production",
    };
    let found = serde_json::from_slice::<Modes>(body).unwrap_or_default();
    let mut all = found.shipments.iter().chain([&found]);
    all.all(|object| object.mode.as_deref().is_none_or(|found| found == expected))
}

fn classify_client_error<D>(response: &Response) -> CallOutcome<D, ShippingRejection> {
    let error = ErrorBody::parse(response);
    let summary = error.summary(response.status);
    match (response.status, error.code()) {
        (_, Some("SHIPMENT.POSTAGE.EXISTS")) => {
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
        }
        (_, Some("SHIPMENT.POSTAGE.FAILURE")) => {
            CallOutcome::Rejected(ShippingRejection::RateRefused(summary))
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
        (_, Some("RATE_LIMITED")) => CallOutcome::Throttled(summary),
        // A key that was disabled is answered with 403.
        (_, Some(code)) if code.starts_with("APIKEY.") => {
            CallOutcome::Rejected(ShippingRejection::Account(AccountProblem::KeyRejected))
        }
        (401..=403, _) => CallOutcome::Rejected(account_rejection(response.status, summary)),
        (404, _) => CallOutcome::Rejected(ShippingRejection::NotFound),
        (400 | 422, _) => CallOutcome::Rejected(ShippingRejection::Rejected(summary)),
        _ => CallOutcome::Rejected(ShippingRejection::Misconfigured(summary)),
    }
}
