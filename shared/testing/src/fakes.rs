//! The world in memory, for tests: the tables, the gateway, the carrier and the
//! workflow, each behind its ports, all over one [`TestBed`].
//!
//! Nothing here waits, so a future over these fakes either ends when it is
//! polled once or has met the point at which the test lets the process die:
//! [`run`] tells which. A test says what goes wrong at which call
//! ([`TestBed::on`]), counts the calls, and reads the ledgers afterwards. They are
//! small on purpose; the providers' full models are not for what ships.

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

use domain::catalog::StockItem;
use domain::payment::PaymentIntent;
use domain::ports::{PaymentRejection, ShippingRejection};
use domain::shipment::ProviderShipment;
use domain::{Order, OrderId, Sku};

/// What happens to an order behind the back of whoever works on it.
pub type ConcurrentWrite = fn(&Order) -> Order;

/// What goes wrong at a call.
#[derive(Debug, Clone)]
pub enum InjectedFault {
    /// Nothing happens; the caller can know.
    NotSent,
    /// Nothing happens; the caller cannot know.
    RequestLost,
    /// It happens; the caller cannot know.
    ResponseLost,
    /// Nothing happens, and the gateway keeps the failure under the key.
    StoredFailure,
    /// The gateway says no.
    PaymentRejected(PaymentRejection),
    /// Nothing happens, and the gateway shows the intent so.
    PaymentIntentIs(PaymentIntent),
    /// Nothing happens, and the carrier shows the shipment so.
    ShipmentIs(ProviderShipment),
    /// The carrier says no.
    ShippingRejected(ShippingRejection),
    /// The shelf is contended.
    Contended,
    /// Just before, somebody else writes every order like this.
    ConcurrentWrite(ConcurrentWrite),
}

/// All that there is, shared by its faces.
#[derive(Debug, Clone, Default)]
pub struct TestBed(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    orders: BTreeMap<OrderId, Order>,
    stock_levels: BTreeMap<Sku, StockItem>,
    payment_provider: payment_provider::Ledger,
    shipping_provider: shipping_provider::Ledger,
    workflow: workflow::Ledger,
    calls: Vec<&'static str>,
    troubles: Vec<(&'static str, usize, InjectedFault)>,
    steps_left: Option<usize>,
}

impl TestBed {
    /// A world in which this order is on record, with enough on the shelves.
    pub fn with(order: &Order) -> Self {
        let world = Self::default();
        world.put(order);
        for line in &order.items {
            world.stock(line.sku.as_str(), 10);
        }
        world
    }

    /// The tables of this world.
    pub fn tables(&self) -> FakeTables {
        FakeTables(self.clone())
    }

    /// The gateway of this world.
    pub fn payment_provider(&self) -> FakePaymentProvider {
        FakePaymentProvider(self.clone())
    }

    /// The carrier of this world.
    pub fn shipping_provider(&self) -> FakeShippingProvider {
        FakeShippingProvider(self.clone())
    }

    /// The workflow of this world.
    pub fn workflow(&self) -> FakeWorkflow {
        FakeWorkflow(self.clone())
    }

    /// The `nth` call at this point, from 1 and from the beginning, goes wrong so.
    #[must_use]
    pub fn on(self, point: &'static str, nth: usize, trouble: InjectedFault) -> Self {
        self.state().troubles.push((point, nth, trouble));
        self
    }

    /// The process dies after so many of its crash points: there is one before
    /// and one after the effect of every call. With `None` it lives.
    pub fn crashes_after(&self, steps: Option<usize>) {
        self.state().steps_left = steps;
    }

    /// Every call so far, by its point.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// How many calls there were at points that begin so.
    pub fn count(&self, prefix: &str) -> usize {
        self.state().calls.iter().filter(|point| point.starts_with(prefix)).count()
    }

    /// Makes the calls so far forgotten.
    pub fn clear_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call: its crash points, its trouble, its effect.
    async fn call<T>(
        &self,
        point: &'static str,
        effect: impl FnOnce(&mut State) -> T,
    ) -> Result<T, InjectedFault> {
        self.live_on().await;
        let trouble = self.begin(point);
        let result = match trouble {
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
            Some(trouble) => Err(trouble),
        };
        self.live_on().await;
        result
    }

    fn begin(&self, point: &'static str) -> Option<InjectedFault> {
        let mut state = self.state();
        state.calls.push(point);
        let nth = state.calls.iter().filter(|call| **call == point).count();
        let planned = state.troubles.iter().find(|(at, n, _)| *at == point && *n == nth);
        planned.map(|(_, _, trouble)| trouble.clone())
    }

    /// A crash point: whoever waits here for ever has died.
    async fn live_on(&self) {
        let dead = match &mut self.state().steps_left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs something over a [`TestBed`] to its end; none when it died on the way.
pub fn run<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
