//! Publishes the writes: to subscribers that wait for an order, and to the open-orders
//! schedule.
//!
//! An event is sent after the write and before its response. It holds a guard, so a clock
//! that skips ahead waits until the subscriber has acted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Caller;
use super::request::Request;
use crate::clock::{BusyGuard, StackClock};

/// A write of an order.
#[derive(Debug, Clone)]
pub struct OrderWrite {
    /// The order.
    pub order_id: String,
    /// The writer.
    pub writer: Caller,
    /// The time on the stack's clock.
    pub at: Timestamp,
    /// Keeps the clock from skipping ahead until the subscriber drops it.
    pub busy: BusyGuard,
}

/// A write to any table.
#[derive(Debug)]
pub(crate) struct TableWrite {
    pub(crate) writer: Caller,
    /// The orders that were written; none, if only other items were.
    pub(crate) order_ids: Vec<String>,
    /// Keeps the clock from skipping ahead until the subscriber drops it.
    pub(crate) busy: BusyGuard,
}

/// How many writes a slow subscriber may lag behind.
const MAX_LAG: usize = 4096;

/// The subscribers of one stack's tables.
#[derive(Debug)]
pub(super) struct WriteEvents {
    clock: StackClock,
    orders: broadcast::Sender<OrderWrite>,
    table_subscribers: Mutex<Vec<UnboundedSender<TableWrite>>>,
    /// How many writes were published.
    published: AtomicU64,
}

impl WriteEvents {
    pub(super) fn new(clock: StackClock) -> Self {
        let (orders, table_subscribers) = (broadcast::channel(MAX_LAG).0, Mutex::default());
        Self { clock, orders, table_subscribers, published: AtomicU64::new(0) }
    }

    /// How many writes were published so far.
    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::SeqCst)
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<OrderWrite> {
        self.orders.subscribe()
    }

    /// Subscribes to all later writes of any table. No message is ever dropped.
    pub(super) fn subscribe_to_writes(&self) -> UnboundedReceiver<TableWrite> {
        let (sender, receiver) = unbounded_channel();
        self.table_subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Publishes a completed request, if it was a write.
    pub(super) fn publish(&self, request: &Request<'_>) {
        if !request.is_write() {
            return;
        }
        let busy = self.clock.busy("a write that is watched");
        let at = self.clock.now();
        for order_id in request.written_orders() {
            let (order_id, writer) = (order_id.to_owned(), request.caller.clone());
            // Fails only without subscribers.
            let _no_subscribers =
                self.orders.send(OrderWrite { order_id, writer, at, busy: busy.clone() });
        }
        let mut table_subscribers =
            self.table_subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        table_subscribers.retain(|sender| {
            let write = TableWrite {
                writer: request.caller.clone(),
                order_ids: request.written_orders().into_iter().map(str::to_owned).collect(),
                busy: busy.clone(),
            };
            sender.send(write).is_ok()
        });
        self.published.fetch_add(1, Ordering::SeqCst);
    }
}
