//! Where errors go: to a retrier, to a catcher, to the state around, to the end.
//!
//! `States.Runtime` goes straight to the end: it can be neither retried nor
//! caught, and leaves no event of the states around it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::states::Done;
use super::thread::{Doing, ThreadId, Work};
use super::{Alarm, Execution, ExecutionStatus, TimerKind};
use crate::definition::{Catcher, Kind, Transition};
use crate::history::{self, EventType};
use crate::input_output;
use crate::retry::{self, ErrorName};
use crate::template::EvaluationError;

/// An error on its way.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
    heartbeat: bool,
}

const RUNTIME: &str = "States.Runtime";
const TIMEOUT: &str = "States.Timeout";

impl Failure {
    /// An error of the task's, the workflow's or the engine's own.
    pub(super) fn named(error: Option<String>, cause: Option<String>) -> Failure {
        Failure { error, cause, heartbeat: false }
    }

    pub(super) fn runtime(cause: String) -> Failure {
        Failure::named(Some(RUNTIME.to_owned()), Some(cause))
    }

    /// A missed heartbeat is recorded as a timeout too, but has one more name.
    pub(super) fn timeout(heartbeat: bool) -> Failure {
        Failure { heartbeat, ..Failure::named(Some(TIMEOUT.to_owned()), None) }
    }

    pub(super) fn too_large(what: &str) -> Failure {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Failure::named(Some("States.DataLimitExceeded".to_owned()), Some(cause))
    }

    fn is_fatal(&self) -> bool {
        self.error.as_deref() == Some(RUNTIME)
    }

    fn is_named_by(&self, error_equals: &[String]) -> bool {
        let name = ErrorName { name: self.error.as_deref(), heartbeat: self.heartbeat };
        retry::matches(error_equals, name)
    }

    /// What a catcher gets. A timeout has an empty cause, but an error that was
    /// sent without one has none.
    fn output(&self) -> Value {
        match (&self.error, &self.cause) {
            (Some(error), None) if error == TIMEOUT => json!({ "Error": error, "Cause": "" }),
            (error, cause) => json!({ "Error": error, "Cause": cause }),
        }
    }

    pub(super) fn details(&self, key: &str) -> Value {
        history::failure(key, self.error.as_deref(), self.cause.as_deref())
    }
}

impl Execution {
    /// A fault of the data, in the words of the state in which it came up.
    pub(super) fn fault(&self, id: ThreadId, fault: &EvaluationError) -> Failure {
        let cause = self.cause_in_state(id, &fault.to_string());
        Failure::named(Some(fault.error().to_owned()), Some(cause))
    }

    pub(super) fn runtime_failure(&self, id: ThreadId, what: &str) -> Failure {
        Failure::runtime(self.cause_in_state(id, what))
    }

    fn cause_in_state(&self, id: ThreadId, what: &str) -> String {
        let step = &self.threads[&id].step;
        format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {what}",
            step.state.name, step.entered_event
        )
    }

    /// The thread's state failed.
    pub(super) fn fail(&mut self, id: ThreadId, failure: Failure) {
        if !self.is_running() || !self.threads.contains_key(&id) {
            return;
        }
        if failure.is_fatal() {
            return self.fail_beyond_help(id, failure);
        }
        if let Some(pause_ms) = self.next_attempt(id, &failure) {
            self.drop_children(id);
            let alarm = Alarm::Wake(id);
            let timer = self.set_timer(pause_ms, TimerKind::RetryDelay, None, alarm);
            return self.set_doing(id, Doing::Pausing(timer));
        }
        self.cut_children(id);
        let state = Arc::clone(&self.threads[&id].step.state);
        if let Some(event_type) = failed(&state.kind) {
            self.record(id, event_type, history::none());
        }
        match state.catch.iter().find(|catcher| failure.is_named_by(&catcher.error_equals)) {
            Some(catcher) => self.catch(id, catcher, &failure),
            None => self.fail_outwards(id, failure),
        }
    }

    /// `States.Runtime`: nothing helps but a Map around that tolerates failures.
    fn fail_beyond_help(&mut self, id: ThreadId, failure: Failure) {
        match self.tolerant_iteration_around(id) {
            Some(iteration) => self.iteration_failed(iteration, failure, false),
            None => self.end_failed(self.threads[&id].last_event, &failure),
        }
    }

    fn tolerant_iteration_around(&self, id: ThreadId) -> Option<ThreadId> {
        let mut id = id;
        loop {
            let parent = self.threads[&id].parent?.thread;
            if let Doing::Forked(fan) = &self.threads[&parent].doing
                && let Work::Items { tolerance: Some(_), .. } = fan.work
            {
                return Some(id);
            }
            id = parent;
        }
    }

    /// The pause before the next attempt, where a retrier grants one.
    fn next_attempt(&mut self, id: ThreadId, failure: &Failure) -> Option<u64> {
        let thread = self.threads.get_mut(&id)?;
        let state = Arc::clone(&thread.step.state);
        let (index, retrier) = state
            .retry
            .iter()
            .enumerate()
            .find(|(_, retrier)| failure.is_named_by(&retrier.error_equals))?;
        let attempts = thread.step.attempts.get_mut(index)?;
        let pause_ms = retrier.next_pause_ms(attempts, &self.random_source)?;
        thread.step.retries += 1;
        Some(pause_ms)
    }

    fn catch(&mut self, id: ThreadId, catcher: &Catcher, failure: &Failure) {
        self.drop_children(id);
        let error = failure.output();
        let done = self.caught(id, catcher, &error);
        match done.and_then(|done| self.leave(id, done)) {
            Ok(()) => {}
            Err(failure) if failure.is_fatal() => self.fail_beyond_help(id, failure),
            // What fails in a catcher is past catching in the same state.
            Err(failure) => self.fail_outwards(id, failure),
        }
    }

    fn caught(&self, id: ThreadId, catcher: &Catcher, error: &Value) -> Result<Done, Failure> {
        let thread = &self.threads[&id];
        let view = self.view(thread);
        let fault = |fault| self.fault(id, &fault);
        let assigned =
            input_output::assigned(catcher.assign.as_ref(), &view.scope(error)).map_err(fault)?;
        let input = &thread.step.input.value;
        let output = catcher.result_path.put(input, error.clone()).map_err(fault)?;
        Ok(Done { output, assigned, next: Transition::Next(catcher.next.clone()) })
    }

    /// Nothing in the state helps: the state around it fails, or the execution.
    pub(super) fn fail_outwards(&mut self, id: ThreadId, failure: Failure) {
        let thread = &self.threads[&id];
        let Some(parent) = thread.parent else {
            return self.end_failed(thread.last_event, &failure);
        };
        let is_branch = match &self.threads[&parent.thread].doing {
            Doing::Forked(fan) => matches!(fan.work, Work::Branches),
            _ => return,
        };
        if !is_branch {
            return self.iteration_failed(id, failure, true);
        }
        let last = self.threads[&id].last_event;
        if matches!(self.threads[&id].step.state.kind, Kind::Task(_)) {
            self.record_aborted(id, last);
        }
        self.halt(id);
        self.cut_siblings(id, last);
        self.set_last_event(parent.thread, last);
        self.fail(parent.thread, failure);
    }

    pub(super) fn set_last_event(&mut self, id: ThreadId, event: u64) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.last_event = event;
        }
    }

    /// Stops the other children of this child's parent, in their order.
    pub(super) fn cut_siblings(&mut self, child: ThreadId, last: u64) {
        let Some(parent) = self.threads[&child].parent else { return };
        for sibling in self.children_of(parent.thread) {
            if sibling != child {
                self.cut(sibling, last);
            }
        }
        if let Some(fan) = self.fan_of(parent.thread) {
            fan.cut = true;
        }
    }

    /// Stops the children of a state that fails by itself while they run.
    fn cut_children(&mut self, id: ThreadId) {
        if self.fan_of(id).is_none_or(|fan| fan.cut) {
            return;
        }
        let last = self.threads[&id].last_event;
        for child in self.children_of(id) {
            self.cut(child, last);
        }
    }

    /// Stops a thread and its children, and writes down what was stopped.
    fn cut(&mut self, id: ThreadId, last: u64) {
        self.record_iteration_aborted(id, last);
        self.record_aborted(id, last);
        for child in self.children_of(id) {
            self.cut(child, last);
        }
        self.halt(id);
    }

    fn record_aborted(&mut self, id: ThreadId, last: u64) {
        let thread = &self.threads[&id];
        let was_entered = !matches!(thread.doing, Doing::Entering | Doing::Stopped);
        if let (true, Some(event_type)) = (was_entered, aborted(&thread.step.state.kind)) {
            self.journal.append(thread.log, self.now, last, event_type, history::none());
        }
    }

    pub(super) fn children_of(&self, id: ThreadId) -> Vec<ThreadId> {
        match self.threads.get(&id).map(|thread| &thread.doing) {
            Some(Doing::Forked(fan)) => fan.children.values().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Stops everything below a thread without a word.
    pub(super) fn stop_below(&mut self, id: ThreadId) {
        for child in self.children_of(id) {
            self.stop_below(child);
        }
        self.halt(id);
    }

    /// Takes a thread's task and timer away. It stays where it is, for a redrive.
    fn halt(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        if let Doing::Forked(fan) = &thread.doing
            && !fan.children.is_empty()
        {
            return;
        }
        match std::mem::replace(&mut thread.doing, Doing::Stopped) {
            Doing::Calling(task) => {
                self.abandon(task);
            }
            Doing::Waiting(timer) | Doing::Pausing(timer) => self.cancel_timer(timer),
            Doing::Entering | Doing::Beginning | Doing::Forked(_) | Doing::Stopped => {}
        }
    }

    /// Forgets the children of a state that is tried again or left.
    pub(super) fn drop_children(&mut self, id: ThreadId) {
        for child in self.children_of(id) {
            self.drop_children(child);
            self.halt(child);
            self.threads.remove(&child);
        }
        self.set_doing(id, Doing::Stopped);
    }

    pub(super) fn stop(&mut self, error: Option<String>, cause: Option<String>) {
        let failure = Failure::named(error, cause);
        let details = failure.details("executionAbortedEventDetails");
        self.close(0, EventType::ExecutionAborted, details);
        self.status = ExecutionStatus::Aborted { error: failure.error, cause: failure.cause };
    }

    pub(super) fn end_timed_out(&mut self) {
        let details = Failure::timeout(false).details("executionTimedOutEventDetails");
        self.close(0, EventType::ExecutionTimedOut, details);
        self.status = ExecutionStatus::TimedOut;
    }

    pub(super) fn end_failed(&mut self, last_event: u64, failure: &Failure) {
        let details = failure.details("executionFailedEventDetails");
        self.close(last_event, EventType::ExecutionFailed, details);
        self.status =
            ExecutionStatus::Failed { error: failure.error.clone(), cause: failure.cause.clone() };
    }

    /// Writes the last event and takes everything back that is under way.
    pub(super) fn close(&mut self, last_event: u64, event_type: EventType, details: Value) {
        self.journal.close(self.now, last_event, event_type, details);
        self.ready.clear();
        let threads: Vec<ThreadId> = self.threads.keys().copied().collect();
        for id in threads {
            self.halt(id);
        }
        let timers: Vec<_> = self.timers.keys().copied().collect();
        for timer in timers {
            self.cancel_timer(timer);
        }
    }
}

/// The event that a state leaves when it has failed, where there is one.
fn failed(kind: &Kind) -> Option<EventType> {
    match kind {
        Kind::Parallel { .. } => Some(EventType::ParallelStateFailed),
        Kind::Map(_) => Some(EventType::MapStateFailed),
        _ => None,
    }
}

/// The event that a state leaves when it is stopped in the middle, where there is one.
fn aborted(kind: &Kind) -> Option<EventType> {
    match kind {
        Kind::Task(_) => Some(EventType::TaskStateAborted),
        Kind::Wait(_) => Some(EventType::WaitStateAborted),
        Kind::Parallel { .. } => Some(EventType::ParallelStateAborted),
        Kind::Map(_) => Some(EventType::MapStateAborted),
        _ => None,
    }
}
