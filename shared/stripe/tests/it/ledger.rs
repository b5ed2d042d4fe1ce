//! The ledger listing: the requests, how a page is read, and what happens to a malformed
//! entry.

use domain::ledger::{ListPaymentIntents, PaymentIntentEntry};
use domain::payment::PaymentIntentState;
use domain::ports::{ApiKey, CallOutcome, PaymentRejection};
use domain::{Currency, Money, PaymentIntentId};
use serde_json::{Value, json};
use stripe::Stripe;
use testing::fakes::run;
use testing::samples;
use testing::transport::ScriptedTransport;

fn stripe(transport: &ScriptedTransport) -> Stripe<ScriptedTransport, ApiKey> {
    let key = ApiKey::test("sk_test_canary");
    Stripe::new(transport.clone(), "https://api.stripe.com", key)
}

fn intent(id: &str, charge: &Value) -> Value {
    json!({
        "id": id, "object": "payment_intent", "status": "succeeded", "amount": 4499,
        "amount_received": 4400, "currency": "usd", "metadata": {"order_id": "ord_7"},
        "latest_charge": charge,
    })
}

fn charge() -> Value {
    json!({"id": "ch_1", "amount_refunded": 100, "amount_captured": 4400})
}

fn page(data: &[Value], more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": more, "url": "/v1/payment_intents"})
}

fn succeeded<T: std::fmt::Debug, R: std::fmt::Debug>(outcome: CallOutcome<T, R>) -> T {
    match outcome {
        CallOutcome::Succeeded(succeeded) => succeeded,
        other => panic!("{other:?}"),
    }
}

#[test]
fn intents_are_requested_with_their_charges_page_by_page() {
    let transport =
        ScriptedTransport::with_response(200, &page(&[intent("pi_2", &charge())], true));
    let first = succeeded(run(stripe(&transport).list_payment_intents(None, None)).unwrap());
    assert_eq!(first.next.as_deref(), Some("pi_2"));
    let expected = PaymentIntentEntry {
        id: PaymentIntentId::parse("pi_2").unwrap(),
        order: Some("ord_7".to_owned()),
        state: PaymentIntentState::Succeeded,
        amount: Money::new(4499, Currency::Usd),
        captured_minor: 4400,
        refunded_minor: 100,
        confirmed: true,
    };
    assert_eq!(first.entries, [expected]);
    transport.push_response(200, &page(&[], false));
    let last = succeeded(
        run(stripe(&transport).list_payment_intents(Some(samples::placed_at()), Some("pi_2")))
            .unwrap(),
    );
    assert_eq!((last.entries.len(), last.unreadable, last.next), (0, 0, None));
    assert_eq!(
        transport.urls(),
        [
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge",
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge\
             &created%5Bgte%5D=1795406400&starting_after=pi_2",
        ]
    );
}

#[test]
fn an_intent_counts_as_confirmed_if_the_card_issuer_received_a_request() {
    let check = |status: &str, charge: Value, expected: bool| {
        let mut body = intent("pi_1", &charge);
        body["status"] = json!(status);
        let transport = ScriptedTransport::with_response(200, &body);
        let id = PaymentIntentId::parse("pi_1").unwrap();
        let entry = succeeded(run(ListPaymentIntents::entry(&stripe(&transport), &id)).unwrap());
        assert_eq!(entry.confirmed, expected, "{status}");
    };
    check("requires_confirmation", Value::Null, false);
    check("requires_payment_method", Value::Null, false);
    check("requires_payment_method", charge(), true);
    check("requires_action", Value::Null, true);
    check("processing", Value::Null, true);
    check("requires_capture", charge(), true);
    check("canceled", Value::Null, false);
    check("canceled", charge(), true);
}

#[test]
fn a_malformed_intent_is_counted_and_does_not_hide_others() {
    let malformed =
        [intent("pi_1", &json!("ch_not_expanded")), json!({"id": "pi_3"}), json!({"id": 5}), {
            let mut unsupported_currency = intent("pi_4", &charge());
            unsupported_currency["currency"] = json!("xau");
            unsupported_currency
        }];
    for malformed in malformed {
        let data = [intent("pi_2", &charge()), malformed];
        let transport = ScriptedTransport::with_response(200, &page(&data, false));
        let page = succeeded(run(stripe(&transport).list_payment_intents(None, None)).unwrap());
        assert_eq!((page.entries.len(), page.unreadable), (1, 1));
    }
    // Without the last id there is no next page.
    let transport = ScriptedTransport::with_response(200, &page(&[json!({"id": 5})], true));
    let page = run(stripe(&transport).list_payment_intents(None, None)).unwrap();
    assert!(matches!(page, CallOutcome::Rejected(PaymentRejection::Misconfigured(_))), "{page:?}");
}

#[test]
fn without_a_response_the_outcome_is_unknown_and_not_found_is_a_rejection() {
    let id = PaymentIntentId::parse("pi_1").unwrap();
    let silent = ScriptedTransport::default();
    assert!(matches!(
        run(stripe(&silent).list_payment_intents(None, None)).unwrap(),
        CallOutcome::Unknown(_)
    ));
    assert!(matches!(
        run(ListPaymentIntents::entry(&stripe(&silent), &id)).unwrap(),
        CallOutcome::Unknown(_)
    ));
    let body = json!({"error": {"code": "resource_missing"}});
    let missing = ScriptedTransport::with_response(404, &body);
    let outcome = run(ListPaymentIntents::entry(&stripe(&missing), &id)).unwrap();
    assert!(matches!(outcome, CallOutcome::Rejected(PaymentRejection::NotFound)), "{outcome:?}");
}
