//! What each order cost: invocations, transitions, calls.
//!
//! The counts cover an order's execution and the put of its `POST /orders`, not
//! that request's own Lambda, its pricing reads, GETs or the reconciler. Whoever
//! sees a call attributes it: the Lambda host invocations, the DynamoDB endpoint
//! reads and writes of the Orders table, the driver transitions, the look-alikes'
//! faces their calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

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
    pub gateway_calls: u64,
    /// Requests to the carrier about it.
    pub carrier_calls: u64,
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
    /// One request to the gateway.
    GatewayCall,
    /// One request to the carrier.
    CarrierCall,
}

/// The counts of all orders; a clone counts into the same book.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    orders: Arc<Mutex<BTreeMap<String, Counts>>>,
}

impl Counters {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one to what the order has cost.
    pub fn add(&self, order_id: &str, count: Count<'_>) {
        let mut orders = self.lock();
        orders.entry(order_id.to_owned()).or_default().add(count);
    }

    /// What the order has cost; nothing, for an order never seen.
    pub fn of(&self, order_id: &str) -> Counts {
        self.lock().get(order_id).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, count: Count<'_>) {
        match count {
            Count::Transition => self.transitions += 1,
            Count::Invocation(function) => self.add_invocation(function),
            Count::Transaction => self.transactions += 1,
            Count::Read => self.reads += 1,
            Count::Write => self.writes += 1,
            Count::GatewayCall => self.gateway_calls += 1,
            Count::CarrierCall => self.carrier_calls += 1,
        }
    }

    fn add_invocation(&mut self, function: &str) {
        self.invocations += 1;
        *self.invocations_by_function.entry(function.to_owned()).or_default() += 1;
    }
}
