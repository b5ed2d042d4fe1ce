//! Classifies a response by what it says about the effect of the call.
//!
//! Sources: <https://docs.stripe.com/error-low-level> (5xx and unreadable responses leave
//! the outcome unknown; `Stripe-Should-Retry`; 409 and 429 took no effect),
//! <https://docs.stripe.com/rate-limits> (429: rate limits and `lock_timeout`) and
//! <https://docs.stripe.com/api/errors> (402: the parameters were valid, but the card was
//! declined).

use domain::account::AccountProblem;
use domain::ports::{CallOutcome, PaymentRejection, Response};
use serde::de::DeserializeOwned;

use crate::error::ErrorBody;

/// The error code of a call that the intent's state does not admit.
const UNEXPECTED_STATE: &str = "payment_intent_unexpected_state";

/// The outcome that a response stands for.
pub(crate) fn classify<D: DeserializeOwned>(
    response: &Response,
) -> CallOutcome<D, PaymentRejection> {
    let status = response.status;
    match status {
        200..=299 => match serde_json::from_slice(&response.body) {
            Ok(object) => CallOutcome::Succeeded(object),
            Err(_) => CallOutcome::Unknown(format!("answered {status} with an unreadable body")),
        },
        // The card issuer's decision is final, even if Stripe advises a retry.
        402 if !ErrorBody::parse(response).is_about_account() => {
            let code = ErrorBody::parse(response).customer_code();
            CallOutcome::Rejected(PaymentRejection::Declined { code })
        }
        // Stripe may advise against a quick retry (`Stripe-Should-Retry: false`); ours is slow.
        429 => CallOutcome::Throttled(ErrorBody::parse(response).summary(status)),
        400..=499 => classify_client_error(response),
        _ => CallOutcome::Unknown(format!("answered {status}")),
    }
}

fn classify_client_error<D>(response: &Response) -> CallOutcome<D, PaymentRejection> {
    let error = ErrorBody::parse(response);
    let summary = error.summary(response.status);
    // The header takes precedence over the status.
    let should_retry = match response.header("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => response.status == 409,
    };
    if should_retry {
        return CallOutcome::NotSent(summary);
    }
    if error.code() == Some(UNEXPECTED_STATE) {
        return match error.intent() {
            Some(intent) => CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)),
            None => CallOutcome::Unknown(summary),
        };
    }
    CallOutcome::Rejected(if error.is_card_error() {
        PaymentRejection::Declined { code: error.customer_code() }
    } else if let Some(problem) = AccountProblem::of_status(response.status) {
        PaymentRejection::Account(problem)
    } else if response.status == 404 {
        PaymentRejection::NotFound
    } else {
        PaymentRejection::Misconfigured(summary)
    })
}
