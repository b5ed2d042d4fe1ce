//! Who is told of writes, at the very moment: whoever waits for an order to change,
//! and the schedule that looks only when there may be something to see.
//!
//! A write is told of once it has been carried out, before it is answered, and with
//! a guard: with `--skip` the clock stands until whoever was told has acted.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Caller;
use super::request::Request;
use crate::clock::{BusyGuard, StackClock};

/// An order was written.
#[derive(Debug, Clone)]
pub struct OrderWrite {
    /// Which.
    pub order_id: String,
    /// Who wrote it.
    pub writer: Caller,
    /// When, on the stack's clock.
    pub at: Timestamp,
    /// Held until the watcher is done with it.
    pub busy: BusyGuard,
}

/// Something was written, to whatever table.
#[derive(Debug)]
pub(crate) struct TableWrite {
    pub(crate) writer: Caller,
    /// Held until it is known what follows.
    pub(crate) busy: BusyGuard,
}

/// How many writes a slow watcher may lag behind.
const MAX_LAG: usize = 4096;

/// The watchers of one stack's tables.
#[derive(Debug)]
pub(super) struct WriteEvents {
    clock: StackClock,
    orders: broadcast::Sender<OrderWrite>,
    table_subscribers: Mutex<Vec<UnboundedSender<TableWrite>>>,
}

impl WriteEvents {
    pub(super) fn new(clock: StackClock) -> Self {
        Self { clock, orders: broadcast::channel(MAX_LAG).0, table_subscribers: Mutex::default() }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<OrderWrite> {
        self.orders.subscribe()
    }

    /// Every write of every table from now on; none is ever missed.
    pub(super) fn subscribe_to_writes(&self) -> UnboundedReceiver<TableWrite> {
        let (publish, receiver) = unbounded_channel();
        self.table_subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(publish);
        receiver
    }

    /// Tells of a request that was carried out, if it was a write.
    pub(super) fn publish(&self, request: &Request<'_>) {
        if !request.is_write() {
            return;
        }
        let busy = self.clock.busy("a write that is watched");
        let at = self.clock.now();
        for order_id in request.written_orders() {
            let (order_id, writer) = (order_id.to_owned(), request.caller.clone());
            // With nobody watching there is nobody to tell.
            let _unwatched =
                self.orders.send(OrderWrite { order_id, writer, at, busy: busy.clone() });
        }
        let mut table_subscribers =
            self.table_subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        table_subscribers.retain(|publish| {
            let written = TableWrite { writer: request.caller.clone(), busy: busy.clone() };
            publish.send(written).is_ok()
        });
    }
}
