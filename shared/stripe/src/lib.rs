//! The gateway over HTTPS: Stripe's PaymentIntents and refunds.
//!
//! What this file promises is the sorting of answers into [`CallOutcome`]: an answer
//! that may hide an effect is `Unknown`, never a refusal; one that surely had
//! none is `NotBegun`. Nothing of the gateway's texts is passed on, only its
//! codes, because a text may hold a key or a name.
//!
//! The rules are Stripe's own, on its pages about idempotent requests, low-level
//! errors and decline codes. [`wire`] is the JSON.

mod ids;
mod ledger;
mod webhook;
mod wire;

use domain::payment::PaymentIntent;
use domain::ports::{
    CallOutcome, Method, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
    Request, Response, Transport, TransportError,
};
use domain::{PaymentIntentId, Private};
use serde::de::DeserializeOwned;
use url::form_urlencoded::Serializer;

pub use self::webhook::StripeWebhooks;
use self::wire::{ErrorBody, Listed, WireIntent, WireRefund};

/// The version of the API that the fields of this file are of.
pub const API_VERSION: &str = "2026-10-28.endive";

/// More refunds than one order ever has.
const REFUNDS: &str = "100";

/// How the gateway's answer to a call ends up.
type Answer<T> = CallOutcome<T, PaymentRejection>;

/// Stripe, for one account.
#[derive(Debug, Clone)]
pub struct Stripe<T> {
    transport: T,
    base_url: String,
    secret_key: Private<String>,
}

impl<T: Transport> Stripe<T> {
    /// The account of this key, at this address (without a slash at the end).
    pub fn new(transport: T, base_url: impl Into<String>, secret_key: Private<String>) -> Self {
        Self { transport, base_url: base_url.into(), secret_key }
    }

    async fn post<D: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        key: &str,
    ) -> Answer<D> {
        let mut headers = self.headers();
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        headers.push(("idempotency-key", key.to_owned()));
        let url = format!("{}/v1/{path}", self.base_url);
        let body = encode(form).into_bytes();
        self.call(Request { method: Method::Post, url, headers, body }).await
    }

    async fn get<D: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Answer<D> {
        let url = format!("{}/v1/{path}?{}", self.base_url, encode(query));
        let request = Request { method: Method::Get, url, headers: self.headers(), body: vec![] };
        self.call(request).await
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", format!("Bearer {}", self.secret_key.expose())),
            ("stripe-version", API_VERSION.to_owned()),
        ]
    }

    async fn call<D: DeserializeOwned>(&self, request: Request) -> Answer<D> {
        match self.transport.send(request).await {
            Ok(response) => sort(&response),
            Err(TransportError::NotSent(why)) => CallOutcome::NotSent(why),
            Err(TransportError::NoResponse(why)) => CallOutcome::Unknown(why),
        }
    }
}

impl<T: Transport> PaymentProvider for Stripe<T> {
    async fn create(&self, request: &PaymentIntentRequest<'_>, key: &str) -> Answer<PaymentIntent> {
        let amount = request.amount.amount_minor().to_string();
        let currency = request.amount.currency().code().to_ascii_lowercase();
        let mut form = vec![
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("payment_method", request.payment_method.expose()),
            ("capture_method", "manual"),
            // A redirect needs a page of the shop to come back to; there is none.
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
            ("metadata[order_id]", request.order_id.as_str()),
        ];
        if let Some(customer) = request.payment_customer {
            form.push(("customer", customer.expose()));
        }
        intent(self.post("payment_intents", &form, key).await)
    }

    async fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> Answer<PaymentIntent> {
        // The charge tells until when it can be captured, and how risky it is.
        let mut form = vec![("error_on_requires_action", "true"), EXPAND_CHARGE];
        if off_session {
            form.push(("off_session", "true"));
        }
        intent(self.post(&format!("payment_intents/{id}/confirm"), &form, key).await)
    }

    async fn capture(&self, id: &PaymentIntentId, key: &str) -> Answer<PaymentIntent> {
        intent(self.post(&format!("payment_intents/{id}/capture"), &[], key).await)
    }

    async fn cancel(&self, id: &PaymentIntentId, key: &str) -> Answer<PaymentIntent> {
        intent(self.post(&format!("payment_intents/{id}/cancel"), &[], key).await)
    }

    async fn refund(&self, id: &PaymentIntentId, key: &str) -> Answer<RefundState> {
        let refund = self.post("refunds", &[("payment_intent", id.as_str())], key).await;
        map(refund, |refund: WireRefund| Ok(refund.state()))
    }

    async fn refunds(&self, id: &PaymentIntentId) -> Answer<Vec<RefundState>> {
        let query = [("payment_intent", id.as_str()), ("limit", REFUNDS)];
        let refunds = self.get("refunds", &query).await;
        map(refunds, |list: Listed<WireRefund>| {
            Ok(list.data.iter().map(WireRefund::state).collect())
        })
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> Answer<PaymentIntent> {
        intent(self.get(&format!("payment_intents/{id}"), &[EXPAND_CHARGE]).await)
    }
}

const EXPAND_CHARGE: (&str, &str) = ("expand[]", "latest_charge");

fn encode(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn intent(answer: Answer<WireIntent>) -> Answer<PaymentIntent> {
    map(answer, WireIntent::parse)
}

/// What was done, in our words; an object that we cannot put into words is one
/// that our account should not hold.
fn map<W, D>(answer: Answer<W>, parse: impl FnOnce(W) -> Result<D, &'static str>) -> Answer<D> {
    match answer {
        CallOutcome::Succeeded(wire) => match parse(wire) {
            Ok(done) => CallOutcome::Succeeded(done),
            Err(why) => CallOutcome::Rejected(PaymentRejection::Misconfigured(why.to_owned())),
        },
        CallOutcome::Rejected(refusal) => CallOutcome::Rejected(refusal),
        CallOutcome::NotSent(why) => CallOutcome::NotSent(why),
        CallOutcome::Unknown(why) => CallOutcome::Unknown(why),
    }
}

/// Sorts an answer by what it says about the effect of the call.
fn sort<D: DeserializeOwned>(response: &Response) -> Answer<D> {
    let status = response.status;
    match status {
        200..=299 => match serde_json::from_slice(&response.body) {
            Ok(done) => CallOutcome::Succeeded(done),
            Err(_) => CallOutcome::Unknown(format!("{status} that cannot be read")),
        },
        // 402 is the bank's word: final, whatever else the gateway advises.
        402 => CallOutcome::Rejected(PaymentRejection::Declined {
            code: error_of(response).safe_code(),
        }),
        400..=499 => sort_refusal(response),
        _ => CallOutcome::Unknown(format!("answered {status}")),
    }
}

fn sort_refusal<D>(response: &Response) -> Answer<D> {
    let error = error_of(response);
    let why = error.describe(response.status);
    // `Stripe-Should-Retry` overrides what the status alone would say.
    let retry = match response.header("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(response.status, 409 | 429),
    };
    if retry {
        return CallOutcome::NotSent(why);
    }
    if error.code() == Some("payment_intent_unexpected_state") {
        return match error.intent() {
            Some(intent) => CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)),
            None => CallOutcome::Unknown(why),
        };
    }
    if error.is_card_error() {
        return CallOutcome::Rejected(PaymentRejection::Declined { code: error.safe_code() });
    }
    CallOutcome::Rejected(match response.status {
        404 => PaymentRejection::NotFound,
        _ => PaymentRejection::Misconfigured(why),
    })
}

/// The error of an answer, as far as it can be read.
fn error_of(response: &Response) -> ErrorBody {
    serde_json::from_slice(&response.body).unwrap_or_default()
}
