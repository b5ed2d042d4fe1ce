//! Which ticks of the open orders' schedule may be leapt over.
//!
//! The function that the schedule invokes looks at what is in the tables and due.
//! Over tables that nobody has written since, with nothing due, a tick does what the
//! last one did: nothing. So with `--skip`, where a wait of days would otherwise take
//! thousands of ticks, the next tick is the next whole minute
//!
//! - after a write to any table by anyone but the function itself, or
//! - at or after the earliest `checkAt` of the index of open orders, or
//! - after a tick that failed, which has shown nothing, and after the stack's start,
//!   before which anything may have happened;
//!
//! and those between are leapt over. A write hands over a guard that is dropped only
//! once the clock knows of the tick's timer, so no wait is passed that ends later
//! than the tick; the function's own writes are no reason to look again, but may move
//! what is due.
//!
//! An idle clock leaps for the sake of these ticks, or a lost order would stay lost.
//! But an order that waits for a person is looked at every day, for ever, and a
//! function that fails is tried for ever: after [`ALONE_AT_MOST`] ticks in a row
//! without a write by anyone else they only come as time passes by itself.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::schedule::{first_from, next_after};
use crate::clock::{Busy, StackClock};
use crate::dynamodb::{Caller, DynamoDb, Written};
use crate::template::TemplateSchedule;

/// How the name of the rule ends to which all this applies.
const RULE: &str = "-open-orders";

/// How many ticks in a row an idle clock leaps for without a write by anyone else. At
/// one a day, longer than anything that an order waits for by itself (90 days).
const ALONE_AT_MOST: u32 = 100;

/// What is known of the open orders.
#[derive(Debug)]
pub(super) struct Open {
    clock: StackClock,
    dynamodb: Arc<DynamoDb>,
    writes: UnboundedReceiver<Written>,
    /// The function whose own writes are no reason to look again.
    function: String,
    every: SignedDuration,
    /// The tick that is needed whatever is due: there may be something to see. It is
    /// set once, so that more to see does not put it off.
    needed: Option<Timestamp>,
    /// The ticks in a row since anyone else wrote.
    alone: u32,
}

impl Open {
    /// For the schedule of the open orders, on a clock that leaps; none for others.
    pub(super) fn of(
        schedule: &TemplateSchedule,
        clock: &StackClock,
        dynamodb: &Arc<DynamoDb>,
    ) -> Option<Self> {
        if !clock.leaps() || !schedule.name.ends_with(RULE) {
            return None;
        }
        Some(Self {
            clock: clock.clone(),
            dynamodb: Arc::clone(dynamodb),
            writes: dynamodb.watch(),
            function: schedule.function.clone(),
            every: schedule.every,
            needed: Some(next_after(clock.now(), schedule.every)),
            alone: 0,
        })
    }

    /// When to look next, as far as is known now.
    pub(super) async fn next(&mut self) -> Option<Timestamp> {
        if self.needed.is_none() {
            let check_at = self.earliest().await?;
            if check_at > self.clock.now() {
                return Some(first_from(check_at, self.every));
            }
            self.need();
        }
        self.needed
    }

    /// Sets the timer of a tick; it comes with the time that it is for.
    pub(super) fn sleep_until(
        &self,
        next: Option<Timestamp>,
    ) -> impl Future<Output = (Timestamp, Busy)> + Send + use<> {
        let draws = self.alone < ALONE_AT_MOST;
        let sleep = next.map(|due| (due, self.clock.sleep(due, draws)));
        async move {
            match sleep {
                Some((due, sleep)) => (due, sleep.await),
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for the next write; its guard is to be held until what follows is set.
    pub(super) async fn hear(&mut self) -> Option<Busy> {
        let written = self.writes.recv().await?;
        self.take_in(&written);
        Some(written.busy)
    }

    /// A tick begins: it will see what was written before it.
    pub(super) fn looks(&mut self) {
        self.alone = self.alone.saturating_add(1);
        while let Ok(written) = self.writes.try_recv() {
            self.take_in(&written);
        }
        self.needed = None;
    }

    fn take_in(&mut self, written: &Written) {
        if written.writer != Caller::Function(self.function.clone()) {
            self.alone = 0;
            self.need();
        }
    }

    /// The tick has ended.
    pub(super) fn has_looked(&mut self, succeeded: bool) {
        if !succeeded {
            self.need();
        }
    }

    fn need(&mut self) {
        self.needed.get_or_insert_with(|| next_after(self.clock.now(), self.every));
    }

    /// The earliest time at which an open order is to be looked at.
    async fn earliest(&self) -> Option<Timestamp> {
        let mut earliest = None;
        for bucket in 0..BUCKETS {
            let check_at = self.first_of(bucket).await;
            earliest = earliest.into_iter().chain(check_at).min();
        }
        earliest
    }

    async fn first_of(&self, bucket: u8) -> Option<Timestamp> {
        let query = json!({
            "TableName": "Orders",
            "IndexName": "open",
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": { "#bucket": "open" },
            "ExpressionAttributeValues": { ":bucket": { "S": bucket.to_string() } },
            "Limit": 1,
        });
        let found = self.dynamodb.look("Query", query).await;
        let found = found.inspect_err(|error| tracing::warn!(%error, "no look at what is due"));
        check_at(&found.ok()?)
    }
}

/// Into how many parts the index is divided (`domain::Order`, `open`).
const BUCKETS: u8 = domain::order::OPEN_ORDER_BUCKETS;

fn check_at(found: &Value) -> Option<Timestamp> {
    found["Items"][0]["checkAt"]["S"].as_str()?.parse().ok()
}
