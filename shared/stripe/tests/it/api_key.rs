//! Which key a call uses: the stored one, its replacement after a 401, and never one of the
//! other mode.

use std::sync::{Arc, Mutex};

use domain::PaymentIntentId;
use domain::account::AccountProblem;
use domain::ledger::ListPaymentIntents as _;
use domain::ports::{
    ApiKey, ApiKeySource, CallOutcome, NoApiKey, PaymentProvider as _, PaymentRejection,
    ProviderMode, Request, Response, Transport, TransportError,
};
use serde_json::{Value, json};
use stripe::Stripe;
use testing::fakes::run;
use testing::transport::ScriptedTransport;

/// Rejects every key but one, and records the requests.
#[derive(Debug, Clone)]
struct OneValidKey(&'static str, Arc<Mutex<Vec<Request>>>);

impl Transport for OneValidKey {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let expected = ("authorization", format!("Bearer {}", self.0));
        let status = if request.headers.contains(&expected) { 200 } else { 401 };
        self.1.lock().unwrap().push(request);
        Ok(Response { status, headers: vec![], body: intent(false).to_string().into_bytes() })
    }
}

/// A key that was replaced, or is missing.
#[derive(Debug, Clone)]
struct StoredKeys {
    first: Result<ApiKey, NoApiKey>,
    replacement: Option<ApiKey>,
}

impl ApiKeySource for StoredKeys {
    async fn current(&self) -> Result<ApiKey, NoApiKey> {
        self.first.clone()
    }

    async fn replacement(&self, _: &ApiKey) -> Result<Option<ApiKey>, NoApiKey> {
        Ok(self.replacement.clone())
    }
}

fn intent(live: bool) -> Value {
    json!({"id": "pi_1", "status": "canceled", "amount": 1, "currency": "usd", "livemode": live})
}

fn id() -> PaymentIntentId {
    PaymentIntentId::parse("pi_1").unwrap()
}

fn cancel(keys: StoredKeys, valid: &'static str) -> (bool, Vec<Request>) {
    let transport = OneValidKey(valid, Arc::default());
    let stripe = Stripe::new(transport.clone(), "https://api.stripe.com", keys);
    let outcome = run(stripe.cancel(&id(), "key-1")).unwrap();
    let requests = transport.1.lock().unwrap().clone();
    (matches!(outcome, CallOutcome::Succeeded(_)), requests)
}

#[test]
fn a_call_whose_key_was_replaced_is_sent_once_more_with_the_same_idempotency_key() {
    let replacement = Some(ApiKey::test("sk_test_2"));
    let keys = StoredKeys { first: Ok(ApiKey::test("sk_test_1")), replacement };
    let (succeeded, requests) = cancel(keys.clone(), "sk_test_2");
    assert!(succeeded);
    let [first, second] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((&first.url, &first.body), (&second.url, &second.body));
    let idempotency_key = ("idempotency-key", "key-1".to_owned());
    assert!(requests.iter().all(|request| request.headers.contains(&idempotency_key)));
    assert_eq!(cancel(keys.clone(), "sk_test_1").1.len(), 1, "a key that works is not replaced");
    let (succeeded, requests) = cancel(keys, "sk_test_3");
    assert_eq!((succeeded, requests.len()), (false, 2), "once more, not for ever");
    let unchanged = StoredKeys { first: Ok(ApiKey::test("sk_test_1")), replacement: None };
    assert_eq!(cancel(unchanged, "sk_test_3").1.len(), 1);
}

#[test]
fn without_a_key_nothing_is_sent() {
    for reason in [
        NoApiKey::Problem(AccountProblem::KeyMissing),
        NoApiKey::Unavailable("no connection".to_owned()),
    ] {
        let keys = StoredKeys { first: Err(reason), replacement: None };
        assert_eq!(cancel(keys, "sk_test_1").1.len(), 0);
    }
}

#[test]
fn an_object_of_the_other_mode_is_a_problem_of_the_account() {
    let wrong = PaymentRejection::Account(AccountProblem::WrongMode);
    for (mode, live, expected) in [
        (ProviderMode::Test, false, true),
        (ProviderMode::Test, true, false),
        (ProviderMode::Live, true, true),
        (ProviderMode::Live, false, false),
    ] {
        let key = ApiKey { mode, ..ApiKey::test("a key") };
        let page = json!({"data": [intent(live)], "has_more": false});
        let stripe = |body: &Value| {
            let transport = ScriptedTransport::with_response(200, body);
            Stripe::new(transport, "https://api.stripe.com", key.clone())
        };
        let retrieved = run(stripe(&intent(live)).retrieve(&id())).unwrap();
        let entry = run(stripe(&intent(live)).entry(&id())).unwrap();
        let listed = run(stripe(&page).list_payment_intents(None, None)).unwrap();
        if expected {
            assert!(matches!(retrieved, CallOutcome::Succeeded(_)));
            assert!(matches!(entry, CallOutcome::Succeeded(_)));
            assert!(matches!(listed, CallOutcome::Succeeded(_)));
        } else {
            assert_eq!(retrieved, CallOutcome::Rejected(wrong.clone()), "{mode:?}");
            assert_eq!(entry, CallOutcome::Rejected(wrong.clone()), "{mode:?}");
            assert_eq!(listed, CallOutcome::Rejected(wrong.clone()), "{mode:?}");
        }
    }
}
