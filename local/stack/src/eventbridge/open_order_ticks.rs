//! Decides which ticks of the open-orders schedule can be skipped.
//!
//! The function of that schedule inspects the open orders that are due. While no other
//! client writes to a table and no order is due, a tick does nothing that the last one
//! did not do. On a clock that skips ahead, a wait of days would otherwise cost thousands
//! of such ticks. The next tick is therefore the next whole minute
//!
//! - after a write to any table by a client other than the function itself,
//! - at or after the earliest `checkAt` in the index of open orders,
//! - after a failed tick, which has inspected nothing, and after the start of the stack.
//!
//! All other ticks are skipped. A write carries a guard, which is dropped only after the
//! timer of its tick is set, so no wait that ends after the tick ends before it. The
//! function's own writes do not require a tick, but may change which order is due.
//!
//! An idle clock skips ahead to these ticks; otherwise a lost order would stay lost. But
//! an order that waits for an operator is inspected daily, and a failing function is
//! retried, both forever. After [`MAX_TICKS_WITHOUT_WRITES`] ticks without a write by
//! another client, the ticks no longer make an idle clock skip ahead.

use std::sync::Arc;

use domain::order::OPEN_ORDER_BUCKETS;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::rate::{first_multiple_from, next_multiple_after};
use crate::clock::{BusyGuard, StackClock, TimerKind};
use crate::dynamodb::{Caller, DynamoDb, TableWrite};
use crate::template::TemplateSchedule;

/// The suffix of the open-orders rule's name. The prefix is the name of the stack.
const RULE_SUFFIX: &str = "-open-orders";

/// How many ticks without a write by another client make an idle clock skip ahead. At one
/// tick a day, that is longer than the longest wait of an order (90 days).
const MAX_TICKS_WITHOUT_WRITES: u32 = 100;

/// The state of the open-orders schedule between ticks.
#[derive(Debug)]
pub(super) struct OpenOrderTicks {
    clock: StackClock,
    dynamodb: Arc<DynamoDb>,
    writes: UnboundedReceiver<TableWrite>,
    /// The function that the schedule invokes; its own writes do not require a tick.
    function: String,
    interval: SignedDuration,
    /// The tick that is required whether or not an order is due. A second reason does not
    /// postpone it.
    required_tick: Option<Timestamp>,
    /// The consecutive ticks since the last write by another client.
    ticks_without_writes: u32,
}

impl OpenOrderTicks {
    /// Returns `None` for other schedules, and while the clock does not skip ahead.
    pub(super) fn for_schedule(
        schedule: &TemplateSchedule,
        clock: &StackClock,
        dynamodb: &Arc<DynamoDb>,
    ) -> Option<Self> {
        if !clock.skips_ahead() || !schedule.name.ends_with(RULE_SUFFIX) {
            return None;
        }
        Some(Self {
            clock: clock.clone(),
            dynamodb: Arc::clone(dynamodb),
            writes: dynamodb.subscribe_to_writes(),
            function: schedule.function.clone(),
            interval: schedule.interval,
            required_tick: Some(next_multiple_after(clock.now(), schedule.interval)),
            ticks_without_writes: 0,
        })
    }

    /// The time of the next tick, as far as it is known now.
    pub(super) async fn next_tick(&mut self) -> Option<Timestamp> {
        if self.required_tick.is_none() {
            let check_at = self.earliest_check_at().await?;
            if check_at > self.clock.now() {
                return Some(first_multiple_from(check_at, self.interval));
            }
            self.require_tick();
        }
        self.required_tick
    }

    /// Sets the timer of a tick. The future returns the time of the tick and a guard.
    pub(super) fn sleep_until(
        &self,
        next: Option<Timestamp>,
    ) -> impl Future<Output = (Timestamp, BusyGuard)> + Send + use<> {
        let driving = self.ticks_without_writes < MAX_TICKS_WITHOUT_WRITES;
        let kind = if driving { TimerKind::Driving } else { TimerKind::Passive };
        let sleep = next.map(|due| (due, self.clock.sleep(due, kind)));
        async move {
            match sleep {
                Some((due, sleep)) => (due, sleep.await),
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for the next write. The caller drops its guard after it has set the timer of
    /// the next tick.
    pub(super) async fn next_write(&mut self) -> Option<BusyGuard> {
        let write = self.writes.recv().await?;
        self.observe(&write);
        Some(write.busy)
    }

    /// Records the start of a tick, which sees all earlier writes.
    pub(super) fn tick_started(&mut self) {
        self.ticks_without_writes = self.ticks_without_writes.saturating_add(1);
        while let Ok(write) = self.writes.try_recv() {
            self.observe(&write);
        }
        self.required_tick = None;
    }

    fn observe(&mut self, write: &TableWrite) {
        if write.writer != Caller::Function(self.function.clone()) {
            self.ticks_without_writes = 0;
            self.require_tick();
        }
    }

    /// Records the end of a tick.
    pub(super) fn tick_finished(&mut self, succeeded: bool) {
        if !succeeded {
            self.require_tick();
        }
    }

    fn require_tick(&mut self) {
        self.required_tick
            .get_or_insert_with(|| next_multiple_after(self.clock.now(), self.interval));
    }

    /// The earliest `checkAt` of all open orders.
    async fn earliest_check_at(&self) -> Option<Timestamp> {
        let mut earliest = None;
        for bucket in 0..OPEN_ORDER_BUCKETS {
            let check_at = self.first_check_at(bucket).await;
            earliest = earliest.into_iter().chain(check_at).min();
        }
        earliest
    }

    async fn first_check_at(&self, bucket: u8) -> Option<Timestamp> {
        let query = json!({
            "TableName": "Orders",
            "IndexName": "open",
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": { "#bucket": "open" },
            "ExpressionAttributeValues": { ":bucket": { "S": bucket.to_string() } },
            "Limit": 1,
        });
        let found = self.dynamodb.read_uncounted("Query", query).await;
        let found = found
            .inspect_err(|error| tracing::warn!(%error, "the open orders could not be queried"));
        check_at(&found.ok()?)
    }
}

fn check_at(found: &Value) -> Option<Timestamp> {
    found["Items"][0]["checkAt"]["S"].as_str()?.parse().ok()
}
