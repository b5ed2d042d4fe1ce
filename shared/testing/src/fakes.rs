//! In-memory fakes of every port, over one shared [`TestBed`]: the tables, the payment
//! provider, the shipping provider and the workflow.
//!
//! A future over these fakes never waits: polled once, it ends, or it has met the crash
//! point at which the test lets the process die. [`run`] tells which. A test injects a
//! fault at the nth call of a point ([`TestBed::on`]), counts the calls, and reads the
//! ledgers afterwards. The fakes are small; the providers' full rules are in the emulators
//! of the local stack.

pub mod invocation;
mod ledger;
mod payment_provider;
mod shipping_provider;
mod tables;
mod workflow;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub use payment_provider::{Card, FakePaymentProvider};
pub use shipping_provider::FakeShippingProvider;
pub use tables::FakeTables;
pub use workflow::FakeWorkflow;

use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::payment::PaymentIntent;
use domain::ports::{PaymentRejection, ShippingRejection};
use domain::shipment::ProviderShipment;
use domain::{Order, OrderId, Sku, Timestamp};

/// A write of an order by another writer.
pub type ConcurrentWrite = fn(&Order) -> Order;

/// A fault that is injected at a call.
#[derive(Debug, Clone)]
pub enum InjectedFault {
    /// The call has no effect, and the caller knows.
    NotSent,
    /// The provider's rate limit turns the call away.
    Throttled,
    /// The call has no effect, and the caller does not know.
    RequestLost,
    /// The call has its effect, and the caller does not know.
    ResponseLost,
    /// The call has no effect, and the payment provider stores the failure under its key.
    StoredFailure,
    /// The payment provider rejects the call.
    PaymentRejected(PaymentRejection),
    /// The call has no effect and returns this intent.
    PaymentIntentIs(PaymentIntent),
    /// The call has no effect and returns this shipment.
    ShipmentIs(ProviderShipment),
    /// The shipping provider rejects the call.
    ShippingRejected(ShippingRejection),
    /// Another write of the same SKU is under way.
    Contended,
    /// Just before the call, another writer changes every order like this.
    ConcurrentWrite(ConcurrentWrite),
}

/// The state behind all fakes. A clone shares it.
#[derive(Debug, Clone, Default)]
pub struct TestBed(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    orders: BTreeMap<OrderId, Order>,
    /// The number of the sweep's lease, and when it ends.
    lease: Option<(u64, Timestamp)>,
    stock_levels: BTreeMap<Sku, StockItem>,
    product_audits: BTreeMap<Sku, Vec<AuditEntry>>,
    payment_provider: payment_provider::Ledger,
    shipping_provider: shipping_provider::Ledger,
    workflow: workflow::Ledger,
    calls: Vec<&'static str>,
    faults: Vec<(&'static str, usize, InjectedFault)>,
    down: Vec<&'static str>,
    steps_left: Option<usize>,
}

impl TestBed {
    /// A test bed with this order on record and enough stock for it.
    pub fn with(order: &Order) -> Self {
        let bed = Self::default();
        bed.put(order);
        for line in &order.items {
            bed.stock(line.sku.as_str(), 10);
        }
        bed
    }

    /// The tables.
    pub fn tables(&self) -> FakeTables {
        FakeTables(self.clone())
    }

    /// The payment provider.
    pub fn payment_provider(&self) -> FakePaymentProvider {
        FakePaymentProvider(self.clone())
    }

    /// The shipping provider.
    pub fn shipping_provider(&self) -> FakeShippingProvider {
        FakeShippingProvider(self.clone())
    }

    /// The workflow.
    pub fn workflow(&self) -> FakeWorkflow {
        FakeWorkflow(self.clone())
    }

    /// Injects a fault at the `nth` call of a point, counted from 1 over all calls.
    #[must_use]
    pub fn on(self, point: &'static str, nth: usize, fault: InjectedFault) -> Self {
        self.state().faults.push((point, nth, fault));
        self
    }

    /// Lets every call at points with this prefix fail as not sent, until [`TestBed::is_back`].
    pub fn is_down(&self, prefix: &'static str) {
        self.state().down.push(prefix);
    }

    /// Lets the calls at points with this prefix succeed again.
    pub fn is_back(&self, prefix: &'static str) {
        self.state().down.retain(|down| *down != prefix);
    }

    /// Lets the process die after `steps` crash points. There is one before and one after
    /// the effect of every call. With `None` it survives.
    pub fn crashes_after(&self, steps: Option<usize>) {
        self.state().steps_left = steps;
    }

    /// The points of all calls so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// The number of calls at points with this prefix.
    pub fn count(&self, prefix: &str) -> usize {
        self.state().calls.iter().filter(|point| point.starts_with(prefix)).count()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call, with its crash points, its injected fault and its effect.
    async fn call<T>(
        &self,
        point: &'static str,
        effect: impl FnOnce(&mut State) -> T,
    ) -> Result<T, InjectedFault> {
        self.crash_point().await;
        let fault = self.begin(point);
        let result = match fault {
            None => Ok(effect(&mut self.state())),
            Some(InjectedFault::ConcurrentWrite(write)) => {
                let mut state = self.state();
                for order in state.orders.values_mut() {
                    *order = write(order);
                }
                Ok(effect(&mut state))
            }
            Some(InjectedFault::ResponseLost) => {
                effect(&mut self.state());
                Err(InjectedFault::ResponseLost)
            }
            Some(fault) => Err(fault),
        };
        self.crash_point().await;
        result
    }

    fn begin(&self, point: &'static str) -> Option<InjectedFault> {
        let mut state = self.state();
        state.calls.push(point);
        if state.down.iter().any(|prefix| point.starts_with(prefix)) {
            return Some(InjectedFault::NotSent);
        }
        let nth = state.calls.iter().filter(|call| **call == point).count();
        let planned = state.faults.iter().find(|(at, n, _)| *at == point && *n == nth);
        planned.map(|(_, _, fault)| fault.clone())
    }

    /// A crash point. A process that dies here waits forever.
    async fn crash_point(&self) {
        let dies = match &mut self.state().steps_left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs a future over a [`TestBed`]; `None` if the process died.
pub fn run<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
