//! A running schedule: one tick at each whole multiple of its rate.
//!
//! One tick runs at a time, including its retries. Ticks that become due meanwhile are
//! merged into the next one, which carries the time of the last tick that it replaces.
//!
//! While the clock skips ahead, the open-orders schedule ticks on demand;
//! [`super::open_order_ticks`] decides when. Otherwise it ticks at each interval.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::open_order_ticks::OpenOrderTicks;
use super::rate::{last_multiple_until, next_multiple_after};
use super::{EventTarget, payloads};
use crate::clock::{BusyGuard, StackClock};
use crate::dynamodb::DynamoDb;
use crate::lambda::EventDelivery;
use crate::template::TemplateSchedule;

/// Runs one schedule.
#[derive(Debug)]
pub(super) struct ScheduleRunner {
    pub(super) schedule: TemplateSchedule,
    pub(super) clock: StackClock,
    pub(super) target: Arc<dyn EventTarget>,
}

impl ScheduleRunner {
    /// Runs until DynamoDB stops, on demand or at each interval, as the clock's rate says.
    pub(super) fn run(self, dynamodb: Arc<DynamoDb>) -> impl Future<Output = ()> + Send {
        // Taken before the future is polled, so that the clock cannot skip the first tick.
        let mut busy = self.clock.busy("a schedule that starts");
        // Subscribes to the writes at once, so that none is missed.
        let mut ticks = OpenOrderTicks::for_schedule(&self.schedule, &self.clock, &dynamodb);
        async move {
            let mut changes = self.clock.rate_changes();
            loop {
                let skip = self.clock.skips_ahead();
                if skip != ticks.is_some() {
                    ticks = OpenOrderTicks::for_schedule(&self.schedule, &self.clock, &dynamodb);
                }
                tokio::select! {
                    () = self.run_at_rate(ticks.take(), busy) => return,
                    rate = changes.wait_for(|rate| rate.skip != skip) => {
                        if rate.is_err() {
                            return; // The clock has stopped.
                        }
                    }
                }
                busy = self.clock.busy("a schedule that starts");
            }
        }
    }

    async fn run_at_rate(&self, ticks: Option<OpenOrderTicks>, busy: BusyGuard) {
        match ticks {
            Some(ticks) => self.run_on_demand(ticks, busy).await,
            None => self.run_every_interval(busy).await,
        }
    }

    async fn run_every_interval(&self, mut busy: BusyGuard) {
        loop {
            let due = next_multiple_after(self.clock.now(), self.schedule.interval);
            let sleep = self.clock.sleep_until_passive(due);
            drop(busy);
            busy = self.tick(due, sleep.await).await.busy;
        }
    }

    async fn run_on_demand(&self, mut ticks: OpenOrderTicks, busy: BusyGuard) {
        let mut held = Some(busy);
        loop {
            let next = ticks.next_tick().await;
            let mut sleep = pin!(ticks.sleep_until(next));
            // The timer of the next tick is set, so the clock cannot skip it.
            drop(held.take());
            tokio::select! {
                biased; // A due tick comes first: a stream of writes must not starve it.
                (due, busy) = &mut sleep => {
                    held = Some(self.tick_and_observe_writes(&mut ticks, due, busy).await);
                }
                write = ticks.next_write() => match write {
                    Some(busy) => held = Some(busy),
                    None => return, // DynamoDB has stopped.
                },
            }
        }
    }

    /// Runs a tick and observes the writes that happen meanwhile.
    async fn tick_and_observe_writes(
        &self,
        ticks: &mut OpenOrderTicks,
        due: Timestamp,
        busy: BusyGuard,
    ) -> BusyGuard {
        ticks.tick_started();
        let mut tick = pin!(self.tick(due, busy));
        loop {
            tokio::select! {
                biased;
                EventDelivery { succeeded, busy } = &mut tick => {
                    ticks.tick_finished(succeeded);
                    return busy;
                }
                // The tick holds a guard itself, or waits for its own retry.
                Some(busy) = ticks.next_write() => drop(busy),
            }
        }
    }

    async fn tick(&self, due: Timestamp, busy: BusyGuard) -> EventDelivery {
        let last = last_multiple_until(self.clock.now(), self.schedule.interval).max(due);
        let event = payloads::scheduled(&self.schedule.name, last);
        let event = Bytes::from(event.to_string());
        self.target.deliver(&self.schedule.function, event, busy).await
    }
}
