//! Parallel and Map states: their children, and what becomes of their outputs.
//!
//! Where the ids of AWS's events are peculiar, this follows the recordings: the
//! events that end an iteration and a state (`MapIterationSucceeded`,
//! `ParallelStateSucceeded`, …) lead to nothing, what comes next follows from the
//! event before them; but what follows a Map follows from its last iteration's end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Execution;
use super::error_handling::Failure;
use super::states::plain;
use super::thread::{
    Data, Doing, Fan, Item, Memory, Parent, Step, Thread, ThreadId, Tolerance, Work,
};
use crate::decimal::Decimal;
use crate::definition::{Kind, Map, Mode, Percentage, Seconds, State, Workflow};
use crate::history::{self, EventType};

impl Execution {
    /// Begins the branches of a Parallel state.
    pub(super) fn fork(&mut self, id: ThreadId, branches: &[Arc<Workflow>]) -> Result<(), Failure> {
        let input = Arc::new(self.data(id, self.payload(id)?)?);
        self.record(id, EventType::ParallelStateStarted, history::none());
        self.set_doing(id, Doing::Forked(fan(Work::Branches, branches.len(), branches.len())));
        for (slot, branch) in branches.iter().enumerate() {
            self.begin_child(id, slot, branch, Arc::clone(&input), Child::Branch);
        }
        self.continue_fan(id, None);
        Ok(())
    }

    /// Begins the iterations of a Map state.
    pub(super) fn map(&mut self, id: ThreadId, map: &Map) -> Result<(), Failure> {
        let input = self.effective_input(id)?;
        let items = self.items(id, map, &input)?;
        let concurrency = self.concurrency(id, map, &input)?;
        let details = json!({ "mapStateStartedEventDetails": { "length": items.len() } });
        self.record(id, EventType::MapStateStarted, details);
        let tolerance = self.tolerance(id, map, &input, items.len())?;
        let run_started = match map.mode {
            Mode::Inline => None,
            Mode::Distributed => Some(self.begin_map_run(id, map)),
        };
        let slots = items.len();
        let work = Work::Items { items, input, tolerance, run_started };
        self.set_doing(id, Doing::Forked(fan(work, slots, concurrency)));
        self.begin_iterations(id)?;
        self.continue_fan(id, None);
        Ok(())
    }

    fn items(&self, id: ThreadId, map: &Map, input: &Value) -> Result<Vec<Value>, Failure> {
        let view = self.view(&self.threads[&id]);
        let (items, path) = match &map.items {
            None => (input.clone(), "$"),
            Some(path) => match path.read(&view.scope(input)) {
                Ok(items) => (items, path.as_str()),
                Err(fault) => return Err(self.fault(id, &fault.into())),
            },
        };
        let Value::Array(items) = items else {
            let cause = format!("Reference path \"{path}\" must point to array.");
            return Err(self.runtime_failure(id, &cause));
        };
        Ok(items)
    }

    /// How many iterations may be under way at once.
    fn concurrency(&self, id: ThreadId, map: &Map, input: &Value) -> Result<usize, Failure> {
        let most = self.whole_number(id, "MaxConcurrency", map.concurrency.as_ref(), input)?;
        Ok(match most {
            None | Some(0) => usize::MAX,
            Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
        })
    }

    /// A number of the definition or of the data; text that is a number counts as one.
    fn whole_number(
        &self,
        id: ThreadId,
        field: &str,
        number: Option<&Seconds>,
        input: &Value,
    ) -> Result<Option<u64>, Failure> {
        let path = match number {
            None => return Ok(None),
            Some(Seconds::Fixed(number)) => return Ok(Some(*number)),
            Some(Seconds::At(path)) => path,
        };
        let view = self.view(&self.threads[&id]);
        let read = path.read(&view.scope(input));
        let value = read.map_err(|fault| self.fault(id, &fault.into()))?;
        let text = plain(&value);
        match text.parse::<i64>().map(u64::try_from) {
            Ok(Ok(number)) => Ok(Some(number)),
            Ok(Err(_)) => Err(self.runtime_failure(id, &format!("{field} cannot be negative."))),
            Err(_) => {
                let cause = format!(
                    "The {field}Path field refers to value \"{text}\" which is not a valid integer: {}",
                    path.as_str()
                );
                Err(self.runtime_failure(id, &cause))
            }
        }
    }

    /// How many iterations may fail. An inline Map that says nothing fails with the
    /// first, under that one's own error.
    fn tolerance(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
        slots: usize,
    ) -> Result<Option<Tolerance>, Failure> {
        let count =
            self.whole_number(id, "ToleratedFailureCount", map.tolerated_count.as_ref(), input)?;
        let share = self.percentage(id, map, input)?;
        if count.is_none() && share.is_none() && map.mode == Mode::Inline {
            return Ok(None);
        }
        let by_count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let by_share = share.map(|share| share.percent_of(slots));
        let failures = match (by_count, by_share) {
            (Some(count), Some(share)) => count.min(share),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0,
        };
        Ok(Some(Tolerance { failures }))
    }

    fn percentage(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
    ) -> Result<Option<Decimal>, Failure> {
        let (text, path) = match &map.tolerated_percentage {
            None => return Ok(None),
            Some(Percentage::Fixed(number)) => (number.to_string(), ""),
            Some(Percentage::At(path)) => {
                let view = self.view(&self.threads[&id]);
                let read = path.read(&view.scope(input));
                (plain(&read.map_err(|fault| self.fault(id, &fault.into()))?), path.as_str())
            }
        };
        let unsigned = Decimal::parse(text.strip_prefix('-').unwrap_or(&text));
        match unsigned {
            Some(share) if !text.starts_with('-') && share <= Decimal::HUNDRED => Ok(Some(share)),
            Some(_) => {
                Err(self
                    .runtime_failure(id, "ToleratedFailurePercentage must be between 0 and 100."))
            }
            None => {
                let cause = format!(
                    "The ToleratedFailurePercentagePath field refers to value \"{text}\" which is not a valid float: {path}"
                );
                Err(self.runtime_failure(id, &cause))
            }
        }
    }

    fn begin_map_run(&mut self, id: ThreadId, map: &Map) -> u64 {
        let machine = self.start.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        let label = map.label.clone().unwrap_or_else(|| self.random_source.next_uuid().to_string());
        let run = self.random_source.next_uuid();
        let details = json!({ "mapRunStartedEventDetails": {
            "mapRunArn": format!("{machine}/{label}:{run}"),
        }});
        self.record(id, EventType::MapRunStarted, details)
    }

    /// Begins as many iterations as may be under way.
    fn begin_iterations(&mut self, id: ThreadId) -> Result<(), Failure> {
        while self.is_running() && !self.journal.is_full() {
            let Some(Doing::Forked(fan)) = self.threads.get(&id).map(|thread| &thread.doing) else {
                return Ok(());
            };
            let slots = fan.outputs.len();
            if fan.next >= slots || fan.children.len() >= fan.concurrency {
                return Ok(());
            }
            self.begin_iteration(id, fan.next)?;
        }
        Ok(())
    }

    fn begin_iteration(&mut self, id: ThreadId, slot: usize) -> Result<(), Failure> {
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.step.state);
        let (Kind::Map(map), Doing::Forked(fan)) = (&state.kind, &thread.doing) else {
            return Ok(());
        };
        let Work::Items { items, input, run_started, .. } = &fan.work else { return Ok(()) };
        let item = Item { index: slot, value: items[slot].clone() };
        let selected = match &map.selector {
            None => item.value.clone(),
            Some(selector) => {
                let view = self.view(thread).with_item(&item);
                selector.evaluate(&view.scope(input)).map_err(|fault| self.fault(id, &fault))?
            }
        };
        let child = match run_started {
            None => Child::Iteration(item),
            Some(_) => Child::Execution(item),
        };
        let selected = Arc::new(self.data(id, selected)?);
        self.begin_child(id, slot, &map.processor, selected, child);
        Ok(())
    }

    fn begin_child(
        &mut self,
        id: ThreadId,
        slot: usize,
        workflow: &Arc<Workflow>,
        input: Arc<Data>,
        child: Child,
    ) {
        let Some(state) = workflow.states.get(&workflow.start_at).cloned() else { return };
        let parent = &self.threads[&id];
        let (mut log, mut memory) = (parent.log, parent.memory.clone());
        let (mut item, mut last_event) = (parent.item.clone(), parent.last_event);
        match child {
            Child::Branch => {}
            Child::Iteration(of) => {
                item = Some(Arc::new(of));
                let started = EventType::MapIterationStarted;
                last_event = self.record_iteration(id, slot, last_event, started);
            }
            Child::Execution(of) => {
                item = Some(Arc::new(of));
                (log, last_event) = (self.journal.open_child(), 0);
                // It sees nothing of its parent's variables.
                memory = Memory::default();
            }
        }
        let child = self.spawn(Thread {
            parent: Some(Parent { thread: id, slot }),
            log,
            workflow: Arc::clone(workflow),
            last_event,
            memory,
            item,
            step: Step::into_state(state, input, self.now),
            doing: Doing::Entering,
        });
        if let Some(fan) = self.fan_of(id) {
            fan.children.insert(slot, child);
            fan.next = slot + 1;
        }
    }

    /// The children of the state in which the thread is.
    pub(super) fn fan_of(&mut self, id: ThreadId) -> Option<&mut Fan> {
        match self.threads.get_mut(&id).map(|thread| &mut thread.doing) {
            Some(Doing::Forked(fan)) => Some(fan),
            _ => None,
        }
    }

    pub(super) fn record_iteration_aborted(&mut self, child: ThreadId, last: u64) {
        let Some(parent) = self.threads[&child].parent else { return };
        if self.is_inline_map(parent.thread) {
            self.record_iteration(parent.thread, parent.slot, last, EventType::MapIterationAborted);
        }
    }

    /// Writes down what happened to an iteration of the Map state in which the thread is.
    fn record_iteration(
        &mut self,
        id: ThreadId,
        slot: usize,
        last: u64,
        event_type: EventType,
    ) -> u64 {
        let key = match event_type {
            EventType::MapIterationStarted => "mapIterationStartedEventDetails",
            EventType::MapIterationSucceeded => "mapIterationSucceededEventDetails",
            EventType::MapIterationFailed => "mapIterationFailedEventDetails",
            _ => "mapIterationAbortedEventDetails",
        };
        let thread = &self.threads[&id];
        let details = json!({ key: { "name": thread.step.state.name, "index": slot } });
        self.journal.append(thread.log, self.now, last, event_type, details)
    }

    fn is_inline_map(&self, id: ThreadId) -> bool {
        match self.threads.get(&id).map(|thread| &thread.doing) {
            Some(Doing::Forked(fan)) => {
                matches!(fan.work, Work::Items { run_started: None, .. })
            }
            _ => false,
        }
    }

    /// A child has come to the end of its workflow.
    pub(super) fn child_done(&mut self, child: ThreadId, parent: Parent, output: &Arc<Data>) {
        let Some(child) = self.threads.remove(&child) else { return };
        let last = child.last_event;
        let inline_map = self.is_inline_map(parent.thread);
        let ended = inline_map.then(|| {
            self.record_iteration(
                parent.thread,
                parent.slot,
                last,
                EventType::MapIterationSucceeded,
            )
        });
        let Some(thread) = self.threads.get_mut(&parent.thread) else { return };
        let Doing::Forked(fan) = &mut thread.doing else { return };
        fan.children.remove(&parent.slot);
        fan.outputs[parent.slot] = Some(output.value.clone());
        if thread.log == child.log {
            thread.last_event = last;
        }
        self.go_on(parent.thread, ended);
    }

    /// After an iteration: the next one, or the end of the state.
    fn go_on(&mut self, id: ThreadId, ended: Option<u64>) {
        match self.begin_iterations_of_map(id) {
            Ok(()) => self.continue_fan(id, ended),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn begin_iterations_of_map(&mut self, id: ThreadId) -> Result<(), Failure> {
        match self.threads.get(&id).map(|thread| &thread.step.state.kind) {
            Some(Kind::Map(_)) => self.begin_iterations(id),
            _ => Ok(()),
        }
    }

    /// An iteration failed; the Map state fails too, unless it tolerates this one.
    pub(super) fn iteration_failed(&mut self, child: ThreadId, failure: Failure, recorded: bool) {
        let Some(parent) = self.threads[&child].parent else { return };
        let id = parent.thread;
        let last = self.threads[&child].last_event;
        let inline = self.is_inline_map(id);
        let Some(verdict) = self.fan_of(id).and_then(Fan::judge_failure) else { return };
        self.stop_below(child);
        if verdict != Verdict::Tolerated {
            self.cut_siblings(child, last);
        }
        let ended = (inline && recorded)
            .then(|| self.record_iteration(id, parent.slot, last, EventType::MapIterationFailed));
        if inline {
            self.set_last_event(id, last);
        }
        match verdict {
            Verdict::Tolerated => {
                self.forget_child(child, parent);
                self.go_on(id, ended);
            }
            Verdict::Intolerable => self.fail(id, failure),
            Verdict::Exceeded => {
                let failure = exceeded_tolerance();
                if !inline {
                    let details = failure.details("mapRunFailedEventDetails");
                    self.record(id, EventType::MapRunFailed, details);
                }
                self.fail(id, failure);
            }
        }
    }

    fn forget_child(&mut self, child: ThreadId, parent: Parent) {
        self.drop_children(child);
        self.threads.remove(&child);
        if let Some(fan) = self.fan_of(parent.thread) {
            fan.children.remove(&parent.slot);
        }
    }

    /// Ends the state if all its children are done. `ended` is the event of the last one's end.
    pub(super) fn continue_fan(&mut self, id: ThreadId, ended: Option<u64>) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let Doing::Forked(fan) = &mut thread.doing else { return };
        if !fan.children.is_empty() || fan.next < fan.outputs.len() {
            return;
        }
        let outputs = std::mem::take(&mut fan.outputs);
        let distributed = matches!(fan.work, Work::Items { run_started: Some(_), .. });
        thread.last_event = ended.unwrap_or(thread.last_event);
        if distributed {
            self.record(id, EventType::MapRunSucceeded, history::none());
        }
        let state = Arc::clone(&self.threads[&id].step.state);
        let before = self.threads[&id].last_event;
        let succeeded = self.record(id, succeeded(&state), history::none());
        self.set_last_event(id, before);
        // An iteration that failed and was tolerated leaves no output.
        let result = Value::Array(outputs.into_iter().flatten().collect());
        if let Err(failure) = self.complete(id, &result) {
            self.set_last_event(id, succeeded);
            self.fail(id, failure);
        }
    }
}

/// What a thread is to the state that began it.
enum Child {
    /// A branch of a Parallel state.
    Branch,
    /// An iteration of a Map state.
    Iteration(Item),
    /// An execution of its own, of a distributed Map.
    Execution(Item),
}

/// What a Map state makes of an iteration that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Tolerated,
    /// One too many.
    Exceeded,
    /// It says nothing of tolerance: the state fails with the iteration's own error.
    Intolerable,
}

impl Fan {
    fn judge_failure(&mut self) -> Option<Verdict> {
        let Work::Items { tolerance, .. } = &self.work else { return None };
        self.failures += 1;
        Some(match tolerance {
            None => Verdict::Intolerable,
            Some(tolerance) if self.failures <= tolerance.failures => Verdict::Tolerated,
            Some(_) => Verdict::Exceeded,
        })
    }
}

fn fan(work: Work, slots: usize, concurrency: usize) -> Fan {
    let outputs = vec![None; slots];
    Fan { work, children: BTreeMap::new(), outputs, next: 0, concurrency, failures: 0, cut: false }
}

fn succeeded(state: &State) -> EventType {
    match state.kind {
        Kind::Map(_) => EventType::MapStateSucceeded,
        _ => EventType::ParallelStateSucceeded,
    }
}

fn exceeded_tolerance() -> Failure {
    Failure::named(
        Some("States.ExceedToleratedFailureThreshold".to_owned()),
        Some("The specified tolerated failure threshold was exceeded".to_owned()),
    )
}
