//! The metrics of a provider: the latency of every call, every unknown outcome, and its
//! resolution.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws::clock::Clock;
use aws::instrumented::Instrumented;
use domain::payment::{PaymentIntent, PaymentIntentState};
use domain::ports::{
    CallOutcome, PaymentCustomer, PaymentIntentRequest, PaymentProvider, PaymentRejection,
    RefundState, ShippingProvider, ShippingRejection,
};
use domain::shipment::{LabelRefundState, Parcel, ProviderShipment};
use domain::{PaymentIntentId, Private, RateId, ShipmentId, Timestamp};
use serde_json::Value;
use testing::samples;

use crate::log_capture::LogCapture;

type PaymentOutcome = CallOutcome<PaymentIntent, PaymentRejection>;
type ShippingOutcome = CallOutcome<ProviderShipment, ShippingRejection>;

/// A provider with scripted outcomes.
#[derive(Default)]
struct ScriptedProvider {
    intents: Mutex<VecDeque<PaymentOutcome>>,
    shipments: Mutex<VecDeque<ShippingOutcome>>,
    refund: Option<RefundState>,
    refunds: Vec<RefundState>,
}

impl ScriptedProvider {
    fn intents(outcomes: impl IntoIterator<Item = PaymentOutcome>) -> Self {
        Self { intents: Mutex::new(outcomes.into_iter().collect()), ..Self::default() }
    }

    fn shipments(outcomes: impl IntoIterator<Item = ShippingOutcome>) -> Self {
        Self { shipments: Mutex::new(outcomes.into_iter().collect()), ..Self::default() }
    }

    fn next_intent(&self) -> PaymentOutcome {
        self.intents.lock().unwrap().pop_front().unwrap()
    }

    fn next_shipment(&self) -> ShippingOutcome {
        self.shipments.lock().unwrap().pop_front().unwrap()
    }
}

impl PaymentProvider for ScriptedProvider {
    async fn create(&self, _: &PaymentIntentRequest<'_>, _: &str) -> PaymentOutcome {
        self.next_intent()
    }

    async fn confirm(&self, _: &PaymentIntentId, _: bool, _: &str) -> PaymentOutcome {
        self.next_intent()
    }

    async fn capture(&self, _: &PaymentIntentId, _: &str) -> PaymentOutcome {
        self.next_intent()
    }

    async fn cancel(&self, _: &PaymentIntentId, _: &str) -> PaymentOutcome {
        self.next_intent()
    }

    async fn refund(
        &self,
        _: &PaymentIntentId,
        _: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        self.refund.map_or(CallOutcome::Unknown("timed out".to_owned()), CallOutcome::Succeeded)
    }

    async fn refunds(
        &self,
        _: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        CallOutcome::Succeeded(self.refunds.clone())
    }

    async fn customer(
        &self,
        _: &Private<String>,
    ) -> CallOutcome<PaymentCustomer, PaymentRejection> {
        CallOutcome::Succeeded(PaymentCustomer { customer_id: None })
    }

    async fn retrieve(&self, _: &PaymentIntentId) -> PaymentOutcome {
        self.next_intent()
    }
}

impl ShippingProvider for ScriptedProvider {
    async fn create(&self, _: &Parcel) -> ShippingOutcome {
        self.next_shipment()
    }

    async fn buy(&self, _: &ShipmentId, _: &RateId) -> ShippingOutcome {
        self.next_shipment()
    }

    async fn rerate(&self, _: &ShipmentId) -> ShippingOutcome {
        self.next_shipment()
    }

    async fn refund(&self, _: &ShipmentId) -> ShippingOutcome {
        self.next_shipment()
    }

    async fn retrieve(&self, _: &ShipmentId) -> ShippingOutcome {
        self.next_shipment()
    }
}

/// A clock on which every call takes 40 ms.
#[derive(Default)]
struct SteppingClock(AtomicU64);

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        samples::placed_at()
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.fetch_add(40, Ordering::Relaxed)
    }
}

fn instrumented(provider: ScriptedProvider) -> Instrumented<ScriptedProvider, SteppingClock> {
    Instrumented::new(provider, SteppingClock::default())
}

fn unknown<T, R>() -> CallOutcome<T, R> {
    CallOutcome::Unknown("timed out".to_owned())
}

fn intent(state: PaymentIntentState) -> PaymentOutcome {
    CallOutcome::Succeeded(samples::payment_intent(state))
}

fn id() -> PaymentIntentId {
    samples::payment_intent(PaymentIntentState::Processing).id
}

fn shipment(bought: bool, refund: LabelRefundState) -> ShippingOutcome {
    let bought = bought.then(|| samples::bought_label("9400"));
    CallOutcome::Succeeded(ProviderShipment { bought, refund, ..samples::provider_shipment() })
}

/// The lines about outcomes, in words: provider, call and resolution.
fn outcomes(log: &LogCapture) -> Vec<String> {
    let word = |line: &Value, name: &str| line[name].as_str().map(str::to_lowercase);
    let lines = log.lines();
    let outcomes = lines.iter().filter(|line| line["ProviderLatency"].is_null()).map(|line| {
        let words = [word(line, "Provider"), word(line, "Call"), word(line, "Resolution")];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    outcomes.collect()
}

#[tokio::test]
async fn the_latency_of_every_call_is_measured_with_any_outcome() {
    let (log, _guard) = LogCapture::start();
    let declined = PaymentRejection::Declined { code: "expired_card".to_owned() };
    let payments = instrumented(ScriptedProvider::intents([
        CallOutcome::NotSent("no connection".to_owned()),
        CallOutcome::Rejected(declined),
        intent(PaymentIntentState::Succeeded),
    ]));
    let _ = payments.confirm(&id(), false, "k").await;
    let _ = payments.confirm(&id(), false, "k").await;
    let _ = PaymentProvider::retrieve(&payments, &id()).await;
    let lines = log.lines();
    let timed: Vec<_> = lines
        .iter()
        .map(|line| (line["Call"].as_str().unwrap(), line["ProviderLatency"].as_u64().unwrap()))
        .collect();
    assert_eq!(timed, [("CONFIRM", 40), ("CONFIRM", 40), ("LOOK_UP", 40)]);
}

#[tokio::test]
async fn an_unknown_payment_outcome_is_resolved_by_the_state_of_the_intent() {
    use PaymentIntentState as S;
    let (log, _guard) = LogCapture::start();
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
        let payments =
            instrumented(ScriptedProvider::intents([unknown(), intent(state), intent(state)]));
        let _unknown = match call {
            "confirm" => payments.confirm(&id(), false, "k").await,
            "capture" => payments.capture(&id(), "k").await,
            _ => payments.cancel(&id(), "k").await,
        };
        let _found = PaymentProvider::retrieve(&payments, &id()).await;
        // The second response resolves nothing.
        let _found = PaymentProvider::retrieve(&payments, &id()).await;
        let mut expected = vec![format!("gateway {call}")];
        expected.extend(resolution.map(|word| format!("gateway {call} {word}")));
        assert_eq!(outcomes(&log), expected, "{call} {state:?}");
    }
}

#[tokio::test]
async fn an_outcome_stays_unknown_until_a_response_about_the_same_intent() {
    let (log, _guard) = LogCapture::start();
    let payments = instrumented(ScriptedProvider::intents([
        unknown(),
        unknown(),
        intent(PaymentIntentState::Succeeded),
        CallOutcome::Rejected(PaymentRejection::UnexpectedState(samples::payment_intent(
            PaymentIntentState::Succeeded,
        ))),
    ]));
    let _unknown = payments.capture(&id(), "k").await;
    let _unknown = PaymentProvider::retrieve(&payments, &id()).await;
    let another = PaymentIntentId::parse("pi_another").unwrap();
    let _found = PaymentProvider::retrieve(&payments, &another).await;
    assert_eq!(
        outcomes(&log),
        ["gateway capture"],
        "a lost retrieve is not counted, and the response is about another intent"
    );
    let _too_late = payments.capture(&id(), "k").await;
    assert_eq!(outcomes(&log), ["gateway capture effect"]);
}

#[tokio::test]
async fn a_repeated_call_with_an_unknown_outcome_is_counted_once() {
    let (log, _guard) = LogCapture::start();
    let outcomes_of_four_calls =
        [unknown(), unknown(), unknown(), intent(PaymentIntentState::Succeeded)];
    let payments = instrumented(ScriptedProvider::intents(outcomes_of_four_calls));
    for _ in 0..4 {
        let _outcome = payments.capture(&id(), "k").await;
    }
    assert_eq!(outcomes(&log), ["gateway capture", "gateway capture effect"]);
}

#[tokio::test]
async fn an_unknown_refund_is_resolved_by_the_list_of_refunds() {
    let (log, _guard) = LogCapture::start();
    for (refunds, word) in [(vec![RefundState::Succeeded], "effect"), (vec![], "no_effect")] {
        let payments = instrumented(ScriptedProvider { refunds, ..ScriptedProvider::default() });
        let _unknown = PaymentProvider::refund(&payments, &id(), "k").await;
        let _found = payments.refunds(&id()).await;
        assert_eq!(outcomes(&log), ["gateway refund".to_owned(), format!("gateway refund {word}")]);
    }
}

#[tokio::test]
async fn an_unknown_label_outcome_is_resolved_by_the_shipment() {
    use LabelRefundState::{NotRequested, Submitted};
    let (log, _guard) = LogCapture::start();
    let known = samples::provider_shipment();
    for (call, found, word) in [
        ("buy", shipment(true, NotRequested), "effect"),
        ("buy", shipment(false, NotRequested), "no_effect"),
        ("refund", shipment(true, Submitted), "effect"),
        ("refund", shipment(true, NotRequested), "no_effect"),
    ] {
        let shipping = instrumented(ScriptedProvider::shipments([unknown(), found]));
        let _unknown = match call {
            "buy" => shipping.buy(&known.id, &known.rates[0].id).await,
            _ => ShippingProvider::refund(&shipping, &known.id).await,
        };
        let _found = ShippingProvider::retrieve(&shipping, &known.id).await;
        assert_eq!(outcomes(&log), [format!("carrier {call}"), format!("carrier {call} {word}")]);
    }
}

#[tokio::test]
async fn an_unknown_creation_is_harmless_because_it_is_never_used() {
    let (log, _guard) = LogCapture::start();
    let payments = instrumented(ScriptedProvider::intents([unknown()]));
    let order = samples::received();
    let request = PaymentIntentRequest {
        order_id: &order.order_id,
        amount: order.total,
        payment_method: &Private::new("pm_card_visa".to_owned()),
        payment_customer: None,
    };
    let _unknown = PaymentProvider::create(&payments, &request, "k").await;
    let shipping = instrumented(ScriptedProvider::shipments([unknown()]));
    let _unknown = ShippingProvider::create(&shipping, &order.parcel().unwrap()).await;
    let unknown = ["gateway create", "carrier create"];
    let harmless = unknown.map(|call| format!("{call} harmless"));
    assert_eq!(outcomes(&log), [unknown[0], &harmless[0], unknown[1], &harmless[1]]);
}
