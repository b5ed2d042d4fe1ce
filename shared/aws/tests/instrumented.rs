//! What is measured of a provider: every call's time, every outcome that was
//! unknown, and what it turned out to be.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws::clock::Clock;
use aws::instrumented::Instrumented;
use domain::payment::{PaymentIntent, PaymentIntentState};
use domain::ports::{
    CallOutcome, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
    ShippingProvider, ShippingRejection,
};
use domain::shipment::{LabelRefundState, Parcel, ProviderShipment};
use domain::{PaymentIntentId, Private, RateId, ShipmentId, Timestamp};
use serde_json::Value;
use support::page::Page;
use testing::samples;

type Bank = CallOutcome<PaymentIntent, PaymentRejection>;
type Post = CallOutcome<ProviderShipment, ShippingRejection>;

/// A provider that answers what it is told to.
#[derive(Default)]
struct Told {
    intents: Mutex<VecDeque<Bank>>,
    shipments: Mutex<VecDeque<Post>>,
    refund: Option<RefundState>,
    refunds: Vec<RefundState>,
}

impl Told {
    fn intents(answers: impl IntoIterator<Item = Bank>) -> Self {
        Self { intents: Mutex::new(answers.into_iter().collect()), ..Self::default() }
    }

    fn shipments(answers: impl IntoIterator<Item = Post>) -> Self {
        Self { shipments: Mutex::new(answers.into_iter().collect()), ..Self::default() }
    }

    fn bank(&self) -> Bank {
        self.intents.lock().unwrap().pop_front().unwrap()
    }

    fn post(&self) -> Post {
        self.shipments.lock().unwrap().pop_front().unwrap()
    }
}

impl PaymentProvider for Told {
    async fn create(&self, _: &PaymentIntentRequest<'_>, _: &str) -> Bank {
        self.bank()
    }

    async fn confirm(&self, _: &PaymentIntentId, _: bool, _: &str) -> Bank {
        self.bank()
    }

    async fn capture(&self, _: &PaymentIntentId, _: &str) -> Bank {
        self.bank()
    }

    async fn cancel(&self, _: &PaymentIntentId, _: &str) -> Bank {
        self.bank()
    }

    async fn refund(
        &self,
        _: &PaymentIntentId,
        _: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        self.refund.map_or(CallOutcome::Unknown("lost".to_owned()), CallOutcome::Succeeded)
    }

    async fn refunds(
        &self,
        _: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        CallOutcome::Succeeded(self.refunds.clone())
    }

    async fn retrieve(&self, _: &PaymentIntentId) -> Bank {
        self.bank()
    }
}

impl ShippingProvider for Told {
    async fn create(&self, _: &Parcel) -> Post {
        self.post()
    }

    async fn buy(&self, _: &ShipmentId, _: &RateId) -> Post {
        self.post()
    }

    async fn refund(&self, _: &ShipmentId) -> Post {
        self.post()
    }

    async fn retrieve(&self, _: &ShipmentId) -> Post {
        self.post()
    }
}

/// A clock on which every call takes 40 ms.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        samples::placed_at()
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.fetch_add(40, Ordering::Relaxed)
    }
}

fn metered(told: Told) -> Instrumented<Told, Ticking> {
    Instrumented::new(told, Ticking::default())
}

fn lost<T, R>() -> CallOutcome<T, R> {
    CallOutcome::Unknown("lost".to_owned())
}

fn intent(state: PaymentIntentState) -> Bank {
    CallOutcome::Succeeded(samples::payment_intent(state))
}

fn id() -> PaymentIntentId {
    samples::payment_intent(PaymentIntentState::Processing).id
}

fn shipment(bought: bool, refund: LabelRefundState) -> Post {
    let bought = bought.then(|| ("9400".to_owned(), None));
    CallOutcome::Succeeded(ProviderShipment { bought, refund, ..samples::provider_shipment() })
}

/// The lines in short: name, dimensions, and the value of what is no count.
fn short(page: &Page) -> Vec<String> {
    let word = |line: &Value, name: &str| line[name].as_str().map(str::to_lowercase);
    let lines = page.lines();
    let in_short = lines.iter().filter(|line| line["ProviderLatency"].is_null()).map(|line| {
        let of_two = [word(line, "Provider"), word(line, "Call"), word(line, "Resolution")];
        of_two.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    in_short.collect()
}

#[tokio::test]
async fn every_call_is_timed_however_it_ends() {
    let (page, _until_the_end) = Page::open();
    let declined = PaymentRejection::Declined { code: "expired_card".to_owned() };
    let gateway = metered(Told::intents([
        CallOutcome::NotSent("no connection".to_owned()),
        CallOutcome::Rejected(declined),
        intent(PaymentIntentState::Succeeded),
    ]));
    let _ = gateway.confirm(&id(), false, "k").await;
    let _ = gateway.confirm(&id(), false, "k").await;
    let _ = PaymentProvider::retrieve(&gateway, &id()).await;
    let lines = page.lines();
    let timed: Vec<_> = lines
        .iter()
        .map(|line| (line["Call"].as_str().unwrap(), line["ProviderLatency"].as_u64().unwrap()))
        .collect();
    assert_eq!(timed, [("CONFIRM", 40), ("CONFIRM", 40), ("LOOK_UP", 40)]);
}

#[tokio::test]
async fn what_was_unknown_about_an_intent_is_resolved_by_what_it_is() {
    use PaymentIntentState as S;
    let (page, _until_the_end) = Page::open();
    for (call, state, resolution) in [
        ("confirm", S::RequiresCapture, Some("effect")),
        ("confirm", S::RequiresPaymentMethod, Some("effect")),
        ("confirm", S::RequiresConfirmation, Some("no_effect")),
        ("confirm", S::Processing, None),
        ("capture", S::Succeeded, Some("effect")),
        ("capture", S::RequiresCapture, Some("no_effect")),
        ("capture", S::Canceled, Some("no_effect")),
        ("cancel", S::Canceled, Some("effect")),
        ("cancel", S::RequiresCapture, Some("no_effect")),
    ] {
        let gateway = metered(Told::intents([lost(), intent(state), intent(state)]));
        let _unknown = match call {
            "confirm" => gateway.confirm(&id(), false, "k").await,
            "capture" => gateway.capture(&id(), "k").await,
            _ => gateway.cancel(&id(), "k").await,
        };
        let _found = PaymentProvider::retrieve(&gateway, &id()).await;
        // Once is enough.
        let _found = PaymentProvider::retrieve(&gateway, &id()).await;
        let mut expected = vec![format!("gateway {call}")];
        expected.extend(resolution.map(|word| format!("gateway {call} {word}")));
        assert_eq!(short(&page), expected, "{call} {state:?}");
    }
}

#[tokio::test]
async fn an_outcome_stays_open_until_the_same_intent_is_seen() {
    let (page, _until_the_end) = Page::open();
    let gateway = metered(Told::intents([
        lost(),
        lost(),
        intent(PaymentIntentState::Succeeded),
        CallOutcome::Rejected(PaymentRejection::UnexpectedState(samples::payment_intent(
            PaymentIntentState::Succeeded,
        ))),
    ]));
    let _unknown = gateway.capture(&id(), "k").await;
    let _unknown = PaymentProvider::retrieve(&gateway, &id()).await;
    let another = PaymentIntentId::parse("pi_another").unwrap();
    let _found = PaymentProvider::retrieve(&gateway, &another).await;
    assert_eq!(short(&page), ["gateway capture"], "to look is no outcome, and it is another's");
    let _too_late = gateway.capture(&id(), "k").await;
    assert_eq!(short(&page), ["gateway capture effect"]);
}

#[tokio::test]
async fn what_is_asked_for_again_while_it_is_unknown_is_unknown_once() {
    let (page, _until_the_end) = Page::open();
    let answers = [lost(), lost(), lost(), intent(PaymentIntentState::Succeeded)];
    let gateway = metered(Told::intents(answers));
    for _ in 0..4 {
        let _answer = gateway.capture(&id(), "k").await;
    }
    assert_eq!(short(&page), ["gateway capture", "gateway capture effect"]);
}

#[tokio::test]
async fn a_refund_that_is_unknown_is_resolved_by_the_list_of_refunds() {
    let (page, _until_the_end) = Page::open();
    for (refunds, word) in [(vec![RefundState::Succeeded], "effect"), (vec![], "no_effect")] {
        let gateway = metered(Told { refunds, ..Told::default() });
        let _unknown = PaymentProvider::refund(&gateway, &id(), "k").await;
        let _found = gateway.refunds(&id()).await;
        assert_eq!(short(&page), ["gateway refund".to_owned(), format!("gateway refund {word}")]);
    }
}

#[tokio::test]
async fn what_was_unknown_about_a_label_is_resolved_by_the_shipment() {
    use LabelRefundState::{NotRequested, Submitted};
    let (page, _until_the_end) = Page::open();
    let here = samples::provider_shipment();
    for (call, found, word) in [
        ("buy", shipment(true, NotRequested), "effect"),
        ("buy", shipment(false, NotRequested), "no_effect"),
        ("refund", shipment(true, Submitted), "effect"),
        ("refund", shipment(true, NotRequested), "no_effect"),
    ] {
        let carrier = metered(Told::shipments([lost(), found]));
        let _unknown = match call {
            "buy" => carrier.buy(&here.id, &here.rates[0].id).await,
            _ => ShippingProvider::refund(&carrier, &here.id).await,
        };
        let _found = ShippingProvider::retrieve(&carrier, &here.id).await;
        assert_eq!(short(&page), [format!("carrier {call}"), format!("carrier {call} {word}")]);
    }
}

#[tokio::test]
async fn what_was_perhaps_made_and_is_never_used_does_no_harm() {
    let (page, _until_the_end) = Page::open();
    let gateway = metered(Told::intents([lost()]));
    let order = samples::received();
    let request = PaymentIntentRequest {
        order_id: &order.order_id,
        amount: order.total,
        payment_method: &Private::new("pm_card_visa".to_owned()),
        payment_customer: None,
    };
    let _unknown = PaymentProvider::create(&gateway, &request, "k").await;
    let carrier = metered(Told::shipments([lost()]));
    let _unknown = ShippingProvider::create(&carrier, &order.parcel()).await;
    let open = ["gateway create", "carrier create"];
    let closed = open.map(|call| format!("{call} harmless"));
    assert_eq!(short(&page), [open[0], &closed[0], open[1], &closed[1]]);
}
