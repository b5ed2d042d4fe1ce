//! EventBridge: the template's schedules, and its rules for status changes of executions.
//!
//! | file | content |
//! |---|---|
//! | [`schedule`] | runs a schedule: a tick at each whole multiple of its rate |
//! | [`open_order_ticks`] | decides which ticks of the open-orders schedule can be skipped |
//! | [`status_changes`] | sends the end of each execution to the functions of the rules |
//! | [`payloads`] | the events in EventBridge's format |
//!
//! Each event is an asynchronous invocation: Lambda retries a failed function after one
//! and after two minutes of the stack's clock, then drops the event with a line in the
//! log. The clock does not skip ahead while an invocation runs.
//!
//! An idle stack does not run on forever: a schedule sleeps with
//! [`StackClock::sleep_until_passive`], which does not make an idle clock skip ahead.
//! Only a due order does, within the limit that [`open_order_ticks`] sets.
//!
//! The fault point `events.status-change`, kind `drop`, loses a status change, as
//! EventBridge itself may.

mod open_order_ticks;
mod payloads;
mod rate;
mod schedule;
mod status_changes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::clock::{BusyGuard, StackClock};
use crate::dynamodb::DynamoDb;
use crate::faults::Faults;
use crate::lambda::{EventDelivery, LambdaHost};
use crate::stepfunctions::StepFunctions;
use crate::template::{Template, TemplateError};
use schedule::ScheduleRunner;
use status_changes::StatusChangeDispatcher;

/// The services that EventBridge uses.
#[derive(Debug)]
pub(crate) struct Deps {
    /// The stack's clock.
    pub(crate) clock: StackClock,
    /// The target of all events.
    pub(crate) target: Arc<dyn EventTarget>,
    /// The tables, which show whether an order is due.
    pub(crate) dynamodb: Arc<DynamoDb>,
    /// The source of status changes.
    pub(crate) step_functions: StepFunctions,
    /// The plan of lost status changes.
    pub(crate) faults: Faults,
}

/// The running schedules and rules. They stop when this is dropped; invocations that have
/// started continue.
#[derive(Debug)]
pub(crate) struct EventBridge {
    _tasks: JoinSet<()>,
}

impl EventBridge {
    /// Starts all schedules and rules of the template.
    pub(crate) fn start(template: &Template, deps: &Deps) -> Result<Self, TemplateError> {
        let mut tasks = JoinSet::new();
        for schedule in template.schedules()? {
            let (clock, target) = (deps.clock.clone(), Arc::clone(&deps.target));
            let runner = ScheduleRunner { schedule, clock, target };
            tasks.spawn(runner.run(Arc::clone(&deps.dynamodb)));
        }
        let rules = template.rules()?;
        if !rules.is_empty() {
            let progress_events = deps.step_functions.subscribe();
            let dispatcher = StatusChangeDispatcher {
                rules,
                step_functions: deps.step_functions.clone(),
                target: Arc::clone(&deps.target),
                faults: deps.faults.clone(),
            };
            tasks.spawn(dispatcher.run(progress_events));
        }
        Ok(Self { _tasks: tasks })
    }
}

/// Receives the events for the functions: the Lambda host, or a fake in tests.
pub(crate) trait EventTarget: Send + Sync + fmt::Debug {
    /// Delivers an event to a function until the function succeeds or the retries are
    /// exhausted.
    fn deliver<'a>(
        &'a self,
        function: &'a str,
        event: Bytes,
        busy: BusyGuard,
    ) -> DeliveryFuture<'a>;
}

/// A delivery in progress.
pub(crate) type DeliveryFuture<'a> = Pin<Box<dyn Future<Output = EventDelivery> + Send + 'a>>;

impl EventTarget for LambdaHost {
    fn deliver<'a>(
        &'a self,
        function: &'a str,
        event: Bytes,
        busy: BusyGuard,
    ) -> DeliveryFuture<'a> {
        Box::pin(self.deliver_event(function, event, busy))
    }
}
