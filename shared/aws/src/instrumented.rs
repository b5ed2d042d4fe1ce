//! A provider whose calls are measured: how long each took, which outcomes were
//! unknown, and what they turned out to be.
//!
//! [`Instrumented`] stands between an operation and a provider and changes nothing of
//! what passes. An outcome that is unknown is remembered until an answer about
//! the same intent or shipment says what it was. It is remembered in the process:
//! one that the process takes with it when it dies stays counted as unknown.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ledger::{LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, PaymentIntentEntry};
use domain::payment::{PaymentIntent, PaymentIntentState};
use domain::ports::{
    CallOutcome, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
    ShippingProvider, ShippingRejection,
};
use domain::shipment::{LabelRefundState, Parcel, ProviderShipment};
use domain::{PaymentIntentId, RateId, ShipmentId, Timestamp};

use crate::clock::Clock;
use crate::emf::{Metric, Provider, ProviderCall, Resolution};

/// More outcomes than one process ever has open; beyond them the first is forgotten.
const MOST_DOUBTS: usize = 256;

/// A provider, measured.
#[derive(Debug)]
pub struct Instrumented<P, C> {
    provider: P,
    clock: C,
    /// The intents and shipments with calls whose outcome is open.
    doubts: Mutex<BTreeSet<(String, ProviderCall)>>,
}

impl<P, C: Clock> Instrumented<P, C> {
    /// The provider, measured by this clock.
    pub const fn new(provider: P, clock: C) -> Self {
        Self { provider, clock, doubts: Mutex::new(BTreeSet::new()) }
    }

    /// Measures how long a call takes.
    async fn time<T>(
        &self,
        who: Provider,
        call: ProviderCall,
        made: impl Future<Output = T> + Send,
    ) -> T {
        let began = self.clock.monotonic_ms();
        let answer = made.await;
        let millis = self.clock.monotonic_ms().saturating_sub(began);
        self.emit(Metric::ProviderLatency(who, call, millis));
        answer
    }

    /// An object of which nobody can ask whether it was made: it is not used either.
    fn record_unknown<T, R>(&self, who: Provider, answer: &CallOutcome<T, R>) {
        if matches!(answer, CallOutcome::Unknown(_)) {
            self.emit(Metric::OutcomesUnknown(who, ProviderCall::Create));
            self.emit(Metric::OutcomesResolved(who, ProviderCall::Create, Resolution::Harmless));
        }
    }

    /// Remembers that the outcome of a call is open. One that is open already, and
    /// was asked for again, is still the same one.
    fn doubt(&self, who: Provider, call: ProviderCall, id: &str) {
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
    fn settle(&self, who: Provider, id: &str, judge: impl Fn(ProviderCall) -> Option<Resolution>) {
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

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<(String, ProviderCall)>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an answer about an intent says of what was open about it.
    fn learn_intent(
        &self,
        call: ProviderCall,
        id: &PaymentIntentId,
        answer: &CallOutcome<PaymentIntent, PaymentRejection>,
    ) {
        match answer {
            CallOutcome::Succeeded(intent)
            | CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)) => {
                self.settle(Provider::Payment, id.as_str(), |call| of_intent(call, intent));
            }
            CallOutcome::Unknown(_) if call != ProviderCall::LookUp => {
                self.doubt(Provider::Payment, call, id.as_str());
            }
            CallOutcome::Unknown(_) | CallOutcome::Rejected(_) | CallOutcome::NotSent(_) => {}
        }
    }

    /// What an answer about a shipment says of what was open about it.
    fn learn_shipment(
        &self,
        call: ProviderCall,
        id: &ShipmentId,
        answer: &CallOutcome<ProviderShipment, ShippingRejection>,
    ) {
        match answer {
            CallOutcome::Succeeded(shipment) => {
                self.settle(Provider::Shipping, id.as_str(), |call| of_shipment(call, shipment));
            }
            CallOutcome::Unknown(_) if call != ProviderCall::LookUp => {
                self.doubt(Provider::Shipping, call, id.as_str());
            }
            CallOutcome::Unknown(_) | CallOutcome::Rejected(_) | CallOutcome::NotSent(_) => {}
        }
    }
}

/// What the state of an intent says of a call; nothing while the bank is at it.
fn of_intent(call: ProviderCall, intent: &PaymentIntent) -> Option<Resolution> {
    let had = match (call, intent.state) {
        (_, PaymentIntentState::Processing) => return None,
        (ProviderCall::Confirm, state) => state != PaymentIntentState::RequiresConfirmation,
        (ProviderCall::Capture, state) => state == PaymentIntentState::Succeeded,
        (ProviderCall::Cancel, state) => state == PaymentIntentState::Canceled,
        (ProviderCall::Refund, PaymentIntentState::Succeeded) if intent.refunded_minor > 0 => true,
        // A refund under way does not show on the intent: its list says.
        _ => return None,
    };
    Some(effect(had))
}

fn of_shipment(call: ProviderCall, shipment: &ProviderShipment) -> Option<Resolution> {
    match call {
        ProviderCall::Buy => Some(effect(shipment.bought.is_some())),
        ProviderCall::Refund => Some(effect(shipment.refund != LabelRefundState::NotRequested)),
        _ => None,
    }
}

const fn effect(had: bool) -> Resolution {
    if had { Resolution::Effect } else { Resolution::NoEffect }
}

impl<G: PaymentProvider, C: Clock> PaymentProvider for Instrumented<G, C> {
    async fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let made = self.provider.create(request, key);
        let answer = self.time(Provider::Payment, ProviderCall::Create, made).await;
        self.record_unknown(Provider::Payment, &answer);
        answer
    }

    async fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let made = self.provider.confirm(id, off_session, key);
        let answer = self.time(Provider::Payment, ProviderCall::Confirm, made).await;
        self.learn_intent(ProviderCall::Confirm, id, &answer);
        answer
    }

    async fn capture(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let made = self.provider.capture(id, key);
        let answer = self.time(Provider::Payment, ProviderCall::Capture, made).await;
        self.learn_intent(ProviderCall::Capture, id, &answer);
        answer
    }

    async fn cancel(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let made = self.provider.cancel(id, key);
        let answer = self.time(Provider::Payment, ProviderCall::Cancel, made).await;
        self.learn_intent(ProviderCall::Cancel, id, &answer);
        answer
    }

    async fn refund(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        let made = self.provider.refund(id, key);
        let answer = self.time(Provider::Payment, ProviderCall::Refund, made).await;
        match &answer {
            CallOutcome::Unknown(_) => {
                self.doubt(Provider::Payment, ProviderCall::Refund, id.as_str())
            }
            CallOutcome::Succeeded(_) => self.learn_refunds(id, true),
            CallOutcome::Rejected(_) | CallOutcome::NotSent(_) => {}
        }
        answer
    }

    async fn refunds(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        let made = self.provider.refunds(id);
        let answer = self.time(Provider::Payment, ProviderCall::Refunds, made).await;
        if let CallOutcome::Succeeded(refunds) = &answer {
            self.learn_refunds(id, !refunds.is_empty());
        }
        answer
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let made = self.provider.retrieve(id);
        let answer = self.time(Provider::Payment, ProviderCall::LookUp, made).await;
        self.learn_intent(ProviderCall::LookUp, id, &answer);
        answer
    }
}

impl<P, C: Clock> Instrumented<P, C> {
    /// Whether there is a refund says whether asking for one had its effect.
    fn learn_refunds(&self, id: &PaymentIntentId, there_is_one: bool) {
        let judge = |call| (call == ProviderCall::Refund).then(|| effect(there_is_one));
        self.settle(Provider::Payment, id.as_str(), judge);
    }
}

impl<P: ShippingProvider, C: Clock> ShippingProvider for Instrumented<P, C> {
    async fn create(&self, parcel: &Parcel) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let made = self.provider.create(parcel);
        let answer = self.time(Provider::Shipping, ProviderCall::Create, made).await;
        self.record_unknown(Provider::Shipping, &answer);
        answer
    }

    async fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let made = self.provider.buy(id, rate);
        let answer = self.time(Provider::Shipping, ProviderCall::Buy, made).await;
        self.learn_shipment(ProviderCall::Buy, id, &answer);
        answer
    }

    async fn refund(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let made = self.provider.refund(id);
        let answer = self.time(Provider::Shipping, ProviderCall::Refund, made).await;
        self.learn_shipment(ProviderCall::Refund, id, &answer);
        answer
    }

    async fn retrieve(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let made = self.provider.retrieve(id);
        let answer = self.time(Provider::Shipping, ProviderCall::LookUp, made).await;
        self.learn_shipment(ProviderCall::LookUp, id, &answer);
        answer
    }
}

/// Reading the books changes nothing, so it is only timed.
impl<P: ListPaymentIntents, C: Clock> ListPaymentIntents for Instrumented<P, C> {
    async fn list_payment_intents(
        &self,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection> {
        self.time(
            Provider::Payment,
            ProviderCall::List,
            self.provider.list_payment_intents(since, after),
        )
        .await
    }

    async fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<PaymentIntentEntry, PaymentRejection> {
        self.time(Provider::Payment, ProviderCall::Entry, self.provider.entry(id)).await
    }
}

/// See [`ListPaymentIntents`].
impl<P: ListLabels, C: Clock> ListLabels for Instrumented<P, C> {
    async fn list_labels(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        self.time(
            Provider::Shipping,
            ProviderCall::List,
            self.provider.list_labels(since, until, after),
        )
        .await
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        self.time(Provider::Shipping, ProviderCall::Entry, self.provider.entry(id)).await
    }
}
