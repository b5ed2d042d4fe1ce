//! The ledger of Stripe's intents: what is requested, how a page is read, and what
//! happens to an entry that cannot be read.

use domain::ledger::{ListPaymentIntents, PaymentIntentEntry};
use domain::payment::PaymentIntentState;
use domain::ports::{CallOutcome, PaymentRejection};
use domain::{Currency, Money, PaymentIntentId, Private};
use serde_json::{Value, json};
use stripe::Stripe;
use testing::fakes::run;
use testing::samples;
use testing::transport::ScriptedTransport;

fn stripe(transport: &ScriptedTransport) -> Stripe<ScriptedTransport> {
    let key = Private::new("sk_test_canary".to_owned());
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

fn done<T: std::fmt::Debug, R: std::fmt::Debug>(called: CallOutcome<T, R>) -> T {
    match called {
        CallOutcome::Succeeded(done) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn intents_are_asked_for_with_their_charges_a_page_after_the_other() {
    let wire = ScriptedTransport::with_response(200, &page(&[intent("pi_2", &charge())], true));
    let first = done(run(stripe(&wire).list_payment_intents(None, None)).unwrap());
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
    wire.push_response(200, &page(&[], false));
    let last = done(
        run(stripe(&wire).list_payment_intents(Some(samples::placed_at()), Some("pi_2"))).unwrap(),
    );
    assert_eq!((last.entries.len(), last.unreadable, last.next), (0, 0, None));
    assert_eq!(
        wire.urls(),
        [
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge",
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge\
             &created%5Bgte%5D=1795406400&starting_after=pi_2",
        ]
    );
}

#[test]
fn an_intent_was_confirmed_when_the_bank_was_ever_asked() {
    let check = |status: &str, charge: Value, expected: bool| {
        let mut body = intent("pi_1", &charge);
        body["status"] = json!(status);
        let wire = ScriptedTransport::with_response(200, &body);
        let id = PaymentIntentId::parse("pi_1").unwrap();
        let entry = done(run(ListPaymentIntents::entry(&stripe(&wire), &id)).unwrap());
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
fn an_intent_that_cannot_be_read_is_counted_and_hides_no_other() {
    let spoilt =
        [intent("pi_1", &json!("ch_not_expanded")), json!({"id": "pi_3"}), json!({"id": 5}), {
            let mut foreign = intent("pi_4", &charge());
            foreign["currency"] = json!("xau");
            foreign
        }];
    for spoilt in spoilt {
        let data = [intent("pi_2", &charge()), spoilt];
        let wire = ScriptedTransport::with_response(200, &page(&data, false));
        let part = done(run(stripe(&wire).list_payment_intents(None, None)).unwrap());
        assert_eq!((part.entries.len(), part.unreadable), (1, 1));
    }
    // Nobody can go on after an entry without a name.
    let wire = ScriptedTransport::with_response(200, &page(&[json!({"id": 5})], true));
    let part = run(stripe(&wire).list_payment_intents(None, None)).unwrap();
    assert!(matches!(part, CallOutcome::Rejected(PaymentRejection::Misconfigured(_))), "{part:?}");
}

#[test]
fn no_answer_leaves_the_outcome_unknown_and_not_found_is_an_answer() {
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
    let answer = run(ListPaymentIntents::entry(&stripe(&missing), &id)).unwrap();
    assert!(matches!(answer, CallOutcome::Rejected(PaymentRejection::NotFound)), "{answer:?}");
}
