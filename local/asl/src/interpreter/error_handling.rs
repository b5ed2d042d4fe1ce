//! Routes errors: to a retrier, a catcher, the enclosing state, or the end of the execution.
//!
//! `States.Runtime` can be neither retried nor caught. It ends the execution without events of the
//! enclosing states, unless an enclosing Map state tolerates failures.

use std::sync::Arc;

use serde_json::Value;

use super::execution::{Execution, TimerAction};
use super::failure::Failure;
use super::protocol::TimerKind;
use super::thread::{ChildGroupKind, Phase, ThreadId};
use super::transition::StateResult;
use crate::definition::{Catcher, StateType, Transition};
use crate::history::{self, EventType};
use crate::input_output;
use crate::template::EvaluationError;

impl Execution {
    /// The failure for an evaluation error in the thread's state.
    pub(super) fn evaluation_failure(&self, id: ThreadId, error: &EvaluationError) -> Failure {
        let cause = self.cause_in_state(id, &error.to_string());
        Failure::new(Some(error.error().to_owned()), Some(cause))
    }

    pub(super) fn runtime_failure(&self, id: ThreadId, problem: &str) -> Failure {
        Failure::runtime(self.cause_in_state(id, problem))
    }

    fn cause_in_state(&self, id: ThreadId, problem: &str) -> String {
        let visit = &self.threads[&id].visit;
        format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {problem}",
            visit.state.name, visit.entered_event
        )
    }

    /// Fails the thread's state: retries, catches or propagates the error.
    pub(super) fn fail(&mut self, id: ThreadId, failure: Failure) {
        if !self.is_running() || !self.threads.contains_key(&id) {
            return;
        }
        if failure.is_uncatchable() {
            return self.fail_uncatchable(id, failure);
        }
        if let Some(delay_ms) = self.next_retry_delay(id, &failure) {
            self.remove_children(id);
            let action = TimerAction::ResumeThread(id);
            let timer = self.set_timer(delay_ms, TimerKind::RetryDelay, None, action);
            return self.set_phase(id, Phase::RetryDelay(timer));
        }
        self.abort_children(id);
        let state = Arc::clone(&self.threads[&id].visit.state);
        if let Some(event_type) = failed_event(&state.kind) {
            self.record(id, event_type, history::no_details());
        }
        match state.catch.iter().find(|catcher| failure.matches(&catcher.error_equals)) {
            Some(catcher) => self.catch(id, catcher, &failure),
            None => self.propagate_failure(id, failure),
        }
    }

    /// Fails with `States.Runtime`, which only a Map state that tolerates failures can absorb.
    fn fail_uncatchable(&mut self, id: ThreadId, failure: Failure) {
        match self.enclosing_tolerant_iteration(id) {
            Some(iteration) => self.iteration_failed(iteration, failure, false),
            None => self.end_failed(self.threads[&id].last_event, &failure),
        }
    }

    fn enclosing_tolerant_iteration(&self, id: ThreadId) -> Option<ThreadId> {
        let mut id = id;
        loop {
            let parent = self.threads[&id].parent?.thread;
            if let Phase::RunningChildren(group) = &self.threads[&parent].phase
                && let ChildGroupKind::Items { tolerance: Some(_), .. } = group.kind
            {
                return Some(id);
            }
            id = parent;
        }
    }

    /// The delay in milliseconds before the next attempt, if a retrier allows one.
    fn next_retry_delay(&mut self, id: ThreadId, failure: &Failure) -> Option<u64> {
        let thread = self.threads.get_mut(&id)?;
        let state = Arc::clone(&thread.visit.state);
        let (index, retrier) = state
            .retry
            .iter()
            .enumerate()
            .find(|(_, retrier)| failure.matches(&retrier.error_equals))?;
        let retry_state = thread.visit.retry_states.get_mut(index)?;
        let delay_ms = retrier.next_delay_ms(retry_state, &self.random_source)?;
        thread.visit.retries += 1;
        Some(delay_ms)
    }

    fn catch(&mut self, id: ThreadId, catcher: &Catcher, failure: &Failure) {
        self.remove_children(id);
        let error = failure.output();
        let result = self.catch_result(id, catcher, &error);
        match result.and_then(|result| self.leave(id, result)) {
            Ok(()) => {}
            Err(failure) if failure.is_uncatchable() => self.fail_uncatchable(id, failure),
            // A state's catchers do not catch errors that the catchers raise.
            Err(failure) => self.propagate_failure(id, failure),
        }
    }

    fn catch_result(
        &self,
        id: ThreadId,
        catcher: &Catcher,
        error: &Value,
    ) -> Result<StateResult, Failure> {
        let thread = &self.threads[&id];
        let evaluation = self.evaluation_context(thread);
        let to_failure = |error| self.evaluation_failure(id, &error);
        let assigned =
            input_output::evaluate_assign(catcher.assign.as_ref(), &evaluation.scope(error))
                .map_err(to_failure)?;
        let input = &thread.visit.input.value;
        let output = catcher.result_path.apply(input, error.clone()).map_err(to_failure)?;
        Ok(StateResult { output, assigned, next: Transition::Next(catcher.next.clone()) })
    }

    /// Fails the enclosing state, or the execution if there is none.
    pub(super) fn propagate_failure(&mut self, id: ThreadId, failure: Failure) {
        let thread = &self.threads[&id];
        let Some(parent) = thread.parent else {
            return self.end_failed(thread.last_event, &failure);
        };
        let is_branch = match &self.threads[&parent.thread].phase {
            Phase::RunningChildren(group) => matches!(group.kind, ChildGroupKind::Branches),
            _ => return,
        };
        if !is_branch {
            return self.iteration_failed(id, failure, true);
        }
        let last_event = self.threads[&id].last_event;
        if matches!(self.threads[&id].visit.state.kind, StateType::Task(_)) {
            self.record_aborted(id, last_event);
        }
        self.stop_thread(id);
        self.abort_siblings(id, last_event);
        self.set_last_event(parent.thread, last_event);
        self.fail(parent.thread, failure);
    }
}

/// The event recorded for a failed state, if AWS has one.
fn failed_event(state_type: &StateType) -> Option<EventType> {
    match state_type {
        StateType::Parallel { .. } => Some(EventType::ParallelStateFailed),
        StateType::Map(_) => Some(EventType::MapStateFailed),
        _ => None,
    }
}
