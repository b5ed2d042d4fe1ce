//! Stripe, the payment provider: payment intents, refunds, webhooks and the ledger
//! listing.
//!
//! The crate guarantees how each response becomes a [`CallOutcome`] (`response`): a call
//! that may have taken effect is `Unknown`, never `Rejected`, and a call that certainly
//! took none is `NotSent`. Stripe's messages are never passed on, only its codes, because
//! a message may hold an API key or a name.
//!
//! Every POST carries an idempotency key, so the caller may repeat it
//! (<https://docs.stripe.com/api/idempotent_requests>). The other rules come from
//! <https://docs.stripe.com/error-low-level> and <https://docs.stripe.com/declines/codes>.
//!
//! Start at [`Stripe`], which implements the domain's ports; `wire` is the JSON.

mod error;
mod ids;
mod ledger;
mod response;
mod webhook;
mod wire;

use domain::account::AccountProblem;
use domain::payment::PaymentIntent;
use domain::ports::{
    ApiKey, ApiKeySource, CallOutcome, Method, NoApiKey, PaymentCustomer, PaymentIntentRequest,
    PaymentProvider, PaymentRejection, RefundState, Request, Transport, TransportError,
};
use domain::{PaymentIntentId, Private};
use serde::de::DeserializeOwned;
use url::form_urlencoded::Serializer;

pub use self::webhook::StripeWebhooks;
use self::wire::{HasMode, WireCustomer, WireIntent, WireList, WireRefund};

/// The version of Stripe's API that the wire types follow, sent with every request.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The maximum page size of Stripe's lists, and more refunds than an order ever has.
const MAX_PAGE_SIZE: &str = "100";

/// Asks for the intent's latest charge as an object, not only as an id.
const EXPAND_CHARGE: (&str, &str) = ("expand[]", "latest_charge");

/// The outcome of a call to Stripe.
type Outcome<T> = CallOutcome<T, PaymentRejection>;

/// One Stripe account.
#[derive(Debug, Clone)]
pub struct Stripe<T, K> {
    transport: T,
    base_url: String,
    secret_key: K,
}

impl<T: Transport, K: ApiKeySource> Stripe<T, K> {
    /// The account of this secret key. `base_url` has no trailing slash.
    pub fn new(transport: T, base_url: impl Into<String>, secret_key: K) -> Self {
        Self { transport, base_url: base_url.into(), secret_key }
    }

    async fn post<D: DeserializeOwned + HasMode>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: &str,
    ) -> Outcome<D> {
        let headers = vec![
            ("stripe-version", API_VERSION.to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("idempotency-key", idempotency_key.to_owned()),
        ];
        let url = format!("{}/v1/{path}", self.base_url);
        let body = form_encoded(form).into_bytes();
        self.send(Request { method: Method::Post, url, headers, body }).await
    }

    async fn get<D: DeserializeOwned + HasMode>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Outcome<D> {
        let query = form_encoded(query);
        let separator = if query.is_empty() { "" } else { "?" };
        let url = format!("{}/v1/{path}{separator}{query}", self.base_url);
        let headers = vec![("stripe-version", API_VERSION.to_owned())];
        self.send(Request { method: Method::Get, url, headers, body: vec![] }).await
    }

    /// Sends a request; once more if its key was replaced. A rejected key (401) has no
    /// effect, so that the repeated request is still the first one.
    async fn send<D: DeserializeOwned + HasMode>(&self, request: Request) -> Outcome<D> {
        let key = match self.secret_key.current().await {
            Ok(key) => key,
            Err(reason) => return no_key(reason),
        };
        let outcome = self.send_with(&key, request.clone()).await;
        if !matches!(
            &outcome,
            CallOutcome::Rejected(PaymentRejection::Account(AccountProblem::KeyRejected))
        ) {
            return outcome;
        }
        match self.secret_key.replacement(&key).await {
            Ok(Some(replacement)) => self.send_with(&replacement, request).await,
            Ok(None) | Err(NoApiKey::Unavailable(_)) => outcome,
            Err(reason) => no_key(reason),
        }
    }

    async fn send_with<D: DeserializeOwned + HasMode>(
        &self,
        key: &ApiKey,
        mut request: Request,
    ) -> Outcome<D> {
        request.headers.push(("authorization", format!("Bearer {}", key.secret.expose())));
        let outcome = match self.transport.send(request).await {
            Ok(response) => response::classify::<D>(&response),
            Err(TransportError::NotSent(reason)) => CallOutcome::NotSent(reason),
            Err(TransportError::NoResponse(reason)) => CallOutcome::Unknown(reason),
        };
        match outcome {
            CallOutcome::Succeeded(object) if !object.is_in(key.mode) => {
                CallOutcome::Rejected(PaymentRejection::Account(AccountProblem::WrongMode))
            }
            outcome => outcome,
        }
    }
}

fn no_key<T>(reason: NoApiKey) -> Outcome<T> {
    match reason {
        NoApiKey::Problem(problem) => CallOutcome::Rejected(PaymentRejection::Account(problem)),
        NoApiKey::Unavailable(reason) => CallOutcome::NotSent(reason),
    }
}

fn form_encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl<T: Transport, K: ApiKeySource> PaymentProvider for Stripe<T, K> {
    async fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> Outcome<PaymentIntent> {
        let amount = request.amount.amount_minor().to_string();
        let currency = request.amount.currency().code().to_ascii_lowercase();
        let mut form = vec![
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("payment_method", request.payment_method.expose()),
            ("capture_method", "manual"),
            // The store has no page that a redirect could return to.
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
            ("metadata[order_id]", request.order_id.as_str()),
        ];
        if let Some(customer) = request.payment_customer {
            form.push(("customer", customer.expose()));
        }
        parse_intent(self.post("payment_intents", &form, key).await)
    }

    async fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> Outcome<PaymentIntent> {
        // The charge holds the capture deadline and the risk level.
        let mut form = vec![("error_on_requires_action", "true"), EXPAND_CHARGE];
        if off_session {
            form.push(("off_session", "true"));
        }
        parse_intent(self.post(&format!("payment_intents/{id}/confirm"), &form, key).await)
    }

    async fn capture(&self, id: &PaymentIntentId, key: &str) -> Outcome<PaymentIntent> {
        parse_intent(self.post(&format!("payment_intents/{id}/capture"), &[], key).await)
    }

    async fn cancel(&self, id: &PaymentIntentId, key: &str) -> Outcome<PaymentIntent> {
        parse_intent(self.post(&format!("payment_intents/{id}/cancel"), &[], key).await)
    }

    async fn refund(&self, id: &PaymentIntentId, key: &str) -> Outcome<RefundState> {
        let refund = self.post("refunds", &[("payment_intent", id.as_str())], key).await;
        parse_success(refund, |refund: WireRefund| Ok(refund.state()))
    }

    async fn refunds(&self, id: &PaymentIntentId) -> Outcome<Vec<RefundState>> {
        let query = [("payment_intent", id.as_str()), ("limit", MAX_PAGE_SIZE)];
        let refunds = self.get("refunds", &query).await;
        parse_success(refunds, |list: WireList<WireRefund>| {
            Ok(list.data.iter().map(WireRefund::state).collect())
        })
    }

    async fn customer(&self, id: &Private<String>) -> Outcome<PaymentCustomer> {
        let id = id.expose();
        // It becomes a part of the path.
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return CallOutcome::Rejected(PaymentRejection::NotFound);
        }
        match self.get(&format!("customers/{id}"), &[]).await {
            CallOutcome::Succeeded(WireCustomer { deleted: true, .. }) => {
                CallOutcome::Rejected(PaymentRejection::NotFound)
            }
            outcome => parse_success(outcome, |customer: WireCustomer| Ok(customer.into())),
        }
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> Outcome<PaymentIntent> {
        parse_intent(self.get(&format!("payment_intents/{id}"), &[EXPAND_CHARGE]).await)
    }
}

fn parse_intent(outcome: Outcome<WireIntent>) -> Outcome<PaymentIntent> {
    parse_success(outcome, WireIntent::parse)
}

/// Turns a wire type into one of the domain's. An object that the domain cannot express
/// means that the account is misconfigured.
fn parse_success<W, D>(
    outcome: Outcome<W>,
    parse: impl FnOnce(W) -> Result<D, &'static str>,
) -> Outcome<D> {
    match outcome {
        CallOutcome::Succeeded(wire) => match parse(wire) {
            Ok(parsed) => CallOutcome::Succeeded(parsed),
            Err(reason) => {
                CallOutcome::Rejected(PaymentRejection::Misconfigured(reason.to_owned()))
            }
        },
        CallOutcome::Rejected(rejection) => CallOutcome::Rejected(rejection),
        CallOutcome::NotSent(reason) => CallOutcome::NotSent(reason),
        CallOutcome::Throttled(reason) => CallOutcome::Throttled(reason),
        CallOutcome::Unknown(reason) => CallOutcome::Unknown(reason),
    }
}
