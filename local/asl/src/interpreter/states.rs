//! The state types that need no children and no calls: Pass, Succeed, Choice, Wait and Fail.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::execution::{Execution, TimerAction};
use super::failure::Failure;
use super::payload::{display_value, seconds, timestamp};
use super::protocol::TimerKind;
use super::thread::{Phase, ThreadId};
use super::transition::StateResult;
use crate::definition::{Choice, StringOrPath, Transition, WaitTime};
use crate::input_output;
use crate::paths::Path;
use crate::scope::Scope;

/// AWS's cause for a Choice state in which no rule matches and that has no `Default`.
const NO_NEXT_STATE: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

/// When a Wait state ends.
enum Due {
    /// After this many milliseconds.
    After(u64),
    At(Timestamp),
}

impl Execution {
    pub(super) fn pass(&mut self, id: ThreadId, result: Option<&Value>) -> Result<(), Failure> {
        let input = self.effective_input(id)?;
        self.complete(id, result.unwrap_or(&input))
    }

    pub(super) fn succeed(&mut self, id: ThreadId) -> Result<(), Failure> {
        let input = self.selected_input(id)?;
        self.complete(id, &input)
    }

    pub(super) fn choice(
        &mut self,
        id: ThreadId,
        choices: &[Choice],
        default: Option<&String>,
    ) -> Result<(), Failure> {
        let input = self.selected_input(id)?;
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.visit.state);
        let evaluation = self.evaluation_context(thread);
        let scope = evaluation.scope(&input);
        let mut matched = None;
        for choice in choices {
            if choice.rule.matches(&scope).map_err(|error| self.evaluation_failure(id, &error))? {
                matched = Some(choice);
                break;
            }
        }
        let (assigned, next) = match (matched, default) {
            (Some(choice), _) => {
                (input_output::evaluate_assign(choice.assign.as_ref(), &scope), &choice.next)
            }
            (None, Some(default)) => (state.data_flow.assigned_variables(&scope), default),
            (None, None) => return Err(self.runtime_failure(id, NO_NEXT_STATE)),
        };
        let assigned = assigned.map_err(|error| self.evaluation_failure(id, &error))?;
        let output = state
            .data_flow
            .output_path
            .select(&scope)
            .map_err(|error| self.evaluation_failure(id, &error))?;
        self.leave(id, StateResult { output, assigned, next: Transition::Next(next.clone()) })
    }

    pub(super) fn wait(&mut self, id: ThreadId, wait_time: &WaitTime) -> Result<(), Failure> {
        let kind = TimerKind::Wait;
        let timer = match self.wait_due(id, wait_time)? {
            Due::After(ms) => self.set_timer(ms, kind, None, TimerAction::ResumeThread(id)),
            Due::At(due) => {
                self.set_timer_at(due.max(self.now), kind, None, TimerAction::ResumeThread(id))
            }
        };
        self.set_phase(id, Phase::Waiting(timer));
        Ok(())
    }

    fn wait_due(&self, id: ThreadId, wait_time: &WaitTime) -> Result<Due, Failure> {
        let (field, path) = match wait_time {
            WaitTime::Seconds(seconds) => return Ok(Due::After(seconds.saturating_mul(1000))),
            WaitTime::Timestamp(due) => return Ok(Due::At(*due)),
            WaitTime::SecondsPath(path) => ("SecondsPath", path),
            WaitTime::TimestampPath(path) => ("TimestampPath", path),
        };
        let input = self.selected_input(id)?;
        let evaluation = self.evaluation_context(&self.threads[&id]);
        let scope = evaluation.scope(&input);
        if matches!(wait_time, WaitTime::TimestampPath(_)) {
            return self.read_path_field(id, field, path, &scope, timestamp).map(Due::At);
        }
        let seconds = self.read_path_field(id, field, path, &scope, seconds)?;
        Ok(Due::After(seconds.saturating_mul(1000)))
    }

    /// Reads the value that a `…Path` field refers to. If it is missing or unsuitable, the
    /// failure's cause has AWS's wording.
    pub(super) fn read_path_field<T>(
        &self,
        id: ThreadId,
        field: &str,
        path: &Path,
        scope: &Scope<'_>,
        read: fn(&Value) -> Result<T, &'static str>,
    ) -> Result<T, Failure> {
        let text = path.as_str();
        let Ok(value) = path.read(scope) else {
            let cause = format!("The {field} parameter does not reference an input value: {text}");
            return Err(self.runtime_failure(id, &cause));
        };
        read(&value).map_err(|problem| {
            let cause =
                format!("The {field} parameter {problem}: {text} == {}", display_value(&value));
            self.runtime_failure(id, &cause)
        })
    }

    /// Resumes a thread after its Wait state or retry delay.
    pub(super) fn resume_thread(&mut self, id: ThreadId) {
        let outcome = match self.threads.get(&id).map(|thread| &thread.phase) {
            Some(Phase::Waiting(_)) => {
                self.selected_input(id).and_then(|input| self.complete(id, &input))
            }
            Some(Phase::RetryDelay(_)) => {
                self.set_phase(id, Phase::Starting);
                self.ready.push_back(id);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(failure) = outcome {
            self.fail(id, failure);
        }
    }

    pub(super) fn fail_state(
        &mut self,
        id: ThreadId,
        error: Option<&StringOrPath>,
        cause: Option<&StringOrPath>,
    ) -> Result<(), Failure> {
        let error = error.map(|field| self.string(id, "ErrorPath", field)).transpose()?;
        let cause = cause.map(|field| self.string(id, "CausePath", field)).transpose()?;
        Err(Failure::new(error, cause))
    }

    fn string(&self, id: ThreadId, name: &str, field: &StringOrPath) -> Result<String, Failure> {
        let path_or_call = match field {
            StringOrPath::String(text) => return Ok(text.clone()),
            StringOrPath::PathOrCall(path_or_call) => path_or_call,
        };
        let thread = &self.threads[&id];
        let evaluation = self.evaluation_context(thread);
        match path_or_call.evaluate_for(name, &evaluation.scope(&thread.visit.input.value)) {
            Ok(Value::String(text)) => Ok(text),
            Ok(other) => Err(self.runtime_failure(
                id,
                &format!(
                    "The {name} parameter does not reference a string: {} == {other}",
                    path_or_call.as_str()
                ),
            )),
            Err(error) => Err(self.evaluation_failure(id, &error)),
        }
    }
}
