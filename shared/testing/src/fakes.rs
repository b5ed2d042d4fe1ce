//! The world in memory, for tests: the tables, the gateway, the carrier and the
//! workflow, each behind its ports, all over one [`World`].
//!
//! Nothing here waits, so a future over these fakes either ends when it is
//! polled once or has met the point at which the test lets the process die:
//! [`run`] tells which. A test says what goes wrong at which call
//! ([`World::on`]), counts the calls, and reads the ledgers afterwards. They are
//! small on purpose; the providers' full models are not for what ships.

pub mod asking;
mod books;
mod depot;
mod tables;
mod till;
mod workflow;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub use depot::Depot;
pub use tables::Tables;
pub use till::{Card, Till};
pub use workflow::Workflow;

use domain::catalogue::StockItem;
use domain::payment::Intent;
use domain::ports::{CarrierRefusal, GatewayRefusal};
use domain::shipment::CarrierShipment;
use domain::{Order, OrderId, Sku};

/// What happens to an order behind the back of whoever works on it.
pub type Meanwhile = fn(&Order) -> Order;

/// What goes wrong at a call.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// Nothing happens; the caller can know.
    Down,
    /// Nothing happens; the caller cannot know.
    LostBefore,
    /// It happens; the caller cannot know.
    LostAfter,
    /// Nothing happens, and the gateway keeps the failure under the key.
    KeptFailure,
    /// The gateway says no.
    GatewayRefuses(GatewayRefusal),
    /// Nothing happens, and the gateway shows the intent so.
    GatewayShows(Intent),
    /// Nothing happens, and the carrier shows the shipment so.
    CarrierShows(CarrierShipment),
    /// The carrier says no.
    CarrierRefuses(CarrierRefusal),
    /// The shelf is contended.
    Contended,
    /// Just before, somebody else writes every order like this.
    Meanwhile(Meanwhile),
}

/// All that there is, shared by its faces.
#[derive(Debug, Clone, Default)]
pub struct World(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    orders: BTreeMap<OrderId, Order>,
    shelves: BTreeMap<Sku, StockItem>,
    till: till::Books,
    depot: depot::Books,
    workflow: workflow::Books,
    calls: Vec<&'static str>,
    troubles: Vec<(&'static str, usize, Trouble)>,
    steps_left: Option<usize>,
}

impl World {
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
    pub fn tables(&self) -> Tables {
        Tables(self.clone())
    }

    /// The gateway of this world.
    pub fn till(&self) -> Till {
        Till(self.clone())
    }

    /// The carrier of this world.
    pub fn depot(&self) -> Depot {
        Depot(self.clone())
    }

    /// The workflow of this world.
    pub fn workflow(&self) -> Workflow {
        Workflow(self.clone())
    }

    /// The `nth` call at this point, from 1 and from the beginning, goes wrong so.
    #[must_use]
    pub fn on(self, point: &'static str, nth: usize, trouble: Trouble) -> Self {
        self.state().troubles.push((point, nth, trouble));
        self
    }

    /// The process dies after so many of its crash points: there is one before
    /// and one after the effect of every call. With `None` it lives.
    pub fn dies_after(&self, steps: Option<usize>) {
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
    pub fn forget_calls(&self) {
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
    ) -> Result<T, Trouble> {
        self.live_on().await;
        let trouble = self.begin(point);
        let result = match trouble {
            None => Ok(effect(&mut self.state())),
            Some(Trouble::Meanwhile(write)) => {
                let mut state = self.state();
                for order in state.orders.values_mut() {
                    *order = write(order);
                }
                Ok(effect(&mut state))
            }
            Some(Trouble::LostAfter) => {
                effect(&mut self.state());
                Err(Trouble::LostAfter)
            }
            Some(trouble) => Err(trouble),
        };
        self.live_on().await;
        result
    }

    fn begin(&self, point: &'static str) -> Option<Trouble> {
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

/// Runs something over a [`World`] to its end; none when it died on the way.
pub fn run<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
