//! What each order cost: invocations, transitions, calls.
//!
//! The counts cover an order's execution and the put of its `POST /orders`, not
//! that request's own Lambda, its pricing reads, GETs or the reconciler. Whoever
//! sees a call attributes it: the Lambda host invocations, the DynamoDB endpoint
//! reads and writes of the Orders table, the driver transitions. The look-alikes
//! count their calls themselves, and are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The function whose work no order is charged with: it looks after all of them.
pub(crate) const RECONCILER: &str = "reconcile-orders";

/// What one order has cost so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// State transitions, as AWS bills them: retries included.
    pub transitions: u64,
    /// Invocations by the state machine, of all functions.
    pub invocations: u64,
    /// The same for each function, by crate name.
    #[serde(skip)]
    pub invocations_by_function: BTreeMap<String, u64>,
    /// Write transactions in which the order takes part.
    pub transactions: u64,
    /// Reads of the order.
    pub reads: u64,
    /// Writes of the order outside transactions.
    pub writes: u64,
    /// Requests to the gateway about it.
    #[serde(rename = "gatewayCalls")]
    pub payment_calls: u64,
    /// Requests to the carrier about it.
    #[serde(rename = "carrierCalls")]
    pub shipping_calls: u64,
    /// What its reads and writes came to, the order API's included.
    #[serde(skip)]
    pub units: Units,
    /// What those of the reconciler came to.
    #[serde(skip)]
    pub reconciler_units: Units,
}

/// DynamoDB's request units, by which it bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// Read request units.
    pub reads: u64,
    /// Write request units of the tables.
    pub writes: u64,
    /// Write request units of their indexes.
    pub index_writes: u64,
}

impl Units {
    /// Adds to these.
    pub fn add(&mut self, more: Self) {
        self.reads += more.reads;
        self.writes += more.writes;
        self.index_writes += more.index_writes;
    }
}

/// Whose reads and writes cost units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledTo {
    /// The order's request and its execution.
    Order,
    /// The reconciler.
    Reconciler,
}

/// Who counts calls to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// The gateway.
    Payment,
    /// The carrier.
    Shipping,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count<'a> {
    /// One state transition.
    Transition,
    /// One invocation of the function of that crate name.
    Invocation(&'a str),
    /// One write transaction.
    Transaction,
    /// One read of the order.
    Read,
    /// One write of the order.
    Write,
}

/// The counts of all orders; a clone counts into the same book.
#[derive(Clone, Default)]
pub struct Counters {
    orders: Arc<Mutex<BTreeMap<String, Counts>>>,
    call_counts: Arc<Mutex<BTreeMap<Provider, CallCount>>>,
}

/// Tells how many calls were made for an order.
type CallCount = Arc<dyn Fn(&str) -> u64 + Send + Sync>;

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("orders", &self.orders).finish_non_exhaustive()
    }
}

impl Counters {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one to what the order has cost.
    pub fn add(&self, order_id: &str, count: Count<'_>) {
        let mut orders = lock(&self.orders);
        orders.entry(order_id.to_owned()).or_default().add(count);
    }

    /// Adds what a call about the order came to.
    pub fn add_units(&self, order_id: &str, payer: BilledTo, units: Units) {
        let mut orders = lock(&self.orders);
        let counts = orders.entry(order_id.to_owned()).or_default();
        match payer {
            BilledTo::Order => counts.units.add(units),
            BilledTo::Reconciler => counts.reconciler_units.add(units),
        }
    }

    /// What the order has cost; nothing, for an order never seen.
    pub fn for_order(&self, order_id: &str) -> Counts {
        let mut counts = lock(&self.orders).get(order_id).cloned().unwrap_or_default();
        counts.payment_calls = self.calls(Provider::Payment, order_id);
        counts.shipping_calls = self.calls(Provider::Shipping, order_id);
        counts
    }

    /// Has the calls to a provider told by whoever knows them.
    pub fn count_calls_with(
        &self,
        provider: Provider,
        calls: impl Fn(&str) -> u64 + Send + Sync + 'static,
    ) {
        lock(&self.call_counts).insert(provider, Arc::new(calls));
    }

    fn calls(&self, provider: Provider, order_id: &str) -> u64 {
        let call_count = lock(&self.call_counts).get(&provider).cloned();
        call_count.map_or(0, |call_count| call_count(order_id))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    fn add(&mut self, count: Count<'_>) {
        match count {
            Count::Transition => self.transitions += 1,
            Count::Invocation(function) => self.add_invocation(function),
            Count::Transaction => self.transactions += 1,
            Count::Read => self.reads += 1,
            Count::Write => self.writes += 1,
        }
    }

    fn add_invocation(&mut self, function: &str) {
        self.invocations += 1;
        *self.invocations_by_function.entry(function.to_owned()).or_default() += 1;
    }
}
