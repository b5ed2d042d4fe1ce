//! The path of an order through the workflow, in a few words.

use domain::steps::State;

use crate::trace::EnteredState;

/// The short names of states that work or wait. A state that is not listed keeps its name.
const SHORT_NAMES: [(State, &str); 8] = [
    (State::WaitUntilScheduled, "wait"),
    (State::ProcessPayment, "auth"),
    (State::AwaitReview, "review"),
    (State::CheckInventory, "reserve"),
    (State::AwaitRestock, "backorder"),
    (State::InitiateShipping, "ship"),
    (State::CapturePayment, "capture"),
    (State::AwaitOperator, "operator"),
];

/// The short name of every state that compensates.
const COMPENSATE: &str = "compensate";

const RESTART: &str = "restart";
const ARROW: &str = "→";
const OMISSION: &str = "…";

/// Describes the path of an order's executions in at most `width` characters:
/// `auth→reserve→ship→capture`. Steps in the middle are left out where it is longer.
pub(super) fn short_path(executions: &[Vec<EnteredState>], width: usize) -> String {
    let steps = steps(executions);
    let path = steps.join(ARROW);
    if path.chars().count() <= width {
        return path;
    }
    let first = steps.first().copied().unwrap_or_default();
    let shortened = (2..steps.len())
        .map(|start| [&[first, OMISSION], &steps[start..]].concat().join(ARROW))
        .find(|path| path.chars().count() <= width);
    shortened.unwrap_or_else(|| path.chars().take(width.saturating_sub(1)).chain(['…']).collect())
}

/// The steps of all executions. A restarted execution repeats the steps of the previous
/// one; those are left out.
fn steps(executions: &[Vec<EnteredState>]) -> Vec<&str> {
    let mut steps: Vec<&str> = Vec::new();
    let mut previous: Vec<&str> = Vec::new();
    for (number, execution) in executions.iter().enumerate() {
        let mut own: Vec<&str> = execution.iter().filter_map(step).collect();
        own.dedup();
        let repeated = own.iter().zip(&previous).take_while(|(own, before)| own == before).count();
        if number > 0 {
            steps.push(RESTART);
        }
        steps.extend(&own[repeated..]);
        previous = own;
    }
    steps.dedup();
    steps
}

/// Returns the step of a state that works or waits; a Choice, Pass, Succeed or Fail state
/// is no step.
fn step(state: &EnteredState) -> Option<&str> {
    let works = ["Task", "Wait", "Parallel", "Map"].contains(&state.state_type.as_str());
    works.then(|| state.name.parse().ok().and_then(short_name).unwrap_or(&state.name))
}

fn short_name(state: State) -> Option<&'static str> {
    if state.row().gives_back.is_some() {
        return Some(COMPENSATE);
    }
    SHORT_NAMES.iter().find(|(listed, _)| *listed == state).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(states: &[&str]) -> Vec<EnteredState> {
        let of_type = |name: &str| if name.ends_with('?') { "Choice" } else { "Task" };
        let state = |name: &&str| EnteredState {
            name: name.trim_end_matches('?').to_owned(),
            state_type: of_type(name).to_owned(),
        };
        states.iter().map(state).collect()
    }

    const SHIPPED: [&str; 5] = [
        "ProcessPayment",
        "ReviewRequired?",
        "CheckInventory",
        "InitiateShipping",
        "CapturePayment",
    ];
    const UNDONE: [&str; 3] = ["CancelShipment", "ReleaseInventory", "CancelPayment"];

    #[test]
    fn a_path_names_what_works_and_leaves_out_choices_and_repetitions() {
        let check = |executions: &[Vec<EnteredState>], expected: &str| {
            assert_eq!(short_path(executions, 100), expected);
        };
        check(&[execution(&SHIPPED)], "auth→reserve→ship→capture");
        let compensated = execution(&[&SHIPPED[..4], &UNDONE].concat());
        check(&[compensated], "auth→reserve→ship→compensate");
        let aborted = execution(&SHIPPED[..4]);
        check(&[aborted.clone(), execution(&SHIPPED)], "auth→reserve→ship→restart→capture");
        check(
            &[aborted.clone(), aborted, execution(&["ProcessPayment", "CancelPayment"])],
            "auth→reserve→ship→restart→compensate",
        );
        check(&[execution(&["ProcessPayment", "GiftWrap"])], "auth→GiftWrap");
        check(&[], "");
    }

    #[test]
    fn a_long_path_keeps_its_first_step_and_its_end() {
        let states = [&SHIPPED[..], &["AwaitOperator"], &UNDONE].concat();
        let executions = [execution(&states)];
        let check = |width, expected| assert_eq!(short_path(&executions, width), expected);
        check(45, "auth→reserve→ship→capture→operator→compensate");
        check(32, "auth→…→operator→compensate");
        check(20, "auth→…→compensate");
        check(10, "auth→rese…");
    }
}
