//! What is measured of a provider: every call's time, every outcome that was
//! unknown, and what it turned out to be.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws::clock::Clock;
use aws::metered::Metered;
use domain::payment::{Intent, IntentState};
use domain::ports::{
    Called, Carrier, CarrierRefusal, Gateway, GatewayRefusal, IntentRequest, RefundState,
};
use domain::shipment::{CarrierRefund, CarrierShipment, Parcel};
use domain::{IntentId, Moment, Private, RateId, ShipmentId};
use serde_json::Value;
use support::page::Page;
use testing::sample;

type Bank = Called<Intent, GatewayRefusal>;
type Post = Called<CarrierShipment, CarrierRefusal>;

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

impl Gateway for Told {
    async fn create(&self, _: &IntentRequest<'_>, _: &str) -> Bank {
        self.bank()
    }

    async fn confirm(&self, _: &IntentId, _: bool, _: &str) -> Bank {
        self.bank()
    }

    async fn capture(&self, _: &IntentId, _: &str) -> Bank {
        self.bank()
    }

    async fn cancel(&self, _: &IntentId, _: &str) -> Bank {
        self.bank()
    }

    async fn refund(&self, _: &IntentId, _: &str) -> Called<RefundState, GatewayRefusal> {
        self.refund.map_or(Called::Unknown("lost".to_owned()), Called::Done)
    }

    async fn refunds(&self, _: &IntentId) -> Called<Vec<RefundState>, GatewayRefusal> {
        Called::Done(self.refunds.clone())
    }

    async fn look_up(&self, _: &IntentId) -> Bank {
        self.bank()
    }
}

impl Carrier for Told {
    async fn create(&self, _: &Parcel) -> Post {
        self.post()
    }

    async fn buy(&self, _: &ShipmentId, _: &RateId) -> Post {
        self.post()
    }

    async fn refund(&self, _: &ShipmentId) -> Post {
        self.post()
    }

    async fn look_up(&self, _: &ShipmentId) -> Post {
        self.post()
    }
}

/// A clock on which every call takes 40 ms.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Moment {
        sample::placed_at()
    }

    fn ticks_ms(&self) -> u64 {
        self.0.fetch_add(40, Ordering::Relaxed)
    }
}

fn metered(told: Told) -> Metered<Told, Ticking> {
    Metered::new(told, Ticking::default())
}

fn lost<T, R>() -> Called<T, R> {
    Called::Unknown("lost".to_owned())
}

fn intent(state: IntentState) -> Bank {
    Called::Done(sample::intent(state))
}

fn id() -> IntentId {
    sample::intent(IntentState::Processing).id
}

fn shipment(bought: bool, refund: CarrierRefund) -> Post {
    let bought = bought.then(|| ("9400".to_owned(), None));
    Called::Done(CarrierShipment { bought, refund, ..sample::carrier_shipment() })
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
    let declined = GatewayRefusal::Declined { code: "expired_card".to_owned() };
    let gateway = metered(Told::intents([
        Called::NotBegun("no connection".to_owned()),
        Called::Refused(declined),
        intent(IntentState::Succeeded),
    ]));
    let _ = gateway.confirm(&id(), false, "k").await;
    let _ = gateway.confirm(&id(), false, "k").await;
    let _ = Gateway::look_up(&gateway, &id()).await;
    let lines = page.lines();
    let timed: Vec<_> = lines
        .iter()
        .map(|line| (line["Call"].as_str().unwrap(), line["ProviderLatency"].as_u64().unwrap()))
        .collect();
    assert_eq!(timed, [("CONFIRM", 40), ("CONFIRM", 40), ("LOOK_UP", 40)]);
}

#[tokio::test]
async fn what_was_unknown_about_an_intent_is_resolved_by_what_it_is() {
    use IntentState as S;
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
        let _found = Gateway::look_up(&gateway, &id()).await;
        // Once is enough.
        let _found = Gateway::look_up(&gateway, &id()).await;
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
        intent(IntentState::Succeeded),
        Called::Refused(GatewayRefusal::WrongState(sample::intent(IntentState::Succeeded))),
    ]));
    let _unknown = gateway.capture(&id(), "k").await;
    let _unknown = Gateway::look_up(&gateway, &id()).await;
    let another = IntentId::parse("pi_another").unwrap();
    let _found = Gateway::look_up(&gateway, &another).await;
    assert_eq!(short(&page), ["gateway capture"], "to look is no outcome, and it is another's");
    let _too_late = gateway.capture(&id(), "k").await;
    assert_eq!(short(&page), ["gateway capture effect"]);
}

#[tokio::test]
async fn what_is_asked_for_again_while_it_is_unknown_is_unknown_once() {
    let (page, _until_the_end) = Page::open();
    let answers = [lost(), lost(), lost(), intent(IntentState::Succeeded)];
    let gateway = metered(Told::intents(answers));
    for _ in 0..4 {
        let _answer = gateway.capture(&id(), "k").await;
    }
    assert_eq!(short(&page), ["gateway capture", "gateway capture effect"]);
}

#[tokio::test]
async fn a_refund_that_is_unknown_is_resolved_by_the_list_of_refunds() {
    let (page, _until_the_end) = Page::open();
    for (refunds, word) in [(vec![RefundState::Done], "effect"), (vec![], "no_effect")] {
        let gateway = metered(Told { refunds, ..Told::default() });
        let _unknown = Gateway::refund(&gateway, &id(), "k").await;
        let _found = gateway.refunds(&id()).await;
        assert_eq!(short(&page), ["gateway refund".to_owned(), format!("gateway refund {word}")]);
    }
}

#[tokio::test]
async fn what_was_unknown_about_a_label_is_resolved_by_the_shipment() {
    use CarrierRefund::{NotAsked, Submitted};
    let (page, _until_the_end) = Page::open();
    let here = sample::carrier_shipment();
    for (call, found, word) in [
        ("buy", shipment(true, NotAsked), "effect"),
        ("buy", shipment(false, NotAsked), "no_effect"),
        ("refund", shipment(true, Submitted), "effect"),
        ("refund", shipment(true, NotAsked), "no_effect"),
    ] {
        let carrier = metered(Told::shipments([lost(), found]));
        let _unknown = match call {
            "buy" => carrier.buy(&here.id, &here.rates[0].id).await,
            _ => Carrier::refund(&carrier, &here.id).await,
        };
        let _found = Carrier::look_up(&carrier, &here.id).await;
        assert_eq!(short(&page), [format!("carrier {call}"), format!("carrier {call} {word}")]);
    }
}

#[tokio::test]
async fn what_was_perhaps_made_and_is_never_used_does_no_harm() {
    let (page, _until_the_end) = Page::open();
    let gateway = metered(Told::intents([lost()]));
    let order = sample::received();
    let request = IntentRequest {
        order_id: &order.order_id,
        amount: order.total,
        payment_method: &Private::new("pm_card_visa".to_owned()),
        payment_customer: None,
    };
    let _unknown = Gateway::create(&gateway, &request, "k").await;
    let carrier = metered(Told::shipments([lost()]));
    let _unknown = Carrier::create(&carrier, &order.parcel()).await;
    let open = ["gateway create", "carrier create"];
    let closed = open.map(|call| format!("{call} harmless"));
    assert_eq!(short(&page), [open[0], &closed[0], open[1], &closed[1]]);
}
