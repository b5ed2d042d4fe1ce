//! Parallel and Map states: their child threads and the outputs of the children.
//!
//! AWS's `previousEventId`s are irregular here; this file follows the recordings. No event follows
//! the events that end an iteration or a state (`MapIterationSucceeded`, `ParallelStateSucceeded`,
//! …): the next event follows the event before them. The exception is the event after a Map state,
//! which follows the end of the last iteration.

use std::sync::Arc;

use serde_json::{Value, json};

use super::execution::Execution;
use super::failure::Failure;
use super::payload::Payload;
use super::thread::{
    ChildGroup, ChildGroupKind, Item, Parent, Phase, StateVisit, Thread, ThreadId, ThreadVariables,
};
use crate::definition::{Map, ProcessorMode, State, StateType, Workflow};
use crate::history::{self, EventType};

impl Execution {
    /// Starts the branches of a Parallel state.
    pub(super) fn start_parallel(
        &mut self,
        id: ThreadId,
        branches: &[Arc<Workflow>],
    ) -> Result<(), Failure> {
        let input = Arc::new(self.payload_within_limits(id, self.effective_input(id)?)?);
        self.record(id, EventType::ParallelStateStarted, history::no_details());
        self.set_phase(
            id,
            Phase::RunningChildren(ChildGroup::new(
                ChildGroupKind::Branches,
                branches.len(),
                branches.len(),
            )),
        );
        for (index, branch) in branches.iter().enumerate() {
            self.start_child(id, index, branch, Arc::clone(&input), Child::Branch);
        }
        self.complete_if_children_ended(id, None);
        Ok(())
    }

    /// Starts the iterations of a Map state.
    pub(super) fn start_map(&mut self, id: ThreadId, map: &Map) -> Result<(), Failure> {
        let input = self.selected_input(id)?;
        let items = self.items(id, map, &input)?;
        let concurrency = self.concurrency(id, map, &input)?;
        let details = json!({ "mapStateStartedEventDetails": { "length": items.len() } });
        self.record(id, EventType::MapStateStarted, details);
        let tolerance = self.tolerance(id, map, &input, items.len())?;
        let run_started = match map.processor_mode {
            ProcessorMode::Inline => None,
            ProcessorMode::Distributed => Some(self.start_map_run(id, map)),
        };
        let count = items.len();
        let kind = ChildGroupKind::Items { items, input, tolerance, run_started };
        self.set_phase(id, Phase::RunningChildren(ChildGroup::new(kind, count, concurrency)));
        self.start_iterations(id)?;
        self.complete_if_children_ended(id, None);
        Ok(())
    }

    fn start_map_run(&mut self, id: ThreadId, map: &Map) -> u64 {
        let machine = self.start.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        let label = map.label.clone().unwrap_or_else(|| self.random_source.next_uuid().to_string());
        let run = self.random_source.next_uuid();
        let details = json!({ "mapRunStartedEventDetails": {
            "mapRunArn": format!("{machine}/{label}:{run}"),
        }});
        self.record(id, EventType::MapRunStarted, details)
    }

    /// Starts as many iterations as `MaxConcurrency` allows.
    fn start_iterations(&mut self, id: ThreadId) -> Result<(), Failure> {
        while self.is_running() && !self.history.is_full() {
            let Some(Phase::RunningChildren(group)) =
                self.threads.get(&id).map(|thread| &thread.phase)
            else {
                return Ok(());
            };
            let count = group.outputs.len();
            if group.next >= count || group.running.len() >= group.concurrency {
                return Ok(());
            }
            self.start_iteration(id, group.next)?;
        }
        Ok(())
    }

    fn start_iteration(&mut self, id: ThreadId, index: usize) -> Result<(), Failure> {
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.visit.state);
        let (StateType::Map(map), Phase::RunningChildren(group)) = (&state.kind, &thread.phase)
        else {
            return Ok(());
        };
        let ChildGroupKind::Items { items, input, run_started, .. } = &group.kind else {
            return Ok(());
        };
        let item = Item { index, value: items[index].clone() };
        let selected = match &map.item_selector {
            None => item.value.clone(),
            Some(selector) => {
                let evaluation = self.evaluation_context(thread).with_item(&item);
                selector
                    .evaluate(&evaluation.scope(input))
                    .map_err(|error| self.evaluation_failure(id, &error))?
            }
        };
        let child = match run_started {
            None => Child::Iteration(item),
            Some(_) => Child::Execution(item),
        };
        let selected = Arc::new(self.payload_within_limits(id, selected)?);
        self.start_child(id, index, &map.processor, selected, child);
        Ok(())
    }

    fn start_child(
        &mut self,
        id: ThreadId,
        index: usize,
        workflow: &Arc<Workflow>,
        input: Arc<Payload>,
        child: Child,
    ) {
        let Some(state) = workflow.states.get(&workflow.start_at).cloned() else { return };
        let parent = &self.threads[&id];
        let (mut history_target, mut variables) = (parent.history_target, parent.variables.clone());
        let (mut item, mut last_event) = (parent.item.clone(), parent.last_event);
        match child {
            Child::Branch => {}
            Child::Iteration(child_item) => {
                item = Some(Arc::new(child_item));
                let started = EventType::MapIterationStarted;
                last_event = self.record_iteration(id, index, last_event, started);
            }
            Child::Execution(child_item) => {
                item = Some(Arc::new(child_item));
                (history_target, last_event) = (self.history.add_child(), 0);
                // A child execution does not see the variables of its parent.
                variables = ThreadVariables::default();
            }
        }
        let child = self.spawn(Thread {
            parent: Some(Parent { thread: id, index }),
            history_target,
            workflow: Arc::clone(workflow),
            last_event,
            variables,
            item,
            visit: StateVisit::new(state, input, self.now),
            phase: Phase::Entering,
        });
        if let Some(group) = self.child_group(id) {
            group.running.insert(index, child);
            group.next = index + 1;
        }
    }

    pub(super) fn record_iteration_aborted(&mut self, child: ThreadId, last_event: u64) {
        let Some(parent) = self.threads[&child].parent else { return };
        if self.is_inline_map(parent.thread) {
            self.record_iteration(
                parent.thread,
                parent.index,
                last_event,
                EventType::MapIterationAborted,
            );
        }
    }

    /// Records an event of an iteration of the thread's Map state.
    fn record_iteration(
        &mut self,
        id: ThreadId,
        index: usize,
        last_event: u64,
        event_type: EventType,
    ) -> u64 {
        let key = match event_type {
            EventType::MapIterationStarted => "mapIterationStartedEventDetails",
            EventType::MapIterationSucceeded => "mapIterationSucceededEventDetails",
            EventType::MapIterationFailed => "mapIterationFailedEventDetails",
            _ => "mapIterationAbortedEventDetails",
        };
        let thread = &self.threads[&id];
        let details = json!({ key: { "name": thread.visit.state.name, "index": index } });
        self.history.append(thread.history_target, self.now, last_event, event_type, details)
    }

    fn is_inline_map(&self, id: ThreadId) -> bool {
        match self.threads.get(&id).map(|thread| &thread.phase) {
            Some(Phase::RunningChildren(group)) => {
                matches!(group.kind, ChildGroupKind::Items { run_started: None, .. })
            }
            _ => false,
        }
    }

    /// Takes the output of a child that reached the end of its workflow.
    pub(super) fn child_succeeded(
        &mut self,
        child: ThreadId,
        parent: Parent,
        output: &Arc<Payload>,
    ) {
        let Some(child) = self.threads.remove(&child) else { return };
        let last_event = child.last_event;
        let inline_map = self.is_inline_map(parent.thread);
        let ended = inline_map.then(|| {
            self.record_iteration(
                parent.thread,
                parent.index,
                last_event,
                EventType::MapIterationSucceeded,
            )
        });
        let Some(thread) = self.threads.get_mut(&parent.thread) else { return };
        let Phase::RunningChildren(group) = &mut thread.phase else { return };
        group.running.remove(&parent.index);
        group.outputs[parent.index] = Some(output.value.clone());
        if thread.history_target == child.history_target {
            thread.last_event = last_event;
        }
        self.continue_after_iteration(parent.thread, ended);
    }

    /// After an iteration: starts the next one or completes the state.
    fn continue_after_iteration(&mut self, id: ThreadId, ended: Option<u64>) {
        match self.start_next_iterations(id) {
            Ok(()) => self.complete_if_children_ended(id, ended),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn start_next_iterations(&mut self, id: ThreadId) -> Result<(), Failure> {
        match self.threads.get(&id).map(|thread| &thread.visit.state.kind) {
            Some(StateType::Map(_)) => self.start_iterations(id),
            _ => Ok(()),
        }
    }

    /// Handles a failed iteration. The Map state fails too, unless it tolerates the failure.
    pub(super) fn iteration_failed(&mut self, child: ThreadId, failure: Failure, recorded: bool) {
        let Some(parent) = self.threads[&child].parent else { return };
        let id = parent.thread;
        let last_event = self.threads[&child].last_event;
        let inline = self.is_inline_map(id);
        let Some(decision) = self.child_group(id).and_then(ChildGroup::count_failure) else {
            return;
        };
        self.stop_subtree(child);
        if decision != ToleranceDecision::Tolerated {
            self.abort_siblings(child, last_event);
        }
        let ended = (inline && recorded).then(|| {
            self.record_iteration(id, parent.index, last_event, EventType::MapIterationFailed)
        });
        if inline {
            self.set_last_event(id, last_event);
        }
        match decision {
            ToleranceDecision::Tolerated => {
                self.remove_child(child, parent);
                self.continue_after_iteration(id, ended);
            }
            ToleranceDecision::NoTolerance => self.fail(id, failure),
            ToleranceDecision::ThresholdExceeded => {
                let failure = threshold_exceeded();
                if !inline {
                    let details = failure.details("mapRunFailedEventDetails");
                    self.record(id, EventType::MapRunFailed, details);
                }
                self.fail(id, failure);
            }
        }
    }

    fn remove_child(&mut self, child: ThreadId, parent: Parent) {
        self.remove_children(child);
        self.threads.remove(&child);
        if let Some(group) = self.child_group(parent.thread) {
            group.running.remove(&parent.index);
        }
    }

    /// Completes the state if all children have ended. `ended` is the event of the last child's
    /// end.
    pub(super) fn complete_if_children_ended(&mut self, id: ThreadId, ended: Option<u64>) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let Phase::RunningChildren(group) = &mut thread.phase else { return };
        if !group.running.is_empty() || group.next < group.outputs.len() {
            return;
        }
        let outputs = std::mem::take(&mut group.outputs);
        let distributed = matches!(group.kind, ChildGroupKind::Items { run_started: Some(_), .. });
        thread.last_event = ended.unwrap_or(thread.last_event);
        if distributed {
            self.record(id, EventType::MapRunSucceeded, history::no_details());
        }
        let state = Arc::clone(&self.threads[&id].visit.state);
        let before = self.threads[&id].last_event;
        let succeeded = self.record(id, succeeded(&state), history::no_details());
        self.set_last_event(id, before);
        // A tolerated failure has no output.
        let result = Value::Array(outputs.into_iter().flatten().collect());
        if let Err(failure) = self.complete(id, &result) {
            self.set_last_event(id, succeeded);
            self.fail(id, failure);
        }
    }
}

/// The relation of a new child thread to its parent state.
enum Child {
    /// A branch of a Parallel state.
    Branch,
    /// An iteration of an inline Map state.
    Iteration(Item),
    /// A child execution of a distributed Map state.
    Execution(Item),
}

/// How a Map state treats a failed iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ToleranceDecision {
    Tolerated,
    /// More failures than the Map state tolerates.
    ThresholdExceeded,
    /// The Map state has no tolerance fields and fails with the error of the iteration.
    NoTolerance,
}

impl ChildGroup {
    fn count_failure(&mut self) -> Option<ToleranceDecision> {
        let ChildGroupKind::Items { tolerance, .. } = &self.kind else { return None };
        self.failures += 1;
        Some(match tolerance {
            None => ToleranceDecision::NoTolerance,
            Some(tolerance) if self.failures <= tolerance.failures => ToleranceDecision::Tolerated,
            Some(_) => ToleranceDecision::ThresholdExceeded,
        })
    }
}

fn succeeded(state: &State) -> EventType {
    match state.kind {
        StateType::Map(_) => EventType::MapStateSucceeded,
        _ => EventType::ParallelStateSucceeded,
    }
}

fn threshold_exceeded() -> Failure {
    Failure::new(
        Some("States.ExceedToleratedFailureThreshold".to_owned()),
        Some("The specified tolerated failure threshold was exceeded".to_owned()),
    )
}
