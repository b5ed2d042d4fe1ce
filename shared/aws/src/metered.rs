//! A provider whose calls are measured: how long each took, which outcomes were
//! unknown, and what they turned out to be.
//!
//! [`Metered`] stands between an operation and a provider and changes nothing of
//! what passes. An outcome that is unknown is remembered until an answer about
//! the same intent or shipment says what it was. It is remembered in the process:
//! one that the process takes with it when it dies stays counted as unknown.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::books::{IntentEntry, LabelEntry, ListIntents, ListLabels, Part};
use domain::payment::{Intent, IntentState};
use domain::ports::{
    Called, Carrier, CarrierRefusal, Gateway, GatewayRefusal, IntentRequest, RefundState,
};
use domain::shipment::{CarrierRefund, CarrierShipment, Parcel};
use domain::{IntentId, Moment, RateId, ShipmentId};

use crate::clock::Clock;
use crate::metrics::{Call, Metric, Provider, Resolution};

/// More outcomes than one process ever has open; beyond them the first is forgotten.
const MOST_DOUBTS: usize = 256;

/// A provider, measured.
#[derive(Debug)]
pub struct Metered<P, C> {
    provider: P,
    clock: C,
    /// The intents and shipments with calls whose outcome is open.
    doubts: Mutex<BTreeSet<(String, Call)>>,
}

impl<P, C: Clock> Metered<P, C> {
    /// The provider, measured by this clock.
    pub const fn new(provider: P, clock: C) -> Self {
        Self { provider, clock, doubts: Mutex::new(BTreeSet::new()) }
    }

    /// Measures how long a call takes.
    async fn time<T>(&self, who: Provider, call: Call, made: impl Future<Output = T> + Send) -> T {
        let began = self.clock.ticks_ms();
        let answer = made.await;
        let millis = self.clock.ticks_ms().saturating_sub(began);
        self.emit(Metric::ProviderLatency(who, call, millis));
        answer
    }

    /// An object of which nobody can ask whether it was made: it is not used either.
    fn never_mind<T, R>(&self, who: Provider, answer: &Called<T, R>) {
        if matches!(answer, Called::Unknown(_)) {
            self.emit(Metric::OutcomesUnknown(who, Call::Create));
            self.emit(Metric::OutcomesResolved(who, Call::Create, Resolution::Harmless));
        }
    }

    /// Remembers that the outcome of a call is open. One that is open already, and
    /// was asked for again, is still the same one.
    fn doubt(&self, who: Provider, call: Call, id: &str) {
        let is_new = {
            let mut doubts = self.doubts();
            if doubts.len() >= MOST_DOUBTS {
                doubts.pop_first();
            }
            doubts.insert((id.to_owned(), call))
        };
        if is_new {
            self.emit(Metric::OutcomesUnknown(who, call));
        }
    }

    /// Has `judge` say, of every open outcome of this object, what it was.
    fn settle(&self, who: Provider, id: &str, judge: impl Fn(Call) -> Option<Resolution>) {
        let mut settled = Vec::new();
        self.doubts().retain(|(object, call)| {
            let known = if object == id { judge(*call) } else { None };
            settled.extend(known.map(|resolution| (*call, resolution)));
            known.is_none()
        });
        for (call, resolution) in settled {
            self.emit(Metric::OutcomesResolved(who, call, resolution));
        }
    }

    fn emit(&self, metric: Metric) {
        metric.emit(self.clock.now());
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<(String, Call)>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an answer about an intent says of what was open about it.
    fn learn_intent(&self, call: Call, id: &IntentId, answer: &Called<Intent, GatewayRefusal>) {
        match answer {
            Called::Done(intent) | Called::Refused(GatewayRefusal::WrongState(intent)) => {
                self.settle(Provider::Gateway, id.as_str(), |call| of_intent(call, intent));
            }
            Called::Unknown(_) if call != Call::LookUp => {
                self.doubt(Provider::Gateway, call, id.as_str());
            }
            Called::Unknown(_) | Called::Refused(_) | Called::NotBegun(_) => {}
        }
    }

    /// What an answer about a shipment says of what was open about it.
    fn learn_shipment(
        &self,
        call: Call,
        id: &ShipmentId,
        answer: &Called<CarrierShipment, CarrierRefusal>,
    ) {
        match answer {
            Called::Done(shipment) => {
                self.settle(Provider::Carrier, id.as_str(), |call| of_shipment(call, shipment));
            }
            Called::Unknown(_) if call != Call::LookUp => {
                self.doubt(Provider::Carrier, call, id.as_str());
            }
            Called::Unknown(_) | Called::Refused(_) | Called::NotBegun(_) => {}
        }
    }
}

/// What the state of an intent says of a call; nothing while the bank is at it.
fn of_intent(call: Call, intent: &Intent) -> Option<Resolution> {
    let had = match (call, intent.state) {
        (_, IntentState::Processing) => return None,
        (Call::Confirm, state) => state != IntentState::RequiresConfirmation,
        (Call::Capture, state) => state == IntentState::Succeeded,
        (Call::Cancel, state) => state == IntentState::Canceled,
        (Call::Refund, IntentState::Succeeded) if intent.refunded_minor > 0 => true,
        // A refund under way does not show on the intent: its list says.
        _ => return None,
    };
    Some(effect(had))
}

fn of_shipment(call: Call, shipment: &CarrierShipment) -> Option<Resolution> {
    match call {
        Call::Buy => Some(effect(shipment.bought.is_some())),
        Call::Refund => Some(effect(shipment.refund != CarrierRefund::NotAsked)),
        _ => None,
    }
}

const fn effect(had: bool) -> Resolution {
    if had { Resolution::Effect } else { Resolution::NoEffect }
}

impl<G: Gateway, C: Clock> Gateway for Metered<G, C> {
    async fn create(
        &self,
        request: &IntentRequest<'_>,
        key: &str,
    ) -> Called<Intent, GatewayRefusal> {
        let made = self.provider.create(request, key);
        let answer = self.time(Provider::Gateway, Call::Create, made).await;
        self.never_mind(Provider::Gateway, &answer);
        answer
    }

    async fn confirm(
        &self,
        id: &IntentId,
        off_session: bool,
        key: &str,
    ) -> Called<Intent, GatewayRefusal> {
        let made = self.provider.confirm(id, off_session, key);
        let answer = self.time(Provider::Gateway, Call::Confirm, made).await;
        self.learn_intent(Call::Confirm, id, &answer);
        answer
    }

    async fn capture(&self, id: &IntentId, key: &str) -> Called<Intent, GatewayRefusal> {
        let made = self.provider.capture(id, key);
        let answer = self.time(Provider::Gateway, Call::Capture, made).await;
        self.learn_intent(Call::Capture, id, &answer);
        answer
    }

    async fn cancel(&self, id: &IntentId, key: &str) -> Called<Intent, GatewayRefusal> {
        let made = self.provider.cancel(id, key);
        let answer = self.time(Provider::Gateway, Call::Cancel, made).await;
        self.learn_intent(Call::Cancel, id, &answer);
        answer
    }

    async fn refund(&self, id: &IntentId, key: &str) -> Called<RefundState, GatewayRefusal> {
        let made = self.provider.refund(id, key);
        let answer = self.time(Provider::Gateway, Call::Refund, made).await;
        match &answer {
            Called::Unknown(_) => self.doubt(Provider::Gateway, Call::Refund, id.as_str()),
            Called::Done(_) => self.learn_refunds(id, true),
            Called::Refused(_) | Called::NotBegun(_) => {}
        }
        answer
    }

    async fn refunds(&self, id: &IntentId) -> Called<Vec<RefundState>, GatewayRefusal> {
        let made = self.provider.refunds(id);
        let answer = self.time(Provider::Gateway, Call::Refunds, made).await;
        if let Called::Done(refunds) = &answer {
            self.learn_refunds(id, !refunds.is_empty());
        }
        answer
    }

    async fn look_up(&self, id: &IntentId) -> Called<Intent, GatewayRefusal> {
        let made = self.provider.look_up(id);
        let answer = self.time(Provider::Gateway, Call::LookUp, made).await;
        self.learn_intent(Call::LookUp, id, &answer);
        answer
    }
}

impl<P, C: Clock> Metered<P, C> {
    /// Whether there is a refund says whether asking for one had its effect.
    fn learn_refunds(&self, id: &IntentId, there_is_one: bool) {
        let judge = |call| (call == Call::Refund).then(|| effect(there_is_one));
        self.settle(Provider::Gateway, id.as_str(), judge);
    }
}

impl<P: Carrier, C: Clock> Carrier for Metered<P, C> {
    async fn create(&self, parcel: &Parcel) -> Called<CarrierShipment, CarrierRefusal> {
        let made = self.provider.create(parcel);
        let answer = self.time(Provider::Carrier, Call::Create, made).await;
        self.never_mind(Provider::Carrier, &answer);
        answer
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Called<CarrierShipment, CarrierRefusal> {
        let made = self.provider.buy(id, rate);
        let answer = self.time(Provider::Carrier, Call::Buy, made).await;
        self.learn_shipment(Call::Buy, id, &answer);
        answer
    }

    async fn refund(&self, id: &ShipmentId) -> Called<CarrierShipment, CarrierRefusal> {
        let made = self.provider.refund(id);
        let answer = self.time(Provider::Carrier, Call::Refund, made).await;
        self.learn_shipment(Call::Refund, id, &answer);
        answer
    }

    async fn look_up(&self, id: &ShipmentId) -> Called<CarrierShipment, CarrierRefusal> {
        let made = self.provider.look_up(id);
        let answer = self.time(Provider::Carrier, Call::LookUp, made).await;
        self.learn_shipment(Call::LookUp, id, &answer);
        answer
    }
}

/// Reading the books changes nothing, so it is only timed.
impl<P: ListIntents, C: Clock> ListIntents for Metered<P, C> {
    async fn intents(
        &self,
        since: Option<Moment>,
        after: Option<&str>,
    ) -> Called<Part<IntentEntry>, GatewayRefusal> {
        self.time(Provider::Gateway, Call::List, self.provider.intents(since, after)).await
    }

    async fn entry(&self, id: &IntentId) -> Called<IntentEntry, GatewayRefusal> {
        self.time(Provider::Gateway, Call::Entry, self.provider.entry(id)).await
    }
}

/// See [`ListIntents`].
impl<P: ListLabels, C: Clock> ListLabels for Metered<P, C> {
    async fn labels(
        &self,
        since: Option<Moment>,
        until: Moment,
        after: Option<&str>,
    ) -> Called<Part<LabelEntry>, CarrierRefusal> {
        self.time(Provider::Carrier, Call::List, self.provider.labels(since, until, after)).await
    }

    async fn entry(&self, id: &ShipmentId) -> Called<LabelEntry, CarrierRefusal> {
        self.time(Provider::Carrier, Call::Entry, self.provider.entry(id)).await
    }
}
