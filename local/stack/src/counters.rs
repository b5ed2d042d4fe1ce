//! The cost of each order: invocations, state transitions, calls.
//!
//! The counts cover an order's execution and the put of its `POST /orders`. They do not
//! cover that request's invocation and pricing reads, its read and its one write of the
//! customer's recent orders (where limits are set), GET requests or the reconciler. Each
//! service counts what it sees: the Lambda host invocations, DynamoDB reads and writes of
//! the Orders table, Step Functions transitions. The provider emulators count their own
//! calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The function whose work counts for no order.
pub(crate) const RECONCILER: &str = "reconcile-orders";

/// The cost of one order so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// State transitions as AWS bills them, including retries.
    pub transitions: u64,
    /// Invocations by the state machine, of all functions.
    pub invocations: u64,
    /// Invocations by the crate name of the function.
    #[serde(skip)]
    pub invocations_by_function: BTreeMap<String, u64>,
    /// Write transactions that name the order.
    pub transactions: u64,
    /// Reads of the order.
    pub reads: u64,
    /// Writes of the order outside transactions.
    pub writes: u64,
    /// Requests to the payment provider.
    #[serde(rename = "gatewayCalls")]
    pub payment_calls: u64,
    /// Requests to the shipping provider.
    #[serde(rename = "carrierCalls")]
    pub shipping_calls: u64,
    /// The request units of the order's reads and writes, including those of the order API.
    #[serde(skip)]
    pub units: Units,
    /// The request units of the reconciler's reads and writes.
    #[serde(skip)]
    pub reconciler_units: Units,
}

/// DynamoDB's request units, the basis of its bill.
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
    /// Adds other units to these.
    pub fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.index_writes += other.index_writes;
    }
}

/// The part of the product to which request units are billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledTo {
    /// The order: its request and its execution.
    Order,
    /// The reconciler.
    Reconciler,
}

/// A provider whose emulator counts its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// The payment provider.
    Payment,
    /// The shipping provider.
    Shipping,
}

/// One unit of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count<'a> {
    /// One state transition.
    Transition,
    /// One invocation of the function with this crate name.
    Invocation(&'a str),
    /// One write transaction.
    Transaction,
    /// One read of the order.
    Read,
    /// One write of the order.
    Write,
}

/// The counts of all orders. A clone shares them.
#[derive(Clone, Default)]
pub struct Counters {
    orders: Arc<Mutex<BTreeMap<String, Counts>>>,
    call_counts: Arc<Mutex<BTreeMap<Provider, CallCount>>>,
}

/// Returns the number of calls for an order.
type CallCount = Arc<dyn Fn(&str) -> u64 + Send + Sync>;

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("orders", &self.orders).finish_non_exhaustive()
    }
}

impl Counters {
    /// Empty counters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one to a count of the order.
    pub fn add(&self, order_id: &str, count: Count<'_>) {
        let mut orders = lock(&self.orders);
        orders.entry(order_id.to_owned()).or_default().add(count);
    }

    /// Adds the request units of a call for the order.
    pub fn add_units(&self, order_id: &str, billed_to: BilledTo, units: Units) {
        let mut orders = lock(&self.orders);
        let counts = orders.entry(order_id.to_owned()).or_default();
        match billed_to {
            BilledTo::Order => counts.units.add(units),
            BilledTo::Reconciler => counts.reconciler_units.add(units),
        }
    }

    /// The counts of an order; zero for an unknown order.
    pub fn for_order(&self, order_id: &str) -> Counts {
        let mut counts = lock(&self.orders).get(order_id).cloned().unwrap_or_default();
        counts.payment_calls = self.calls(Provider::Payment, order_id);
        counts.shipping_calls = self.calls(Provider::Shipping, order_id);
        counts
    }

    /// Sets the function that returns the calls to a provider.
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
