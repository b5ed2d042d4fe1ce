//! Watches the orders of a scenario: the steps of their executions, and the writes by the
//! API and the reconciler. Each event holds the clock until it is dropped.

use std::collections::BTreeMap;
use std::pin::Pin;

use anyhow::{Result, bail};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::BusyGuard;
use crate::dynamodb::{Caller, OrderWrite};
use crate::stack_handle::StackHandle;
use crate::stepfunctions::{ProgressEvent, ProgressNotification};

/// Receives the events of all orders of the stack.
#[derive(Debug)]
pub(super) struct OrderWatch {
    moves: Receiver<ProgressNotification>,
    writes: Receiver<OrderWrite>,
    /// The current state of each execution.
    current_states: BTreeMap<String, String>,
}

/// Something that happened to an order of the scenario.
#[derive(Debug)]
pub(super) enum OrderEvent {
    /// An execution took a step; with the index of its order.
    Moved(Box<ProgressNotification>, usize),
    /// The API or the reconciler wrote an order.
    Written { _busy: BusyGuard },
}

impl OrderWatch {
    /// Watches from now on.
    pub(super) fn start(stack: &StackHandle) -> Self {
        let (moves, writes) = (stack.step_functions().subscribe(), stack.order_writes());
        Self { moves, writes, current_states: BTreeMap::new() }
    }

    /// Waits for the next event of one of these orders.
    pub(super) async fn next(&mut self, order_ids: &[String]) -> Result<OrderEvent> {
        loop {
            // Steps first: a step is older than the writes that react to it.
            tokio::select! {
                biased;
                moved = self.moves.recv() => {
                    let watched = Box::new(received(moved)?);
                    if let Some(order) = owner(&watched.progress.execution, order_ids) {
                        self.remember_state(&watched);
                        return Ok(OrderEvent::Moved(watched, order));
                    }
                }
                written = self.writes.recv() => {
                    let written = received(written)?;
                    if order_ids.contains(&written.order_id) && is_external(&written.writer) {
                        return Ok(OrderEvent::Written { _busy: written.busy });
                    }
                }
            }
        }
    }

    fn remember_state(&mut self, watched: &ProgressNotification) {
        if let ProgressEvent::StateEntered { state, .. } = &watched.progress.event {
            self.current_states.insert(watched.progress.execution.clone(), state.clone());
        }
    }

    /// Whether an execution of the first order has begun to wait in this state.
    pub(super) fn begins_wait(&self, state: &str, event: &OrderEvent) -> bool {
        let Some((step, execution)) = event.step_of_first_order() else { return false };
        let begins = match step {
            ProgressEvent::WaitingForToken | ProgressEvent::RetryScheduled { .. } => true,
            ProgressEvent::StateEntered { kind, .. } => kind == "Wait",
            _ => false,
        };
        begins && self.current_states.get(execution).is_some_and(|current| current == state)
    }
}

impl OrderEvent {
    /// Returns the step and the execution's name, if it is one of the first order.
    fn step_of_first_order(&self) -> Option<(&ProgressEvent, &str)> {
        match self {
            Self::Moved(watched, 0) => Some((&watched.progress.event, &watched.progress.execution)),
            _ => None,
        }
    }

    /// Whether an execution of the first order has entered this state.
    pub(super) fn enters(&self, state: &str) -> bool {
        let step = self.step_of_first_order();
        matches!(step, Some((ProgressEvent::StateEntered { state: entered, .. }, _)) if entered == state)
    }

    /// Whether the order's item may have changed: a state has ended, an execution has
    /// begun to wait, or the API or the reconciler wrote.
    pub(super) fn may_change_order(&self) -> bool {
        let ended = |step: &ProgressEvent| {
            matches!(step, ProgressEvent::StateExited { .. } | ProgressEvent::Ended { .. })
        };
        matches!(self, Self::Moved(watched, _) if ended(&watched.progress.event))
            || self.may_begin_wait()
    }

    /// Whether an order may have begun to wait for a decision. Its item says so a little
    /// before its execution does. A decision sent in between would be accepted, but the
    /// history would differ from run to run.
    pub(super) fn may_begin_wait(&self) -> bool {
        match self {
            Self::Moved(watched, _) => watched.progress.event == ProgressEvent::WaitingForToken,
            Self::Written { .. } => true,
        }
    }
}

/// Returns the index of the order that an execution belongs to. Executions are named
/// `{order id}` and, after a restart, `{order id}-r{number}`.
pub(super) fn owner(execution: &str, order_ids: &[String]) -> Option<usize> {
    let owns = |order_id: &String| {
        execution.strip_prefix(order_id.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix("-r").is_some_and(|n| n.parse::<u32>().is_ok())
        })
    };
    order_ids.iter().position(owns)
}

/// Whether the writer is not a step of an execution. Executions report their own steps.
fn is_external(writer: &Caller) -> bool {
    matches!(writer, Caller::Function(name) if name == "order-api" || name == "reconcile-orders")
}

fn received<T>(received: Result<T, RecvError>) -> Result<T> {
    match received {
        Ok(received) => Ok(received),
        Err(RecvError::Lagged(missed)) => bail!("{missed} events were missed"),
        Err(RecvError::Closed) => bail!("the stack has shut down"),
    }
}

/// A timer on the stack's clock.
pub(super) type Timer = Pin<Box<dyn Future<Output = BusyGuard> + Send>>;

/// Waits until the timer fires; forever, if none is set.
pub(super) async fn fired(timer: &mut Option<Timer>) {
    match timer {
        Some(timer) => drop(timer.await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_belongs_to_the_order_that_it_is_named_after() {
        let order_ids = ["ord_1".to_owned(), "ord_12".to_owned()];
        let check = |execution: &str, expected: Option<usize>| {
            assert_eq!(owner(execution, &order_ids), expected, "{execution}");
        };
        check("ord_1", Some(0));
        check("ord_1-r1", Some(0));
        check("ord_12", Some(1));
        check("ord_12-r10", Some(1));
        check("ord_13", None);
        check("ord_1-rx", None);
        check("ord_1-copy", None);
    }
}
