//! Stops the calls of a provider that fails, for the rest of a sweep.
//!
//! A provider that does not answer costs each order a timeout. So a sweep counts the failures
//! of each provider, and after a few it refuses further calls. A refused call never returns.
//! [`Refusal::race`] ends the inspection at that point, as a crash of the process would, which
//! every inspection survives. So no code ever decides on an answer that the provider did not
//! give.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use domain::payment::PaymentIntent;
use domain::ports::{
    CallOutcome, PaymentCustomer, PaymentIntentRequest, PaymentProvider, PaymentRejection,
    RefundState, ShippingProvider, ShippingRejection,
};
use domain::shipment::{Parcel, ProviderShipment};
use domain::{PaymentIntentId, Private, RateId, ShipmentId};

/// How many calls must fail before further ones are refused.
const MIN_FAILURES: u32 = 3;
/// One in so many calls must fail, so that a rare failure among thousands of calls stops
/// nothing.
const FAILING_SHARE: u32 = 4;

/// Counts the calls of one service in a sweep, and opens once the service fails. It stays
/// open for the rest of the sweep.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    calls: AtomicU32,
    failures: AtomicU32,
    open: AtomicBool,
}

impl CircuitBreaker {
    /// A breaker that is open from the start: no call is made.
    pub(crate) fn opened() -> Self {
        Self { open: AtomicBool::new(true), ..Self::default() }
    }

    /// Whether calls are refused.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Counts a call. Returns whether the breaker opened with it.
    pub(crate) fn record(&self, is_failure: bool) -> bool {
        let calls = self.calls.fetch_add(1, Relaxed) + 1;
        let failures = self.failures.fetch_add(is_failure.into(), Relaxed) + u32::from(is_failure);
        let opens = is_failure && failures >= MIN_FAILURES && failures * FAILING_SHARE >= calls;
        opens && !self.open.swap(true, Relaxed)
    }
}

/// The service whose call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// One of the two providers.
    Provider,
    /// Step Functions.
    StepFunctions,
}

/// Tells one inspection that a call of it was refused. A clone shares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<OnceLock<Service>>);

impl Refusal {
    /// Refuses a call: never returns.
    pub(crate) async fn refuse<T>(&self, service: Service) -> T {
        self.0.get_or_init(|| service);
        pending().await
    }

    /// Runs the inspection until it ends or a call of it is refused.
    ///
    /// # Errors
    ///
    /// The service whose call was refused.
    pub(crate) async fn race<T>(&self, inspection: impl Future<Output = T>) -> Result<T, Service> {
        let mut inspection = pin!(inspection);
        poll_fn(|context| match (inspection.as_mut().poll(context), self.0.get()) {
            (Poll::Ready(result), _) => Poll::Ready(Ok(result)),
            (Poll::Pending, Some(service)) => Poll::Ready(Err(*service)),
            (Poll::Pending, None) => Poll::Pending,
        })
        .await
    }
}

/// A provider whose calls are counted and, once it fails, refused.
#[derive(Debug, Clone)]
pub(crate) struct Guarded<P> {
    pub(crate) provider: P,
    pub(crate) breaker: Arc<CircuitBreaker>,
    pub(crate) refusal: Refusal,
}

/// A rejection that says nothing about the one object that was asked for.
trait Rejection {
    /// Whether the provider does not serve our account.
    fn is_of_account(&self) -> bool;
}

impl Rejection for PaymentRejection {
    fn is_of_account(&self) -> bool {
        matches!(self, Self::Account(_))
    }
}

impl Rejection for ShippingRejection {
    fn is_of_account(&self) -> bool {
        matches!(self, Self::Account(_))
    }
}

impl<P: Sync> Guarded<P> {
    async fn call<T: Send, R: Rejection + Send>(
        &self,
        call: impl Future<Output = CallOutcome<T, R>> + Send,
    ) -> CallOutcome<T, R> {
        if self.breaker.is_open() {
            return self.refusal.refuse(Service::Provider).await;
        }
        let outcome = call.await;
        let is_failure = match &outcome {
            CallOutcome::Succeeded(_) => false,
            CallOutcome::Rejected(rejection) => rejection.is_of_account(),
            _ => true,
        };
        if self.breaker.record(is_failure) {
            let provider = std::any::type_name::<R>().rsplit("::").next().unwrap_or_default();
            tracing::warn!(provider, "a provider fails and is not called again in this sweep");
        }
        outcome
    }
}

impl<P: PaymentProvider> PaymentProvider for Guarded<P> {
    async fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        self.call(self.provider.create(request, key)).await
    }

    async fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        self.call(self.provider.confirm(id, off_session, key)).await
    }

    async fn capture(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        self.call(self.provider.capture(id, key)).await
    }

    async fn cancel(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<PaymentIntent, PaymentRejection> {
        self.call(self.provider.cancel(id, key)).await
    }

    async fn refund(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        self.call(self.provider.refund(id, key)).await
    }

    async fn refunds(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        self.call(self.provider.refunds(id)).await
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> CallOutcome<PaymentIntent, PaymentRejection> {
        self.call(self.provider.retrieve(id)).await
    }

    async fn customer(
        &self,
        id: &Private<String>,
    ) -> CallOutcome<PaymentCustomer, PaymentRejection> {
        self.call(self.provider.customer(id)).await
    }
}

impl<S: ShippingProvider> ShippingProvider for Guarded<S> {
    async fn create(&self, parcel: &Parcel) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.call(self.provider.create(parcel)).await
    }

    async fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.call(self.provider.buy(id, rate)).await
    }

    async fn rerate(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.call(self.provider.rerate(id)).await
    }

    async fn refund(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.call(self.provider.refund(id)).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.call(self.provider.retrieve(id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens_at(failures: impl IntoIterator<Item = bool>) -> Option<usize> {
        let breaker = CircuitBreaker::default();
        let opened = failures.into_iter().position(|is_failure| breaker.record(is_failure));
        assert_eq!(breaker.is_open(), opened.is_some());
        opened.map(|position| position + 1)
    }

    #[test]
    fn it_opens_once_a_quarter_of_the_calls_and_at_least_three_failed() {
        assert_eq!(opens_at([true; 5]), Some(3));
        assert_eq!(opens_at([true, true]), None);
        let mixed = (0..100).map(|n| n % 4 == 3);
        assert_eq!(opens_at(mixed), Some(12));
        let rare = (0..10_000).map(|n| n % 10 == 9);
        assert_eq!(opens_at(rare), None);
    }
}
