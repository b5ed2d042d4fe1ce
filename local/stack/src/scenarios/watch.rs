//! What a run watches: the moves of its executions, and the writes of its orders by
//! whoever is no execution (the API, the reconciler). Each comes with a guard that
//! holds the clock until it was looked at.

use std::collections::BTreeMap;
use std::pin::Pin;

use anyhow::{Result, bail};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::Busy;
use crate::dynamodb::{Caller, OrderWritten};
use crate::stack::Stack;
use crate::stepfunctions::{Moved, Watched};

/// Who tells what happens to the orders of a run.
#[derive(Debug)]
pub(super) struct Watch {
    moves: Receiver<Watched>,
    writes: Receiver<OrderWritten>,
    /// In which state each execution is.
    within: BTreeMap<String, String>,
}

/// Something that happened to an order of the run.
#[derive(Debug)]
pub(super) enum Happened {
    /// An execution moved, of the order of this number.
    Moved(Box<Watched>, usize),
    /// Somebody from outside wrote an order.
    Written { _busy: Busy },
}

impl Watch {
    /// Watches from now on.
    pub(super) fn begin(stack: &Stack) -> Self {
        let (moves, writes) = (stack.step_functions().subscribe(), stack.order_writes());
        Self { moves, writes, within: BTreeMap::new() }
    }

    /// What happens next to one of these orders.
    pub(super) async fn next(&mut self, orders: &[String]) -> Result<Happened> {
        loop {
            // Moves first: what was seen of an execution is older than what others
            // make of it.
            tokio::select! {
                biased;
                moved = self.moves.recv() => {
                    let watched = Box::new(received(moved)?);
                    if let Some(order) = owner(&watched.progress.execution, orders) {
                        self.follow(&watched);
                        return Ok(Happened::Moved(watched, order));
                    }
                }
                written = self.writes.recv() => {
                    let written = received(written)?;
                    if orders.contains(&written.order_id) && is_from_outside(&written.writer) {
                        return Ok(Happened::Written { _busy: written.busy });
                    }
                }
            }
        }
    }

    /// Remembers in which state an execution is.
    fn follow(&mut self, watched: &Watched) {
        if let Moved::Entered { state, .. } = &watched.progress.step {
            self.within.insert(watched.progress.execution.clone(), state.clone());
        }
    }

    /// Whether an execution of the first order has begun to wait in this state.
    pub(super) fn waits(&self, state: &str, happened: &Happened) -> bool {
        let Some((step, execution)) = happened.to_the_first() else { return false };
        let begins = match step {
            Moved::Waiting | Moved::Retrying { .. } => true,
            Moved::Entered { kind, .. } => kind == "Wait",
            _ => false,
        };
        begins && self.within.get(execution).is_some_and(|within| within == state)
    }
}

impl Happened {
    /// A move of the first order, and of which execution.
    fn to_the_first(&self) -> Option<(&Moved, &str)> {
        match self {
            Self::Moved(watched, 0) => Some((&watched.progress.step, &watched.progress.execution)),
            _ => None,
        }
    }

    /// Whether an execution of the first order has entered this state.
    pub(super) fn enters(&self, state: &str) -> bool {
        matches!(self.to_the_first(), Some((Moved::Entered { state: entered, .. }, _)) if entered == state)
    }

    /// Whether the record may say something new: a task has done its work or has begun
    /// to wait, or somebody from outside wrote.
    pub(super) fn may_have_changed_the_record(&self) -> bool {
        let ended = |step: &Moved| matches!(step, Moved::Exited { .. } | Moved::Ended { .. });
        matches!(self, Self::Moved(watched, _) if ended(&watched.progress.step))
            || self.may_have_begun_a_wait()
    }

    /// Whether an order may have come to wait for somebody. Its record says so a little
    /// before its execution does; whoever answered in between would be answered all the
    /// same, but the history would be another.
    pub(super) fn may_have_begun_a_wait(&self) -> bool {
        match self {
            Self::Moved(watched, _) => watched.progress.step == Moved::Waiting,
            Self::Written { .. } => true,
        }
    }
}

/// Which of the orders an execution belongs to.
pub(super) fn owner(execution: &str, orders: &[String]) -> Option<usize> {
    let owns = |order: &String| {
        execution.strip_prefix(order.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix("-r").is_some_and(|n| n.parse::<u32>().is_ok())
        })
    };
    orders.iter().position(owns)
}

/// Whether a write is not a step's of an execution: of those, the moves tell.
fn is_from_outside(writer: &Caller) -> bool {
    matches!(writer, Caller::Function(name) if name == "order-api" || name == "reconcile-orders")
}

fn received<T>(received: Result<T, RecvError>) -> Result<T> {
    match received {
        Ok(received) => Ok(received),
        Err(RecvError::Lagged(missed)) => bail!("{missed} moves were missed"),
        Err(RecvError::Closed) => bail!("the stack has ended"),
    }
}

/// A timer of the stack's clock that has been set.
pub(super) type Timer = Pin<Box<dyn Future<Output = Busy> + Send>>;

/// Until the timer fires, if it is set.
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
        let orders = ["ord_1".to_owned(), "ord_12".to_owned()];
        let check = |execution: &str, expected: Option<usize>| {
            assert_eq!(owner(execution, &orders), expected, "{execution}");
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
