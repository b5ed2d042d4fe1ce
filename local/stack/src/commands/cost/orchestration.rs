//! The same order with two other ways to orchestrate it, counted from what each bills.
//!
//! - **Express-nested**: a Standard workflow keeps what waits (a date, a review, a restock,
//!   an operator) and runs everything between two waits as one Express workflow. Each
//!   costs two transitions of the Standard workflow, the call and a Choice on its result.
//!   An execution that fails has its Fail state there too.
//! - **Durable functions**: one function runs the order from its start to its end. The
//!   start, each attempt of a step, each Wait and each callback is an operation; to wait
//!   for a callback takes a step more, which stores its id. Choices are code. The function
//!   is invoked again after each wait and for each attempt that failed.
//!
//! Neither includes the pauses between attempts, which Express bills, nor the data that a
//! durable execution writes and keeps.

use anyhow::{Context, Result};
use domain::steps::{Kind, State};
use serde::Serialize;

use super::usage::{Basis, Observed, Usage};
use crate::trace::EnteredState;

/// The usage of one order in each way.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alternatives {
    pub(super) express_nested: Usage,
    pub(super) durable_functions: Usage,
}

impl Alternatives {
    /// Computes both for the order that was observed.
    pub(super) fn of(observed: &Observed<'_>, basis: &Basis<'_>) -> Result<Self> {
        let path = Path::of(observed)?;
        Ok(Self {
            express_nested: express_nested(observed, basis, &path)?,
            durable_functions: durable_functions(observed, basis, &path)?,
        })
    }
}

fn express_nested(observed: &Observed<'_>, basis: &Basis<'_>, path: &Path) -> Result<Usage> {
    let standard = observed.usage(basis)?.order;
    // Rounded up to 100 ms for each Express workflow.
    let rounding = 99 * path.segments;
    let milliseconds = (path.task_ms(observed, basis) + rounding) / 100 * 100;
    Ok(Usage {
        transitions: path.parent_transitions,
        express_requests: path.segments,
        express_megabyte_ms: milliseconds * basis.assumptions.express_megabytes,
        ..standard
    })
}

fn durable_functions(observed: &Observed<'_>, basis: &Basis<'_>, path: &Path) -> Result<Usage> {
    let starts = observed.executions();
    let invocations = starts + path.dates + path.callbacks + path.repetitions;
    // An invocation has its own time, and the attempts beyond one for each take theirs.
    let more_attempts = path.attempts.saturating_sub(starts);
    let more_ms = more_attempts * basis.assumptions.invocation_ms;
    let step_ms = provider_ms(observed, basis) + more_ms;
    let operations = Usage {
        durable_operations: starts + path.attempts + path.dates + 2 * path.callbacks,
        ..Usage::default()
    };
    // All functions have the same memory; `process-payment` stands for the one.
    let function = basis.invocations("process-payment", invocations, step_ms)?;
    Ok([observed.request(basis)?, operations, function].into_iter().sum())
}

/// What an order went through.
#[derive(Debug, Default, PartialEq, Eq)]
struct Path {
    /// Transitions of the Standard workflow around the Express workflows.
    parent_transitions: u64,
    /// Runs of states with a task, between two waits.
    segments: u64,
    /// Wait states.
    dates: u64,
    /// Tasks that wait for their token.
    callbacks: u64,
    /// Invocations of functions by the state machine.
    attempts: u64,
    /// Transitions that repeat a state.
    repetitions: u64,
}

impl Path {
    fn of(observed: &Observed<'_>) -> Result<Self> {
        let mut path = Self {
            attempts: observed.counts.invocations_by_function.values().sum(),
            ..Self::default()
        };
        let mut entered = 0;
        for execution in observed.executions {
            entered += length(execution);
            path.add_execution(&kinds(execution)?);
        }
        path.repetitions = observed.counts.transitions.saturating_sub(entered);
        Ok(path)
    }

    fn add_execution(&mut self, kinds: &[Kind]) {
        let waits = |kind: &Kind| matches!(kind, Kind::Wait | Kind::WaitForToken(_));
        for kind in kinds.iter().filter(|kind| waits(kind)) {
            self.parent_transitions += 1;
            match kind {
                Kind::Wait => self.dates += 1,
                _ => self.callbacks += 1,
            }
        }
        for segment in kinds.split(waits) {
            if segment.iter().any(|kind| matches!(kind, Kind::Task(_))) {
                let fails = segment.iter().any(|kind| matches!(kind, Kind::Fail { .. }));
                self.segments += 1;
                self.parent_transitions += 2 + u64::from(fails);
            } else {
                self.parent_transitions += length(segment);
            }
        }
    }

    /// How long all tasks run, in ms.
    fn task_ms(&self, observed: &Observed<'_>, basis: &Basis<'_>) -> u64 {
        self.attempts * basis.assumptions.invocation_ms + provider_ms(observed, basis)
    }
}

/// How long the calls to both providers take, in ms.
fn provider_ms(observed: &Observed<'_>, basis: &Basis<'_>) -> u64 {
    let functions = observed.counts.invocations_by_function.keys();
    functions.map(|function| observed.provider_ms(basis, function)).sum()
}

fn length<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

fn kinds(execution: &[EnteredState]) -> Result<Vec<Kind>> {
    let kind = |entered: &EnteredState| {
        let state: Option<State> = entered.name.parse().ok();
        let state = state.with_context(|| format!("no state is named {}", entered.name))?;
        Ok(state.row().kind)
    };
    execution.iter().map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::super::usage::tests::{assumptions, deployment, entered};
    use super::*;
    use crate::counters::Counts;

    fn check(transitions: u64, attempts: u64, executions: &[&[&str]], expected: &Path) {
        let counts = Counts {
            transitions,
            invocations_by_function: [("process-payment".to_owned(), attempts)].into(),
            ..Counts::default()
        };
        let executions: Vec<_> = executions.iter().map(|states| entered(states)).collect();
        let observed = Observed {
            counts: &counts,
            requests: 1,
            lines: 1,
            executions: &executions,
            log_bytes: 0,
        };
        assert_eq!(Path::of(&observed).unwrap(), *expected);
    }

    const HAPPY: [&str; 7] = [
        "ScheduledForLater",
        "ProcessPayment",
        "ReviewRequired",
        "CheckInventory",
        "InventoryCheckPassed",
        "InitiateShipping",
        "CapturePayment",
    ];

    #[test]
    fn an_order_without_a_wait_is_one_express_workflow() {
        let path = Path { parent_transitions: 2, segments: 1, attempts: 4, ..Path::default() };
        check(7, 4, &[&HAPPY], &path);
    }

    #[test]
    fn each_wait_begins_another_express_workflow_and_stays_in_the_standard_one() {
        let mut scheduled = vec!["ScheduledForLater", "WaitUntilScheduled"];
        scheduled.extend(&HAPPY[1..3]);
        scheduled.push("AwaitReview");
        scheduled.extend(&HAPPY[3..]);
        let path = Path {
            // The Choice before the date, the date, the review, two for each of two.
            parent_transitions: 1 + 1 + 1 + 2 * 2,
            segments: 2,
            dates: 1,
            callbacks: 1,
            attempts: 4,
            repetitions: 0,
        };
        check(9, 4, &[&scheduled], &path);
    }

    #[test]
    fn an_attempt_that_is_repeated_and_a_failure_are_counted() {
        let declined = [
            "ScheduledForLater",
            "ProcessPayment",
            "CancelPayment",
            "FailureOutcome",
            "PaymentFailureHandler",
        ];
        let path = Path {
            parent_transitions: 3,
            segments: 1,
            attempts: 5,
            repetitions: 3,
            ..Path::default()
        };
        check(8, 5, &[&declined], &path);
    }

    #[test]
    fn the_happy_order_is_billed_five_operations_or_one_express_workflow() {
        let counts = Counts {
            transitions: 7,
            invocations_by_function: [
                ("process-payment".to_owned(), 2),
                ("initiate-shipping".to_owned(), 2),
            ]
            .into(),
            payment_calls: 3,
            shipping_calls: 2,
            ..Counts::default()
        };
        let executions = [entered(&HAPPY)];
        let observed = Observed {
            counts: &counts,
            requests: 1,
            lines: 1,
            executions: &executions,
            log_bytes: 0,
        };
        let (assumptions, deployment) = (assumptions(), deployment());
        let basis =
            Basis { assumptions: &assumptions, deployment: &deployment, cold_start_percent: 0 };
        let alternatives = Alternatives::of(&observed, &basis).unwrap();
        let express = alternatives.express_nested;
        assert_eq!((express.transitions, express.express_requests), (2, 1));
        // 4 × 25 + 3 × 600 + 2 × 1500 = 4,900 ms.
        assert_eq!(express.express_megabyte_ms, 4_900 * 64);
        let durable = alternatives.durable_functions;
        assert_eq!((durable.transitions, durable.durable_operations), (0, 5));
        // One request and one run of the durable function, as long as its four steps.
        assert_eq!((durable.invocations, durable.megabyte_ms), (2, (25 + 4_900) * 512));
    }
}
