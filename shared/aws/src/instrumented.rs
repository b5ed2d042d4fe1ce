//! Measures the calls of a provider: their latency, which outcomes were unknown, and
//! how each was resolved.
//!
//! [`Instrumented`] wraps a provider and changes nothing that passes through. It
//! remembers a call with an unknown outcome until a response about the same intent or
//! shipment resolves it. The memory is the process's: calls that are unresolved when it
//! ends stay counted as unknown.

use std::sync::Arc;

use domain::ledger::{LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, PaymentIntentEntry};
use domain::payment::PaymentIntent;
use domain::ports::{
    CallOutcome, PaymentCustomer, PaymentIntentRequest, PaymentProvider, PaymentRejection,
    RefundState, ShippingProvider, ShippingRejection,
};
use domain::shipment::{Parcel, ProviderShipment};
use domain::{PaymentIntentId, Private, RateId, ShipmentId, Timestamp};

use crate::clock::Clock;
use crate::metrics::{Metric, Provider, ProviderCall, Resolution};
use crate::unresolved_calls::{
    UnresolvedCalls, resolve_by_intent, resolve_by_refunds, resolve_by_shipment,
};

/// A provider whose calls are measured.
#[derive(Debug, Clone)]
pub struct Instrumented<P, C> {
    provider: P,
    clock: C,
    unresolved: Arc<UnresolvedCalls>,
}

impl<P, C: Clock> Instrumented<P, C> {
    /// Measures this provider with this clock.
    pub fn new(provider: P, clock: C) -> Self {
        Self { provider, clock, unresolved: Arc::new(UnresolvedCalls::new()) }
    }

    /// The same measurements of the changed provider.
    #[must_use]
    pub fn map(self, change: impl FnOnce(P) -> P) -> Self {
        Self { provider: change(self.provider), ..self }
    }

    fn emit(&self, metric: Metric) {
        metric.emit(self.clock.now());
    }

    /// Awaits a call to the payment provider and measures its latency.
    async fn time_payment<T>(&self, call: ProviderCall, sent: impl Future<Output = T> + Send) -> T {
        self.time(Provider::Payment, call, sent).await
    }

    /// Awaits a call to the shipping provider and measures its latency.
    async fn time_shipping<T>(
        &self,
        call: ProviderCall,
        sent: impl Future<Output = T> + Send,
    ) -> T {
        self.time(Provider::Shipping, call, sent).await
    }

    async fn time<T>(
        &self,
        provider: Provider,
        call: ProviderCall,
        sent: impl Future<Output = T> + Send,
    ) -> T {
        let started = self.clock.monotonic_ms();
        let outcome = sent.await;
        let millis = self.clock.monotonic_ms().saturating_sub(started);
        self.emit(Metric::ProviderLatency(provider, call, millis));
        outcome
    }

    /// Counts a creation with an unknown outcome. Its object has no id that could be
    /// retrieved, and it is not used.
    fn record_creation<T, R>(&self, provider: Provider, outcome: &CallOutcome<T, R>) {
        if matches!(outcome, CallOutcome::Unknown(_)) {
            let (call, resolution) = (ProviderCall::Create, Resolution::Harmless);
            self.emit(Metric::OutcomesUnknown(provider, call));
            self.emit(Metric::OutcomesResolved(provider, call, resolution));
        }
    }

    fn record_unknown(&self, provider: Provider, call: ProviderCall, id: &str) {
        if self.unresolved.add(id, call) {
            self.emit(Metric::OutcomesUnknown(provider, call));
        }
    }

    fn resolve(
        &self,
        provider: Provider,
        id: &str,
        resolve: impl Fn(ProviderCall) -> Option<Resolution>,
    ) {
        for (call, resolution) in self.unresolved.take_resolved(id, resolve) {
            self.emit(Metric::OutcomesResolved(provider, call, resolution));
        }
    }

    /// Records what an outcome says about the calls to this intent.
    fn record_intent(
        &self,
        call: ProviderCall,
        id: &PaymentIntentId,
        outcome: &CallOutcome<PaymentIntent, PaymentRejection>,
    ) {
        match outcome {
            CallOutcome::Succeeded(intent)
            | CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)) => {
                self.resolve(Provider::Payment, id.as_str(), |call| {
                    resolve_by_intent(call, intent)
                });
            }
            CallOutcome::Unknown(_) if call != ProviderCall::Retrieve => {
                self.record_unknown(Provider::Payment, call, id.as_str());
            }
            CallOutcome::Unknown(_)
            | CallOutcome::Rejected(_)
            | CallOutcome::NotSent(_)
            | CallOutcome::Throttled(_) => {}
        }
    }

    /// Records what the refunds of an intent say about the calls to it.
    fn record_refunds(&self, id: &PaymentIntentId, has_refund: bool) {
        let resolve = |call| resolve_by_refunds(call, has_refund);
        self.resolve(Provider::Payment, id.as_str(), resolve);
    }

    /// Records what an outcome says about the calls to this shipment.
    fn record_shipment(
        &self,
        call: ProviderCall,
        id: &ShipmentId,
        outcome: &CallOutcome<ProviderShipment, ShippingRejection>,
    ) {
        match outcome {
            CallOutcome::Succeeded(shipment) => {
                self.resolve(Provider::Shipping, id.as_str(), |call| {
                    resolve_by_shipment(call, shipment)
                });
            }
            CallOutcome::Unknown(_) if call != ProviderCall::Retrieve => {
                self.record_unknown(Provider::Shipping, call, id.as_str());
            }
            CallOutcome::Unknown(_)
            | CallOutcome::Rejected(_)
            | CallOutcome::NotSent(_)
            | CallOutcome::Throttled(_) => {}
        }
    }
}

impl<P: PaymentProvider, C: Clock> PaymentProvider for Instrumented<P, C> {
    async fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let sent = self.provider.create(request, key);
        let outcome = self.time_payment(ProviderCall::Create, sent).await;
        self.record_creation(Provider::Payment, &outcome);
        outcome
    }

    async fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let sent = self.provider.confirm(id, off_session, key);
        let outcome = self.time_payment(ProviderCall::Confirm, sent).await;
        self.record_intent(ProviderCall::Confirm, id, &outcome);
        outcome
    }

    async fn capture(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let sent = self.provider.capture(id, key);
        let outcome = self.time_payment(ProviderCall::Capture, sent).await;
        self.record_intent(ProviderCall::Capture, id, &outcome);
        outcome
    }

    async fn cancel(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let sent = self.provider.cancel(id, key);
        let outcome = self.time_payment(ProviderCall::Cancel, sent).await;
        self.record_intent(ProviderCall::Cancel, id, &outcome);
        outcome
    }

    async fn refund(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        let sent = self.provider.refund(id, key);
        let outcome = self.time_payment(ProviderCall::Refund, sent).await;
        match &outcome {
            CallOutcome::Unknown(_) => {
                self.record_unknown(Provider::Payment, ProviderCall::Refund, id.as_str());
            }
            CallOutcome::Succeeded(_) => self.record_refunds(id, true),
            CallOutcome::Rejected(_) | CallOutcome::NotSent(_) | CallOutcome::Throttled(_) => {}
        }
        outcome
    }

    async fn refunds(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        let sent = self.provider.refunds(id);
        let outcome = self.time_payment(ProviderCall::Refunds, sent).await;
        if let CallOutcome::Succeeded(refunds) = &outcome {
            self.record_refunds(id, !refunds.is_empty());
        }
        outcome
    }

    async fn customer(
        &self,
        id: &Private<String>,
    ) -> CallOutcome<PaymentCustomer, PaymentRejection> {
        self.time_payment(ProviderCall::Retrieve, self.provider.customer(id)).await
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> CallOutcome<PaymentIntent, PaymentRejection> {
        let sent = self.provider.retrieve(id);
        let outcome = self.time_payment(ProviderCall::Retrieve, sent).await;
        self.record_intent(ProviderCall::Retrieve, id, &outcome);
        outcome
    }
}

impl<P: ShippingProvider, C: Clock> ShippingProvider for Instrumented<P, C> {
    async fn create(&self, parcel: &Parcel) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let sent = self.provider.create(parcel);
        let outcome = self.time_shipping(ProviderCall::Create, sent).await;
        self.record_creation(Provider::Shipping, &outcome);
        outcome
    }

    async fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let sent = self.provider.buy(id, rate);
        let outcome = self.time_shipping(ProviderCall::Buy, sent).await;
        self.record_shipment(ProviderCall::Buy, id, &outcome);
        outcome
    }

    async fn rerate(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.time_shipping(ProviderCall::Rerate, self.provider.rerate(id)).await
    }

    async fn refund(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let sent = self.provider.refund(id);
        let outcome = self.time_shipping(ProviderCall::Refund, sent).await;
        self.record_shipment(ProviderCall::Refund, id, &outcome);
        outcome
    }

    async fn retrieve(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        let sent = self.provider.retrieve(id);
        let outcome = self.time_shipping(ProviderCall::Retrieve, sent).await;
        self.record_shipment(ProviderCall::Retrieve, id, &outcome);
        outcome
    }
}

// Reading a ledger changes nothing, so only its latency is measured.

impl<P: ListPaymentIntents, C: Clock> ListPaymentIntents for Instrumented<P, C> {
    async fn list_payment_intents(
        &self,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection> {
        let sent = self.provider.list_payment_intents(since, after);
        self.time_payment(ProviderCall::List, sent).await
    }

    async fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<PaymentIntentEntry, PaymentRejection> {
        self.time_payment(ProviderCall::Entry, self.provider.entry(id)).await
    }
}

impl<P: ListLabels, C: Clock> ListLabels for Instrumented<P, C> {
    async fn list_labels(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let sent = self.provider.list_labels(since, until, after);
        self.time_shipping(ProviderCall::List, sent).await
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        self.time_shipping(ProviderCall::Entry, self.provider.entry(id)).await
    }
}
