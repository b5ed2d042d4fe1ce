//! Entering and leaving a state, and the states that need nothing but data.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error_handling::Failure;
use super::thread::{
    Assigned, DEEPEST_PAYLOAD, Data, Doing, LARGEST_PAYLOAD, Step, ThreadId, TooMuch,
    is_deeper_than,
};
use super::{Alarm, Execution, ExecutionStatus, TimerKind};
use crate::definition::{Choice, Kind, Pause, Text, Transition};
use crate::history::EventType;
use crate::input_output;
use crate::paths::Path;
use crate::scope::{Scope, Variables};

/// What a state gives when it is done.
pub(super) struct Done {
    pub(super) output: Value,
    pub(super) assigned: Option<Variables>,
    pub(super) next: Transition,
}

impl Execution {
    /// Writes down that the thread enters its state.
    pub(super) fn enter(&mut self, id: ThreadId) {
        let now = self.now;
        let Some(thread) = self.threads.get_mut(&id) else { return };
        thread.step.entered_at = now;
        let (state, input) = (Arc::clone(&thread.step.state), Arc::clone(&thread.step.input));
        let details = json!({ "stateEnteredEventDetails": {
            "name": state.name,
            "input": input.text,
            "inputDetails": { "truncated": false },
        }});
        let event = self.record(id, entered(&state.kind), details);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.step.entered_event = event;
        }
    }

    /// Leaves the state for the next one, or for the end of the thread's workflow.
    pub(super) fn leave(&mut self, id: ThreadId, done: Done) -> Result<(), Failure> {
        let output = Arc::new(self.data(id, done.output)?);
        let assigned = done.assigned.map(|values| self.assigned(id, values)).transpose()?;
        let Some(thread) = self.threads.get_mut(&id) else { return Ok(()) };
        let state = Arc::clone(&thread.step.state);
        if let Some(assigned) = &assigned {
            thread.memory.assign(assigned).map_err(|TooMuch| Failure::too_large(&state.name))?;
        }
        let details = exit_details(&state.name, &output, assigned.as_ref());
        self.record(id, exited(&state.kind), details);
        let Transition::Next(name) = done.next else {
            self.finish(id, &output);
            return Ok(());
        };
        let now = self.now;
        let Some(thread) = self.threads.get_mut(&id) else { return Ok(()) };
        let Some(state) = thread.workflow.states.get(&name).cloned() else {
            return Err(self.runtime_failure(id, &format!("There is no state '{name}'.")));
        };
        thread.step = Step::into_state(state, output, now);
        thread.doing = Doing::Entering;
        // To the front: a thread goes on until it must wait.
        self.ready.push_front(id);
        Ok(())
    }

    /// A value within AWS's limits.
    pub(super) fn data(&self, id: ThreadId, value: Value) -> Result<Data, Failure> {
        let text = self.text_within_limits(id, &value)?;
        Ok(Data { value, text })
    }

    fn assigned(&self, id: ThreadId, values: Variables) -> Result<Assigned, Failure> {
        let texts = values.values().map(|value| self.text_within_limits(id, value));
        Ok(Assigned { texts: texts.collect::<Result<_, _>>()?, values })
    }

    fn text_within_limits(&self, id: ThreadId, value: &Value) -> Result<String, Failure> {
        if is_deeper_than(value, DEEPEST_PAYLOAD) {
            let cause = format!("The data is nested deeper than {DEEPEST_PAYLOAD} levels.");
            return Err(self.runtime_failure(id, &cause));
        }
        let text = value.to_string();
        if text.len() > LARGEST_PAYLOAD {
            return Err(Failure::too_large(&self.threads[&id].step.state.name));
        }
        Ok(text)
    }

    /// The thread's workflow is done.
    fn finish(&mut self, id: ThreadId, output: &Arc<Data>) {
        match self.threads[&id].parent {
            Some(parent) => self.child_done(id, parent, output),
            None => self.end_succeeded(id, output),
        }
    }

    /// From the work's result to the next state, through the data fields after it.
    pub(super) fn complete(&mut self, id: ThreadId, result: &Value) -> Result<(), Failure> {
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.step.state);
        let input = Arc::clone(&thread.step.input);
        let view = self.view(thread);
        let scope = view.scope(result);
        let assigned = state.flow.assigned(&scope).map_err(|fault| self.fault(id, &fault))?;
        let output =
            state.flow.deliver(&input.value, &scope).map_err(|fault| self.fault(id, &fault))?;
        self.leave(id, Done { output, assigned, next: state.next.clone() })
    }

    /// The input as the state's work sees it: `InputPath`, then `Parameters`.
    pub(super) fn payload(&self, id: ThreadId) -> Result<Value, Failure> {
        let thread = &self.threads[&id];
        let view = self.view(thread);
        let flow = &thread.step.state.flow;
        let effective = flow.input.of(&view.scope(&thread.step.input.value));
        effective
            .and_then(|effective| flow.payload(&view.scope(&effective)))
            .map_err(|fault| self.fault(id, &fault))
    }

    /// The input as `InputPath` leaves it.
    pub(super) fn effective_input(&self, id: ThreadId) -> Result<Value, Failure> {
        let thread = &self.threads[&id];
        let view = self.view(thread);
        let scope = view.scope(&thread.step.input.value);
        thread.step.state.flow.input.of(&scope).map_err(|fault| self.fault(id, &fault))
    }

    pub(super) fn pass(&mut self, id: ThreadId, result: Option<&Value>) -> Result<(), Failure> {
        let payload = self.payload(id)?;
        self.complete(id, result.unwrap_or(&payload))
    }

    pub(super) fn succeed(&mut self, id: ThreadId) -> Result<(), Failure> {
        let input = self.effective_input(id)?;
        self.complete(id, &input)
    }

    pub(super) fn choose(
        &mut self,
        id: ThreadId,
        choices: &[Choice],
        default: Option<&String>,
    ) -> Result<(), Failure> {
        let input = self.effective_input(id)?;
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.step.state);
        let view = self.view(thread);
        let scope = view.scope(&input);
        let mut taken = None;
        for choice in choices {
            if choice.rule.matches(&scope).map_err(|fault| self.fault(id, &fault))? {
                taken = Some(choice);
                break;
            }
        }
        let (assigned, next) = match (taken, default) {
            (Some(choice), _) => {
                (input_output::assigned(choice.assign.as_ref(), &scope), &choice.next)
            }
            (None, Some(default)) => (state.flow.assigned(&scope), default),
            (None, None) => return Err(self.runtime_failure(id, NOWHERE_TO_GO)),
        };
        let assigned = assigned.map_err(|fault| self.fault(id, &fault))?;
        let output = state.flow.output.of(&scope).map_err(|fault| self.fault(id, &fault))?;
        self.leave(id, Done { output, assigned, next: Transition::Next(next.clone()) })
    }

    pub(super) fn wait(&mut self, id: ThreadId, pause: &Pause) -> Result<(), Failure> {
        let kind = TimerKind::Wait;
        let timer = match self.pause_length(id, pause)? {
            Until::After(ms) => self.set_timer(ms, kind, None, Alarm::Wake(id)),
            Until::At(due) => self.set_timer_at(due.max(self.now), kind, None, Alarm::Wake(id)),
        };
        self.set_doing(id, Doing::Waiting(timer));
        Ok(())
    }

    fn pause_length(&self, id: ThreadId, pause: &Pause) -> Result<Until, Failure> {
        let (field, path) = match pause {
            Pause::Seconds(seconds) => return Ok(Until::After(seconds.saturating_mul(1000))),
            Pause::Until(due) => return Ok(Until::At(*due)),
            Pause::SecondsPath(path) => ("SecondsPath", path),
            Pause::UntilPath(path) => ("TimestampPath", path),
        };
        let input = self.effective_input(id)?;
        let view = self.view(&self.threads[&id]);
        let scope = view.scope(&input);
        if matches!(pause, Pause::UntilPath(_)) {
            return self.parameter(id, field, path, &scope, timestamp).map(Until::At);
        }
        let seconds = self.parameter(id, field, path, &scope, seconds)?;
        Ok(Until::After(seconds.saturating_mul(1000)))
    }

    /// What a Path field leads to, or AWS's words for why that is not what it should be.
    pub(super) fn parameter<T>(
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
        read(&value).map_err(|why| {
            let cause = format!("The {field} parameter {why}: {text} == {}", plain(&value));
            self.runtime_failure(id, &cause)
        })
    }

    /// A timer of the thread is due: its Wait state or its pause is over.
    pub(super) fn wake(&mut self, id: ThreadId) {
        let outcome = match self.threads.get(&id).map(|thread| &thread.doing) {
            Some(Doing::Waiting(_)) => {
                self.effective_input(id).and_then(|input| self.complete(id, &input))
            }
            Some(Doing::Pausing(_)) => {
                self.set_doing(id, Doing::Beginning);
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
        error: Option<&Text>,
        cause: Option<&Text>,
    ) -> Result<(), Failure> {
        let error = error.map(|text| self.text(id, "ErrorPath", text)).transpose()?;
        let cause = cause.map(|text| self.text(id, "CausePath", text)).transpose()?;
        Err(Failure::named(error, cause))
    }

    fn text(&self, id: ThreadId, field: &str, text: &Text) -> Result<String, Failure> {
        let source = match text {
            Text::Fixed(text) => return Ok(text.clone()),
            Text::At(source) => source,
        };
        let thread = &self.threads[&id];
        let view = self.view(thread);
        match source.evaluate_for(field, &view.scope(&thread.step.input.value)) {
            Ok(Value::String(text)) => Ok(text),
            Ok(other) => Err(self.runtime_failure(
                id,
                &format!(
                    "The {field} parameter does not reference a string: {} == {other}",
                    source.as_str()
                ),
            )),
            Err(fault) => Err(self.fault(id, &fault)),
        }
    }

    pub(super) fn set_doing(&mut self, id: ThreadId, doing: Doing) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.doing = doing;
        }
    }

    fn end_succeeded(&mut self, id: ThreadId, output: &Arc<Data>) {
        let details = json!({ "executionSucceededEventDetails": {
            "output": output.text,
            "outputDetails": { "truncated": false },
        }});
        let last = self.threads[&id].last_event;
        self.close(last, EventType::ExecutionSucceeded, details);
        self.threads.clear();
        self.status = ExecutionStatus::Succeeded { output: output.text.clone() };
    }
}

const NOWHERE_TO_GO: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

enum Until {
    After(u64),
    At(Timestamp),
}

/// A number of seconds; text that is a number counts as one.
pub(super) fn seconds(value: &Value) -> Result<u64, &'static str> {
    let whole = match value {
        Value::Number(_) | Value::String(_) => plain(value).parse::<i64>().ok(),
        _ => None,
    };
    let whole = whole.ok_or("cannot be parsed as a long value")?;
    u64::try_from(whole).or(Err("references a negative value"))
}

fn timestamp(value: &Value) -> Result<Timestamp, &'static str> {
    const WRONG: &str =
        "does not reference a valid ISO-8601 extended offset date-time format string";
    let text = value.as_str().ok_or(WRONG)?;
    // jiff also takes a space for the T and more; AWS does not.
    let iso = text.as_bytes().get(10) == Some(&b'T');
    text.parse::<Timestamp>().ok().filter(|_| iso).ok_or(WRONG)
}

/// A value as AWS's causes show it: text without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn exit_details(name: &str, output: &Data, assigned: Option<&Assigned>) -> Value {
    let mut details = json!({
        "name": name,
        "output": output.text,
        "outputDetails": { "truncated": false },
    });
    if let (Some(assigned), Value::Object(fields)) = (assigned, &mut details) {
        let texts = assigned.texts.iter().map(|text| Value::from(text.as_str()));
        let named = assigned.values.keys().cloned().zip(texts).collect();
        fields.insert("assignedVariables".to_owned(), Value::Object(named));
        fields.insert("assignedVariablesDetails".to_owned(), json!({ "truncated": false }));
    }
    json!({ "stateExitedEventDetails": details })
}

fn entered(kind: &Kind) -> EventType {
    match kind {
        Kind::Pass { .. } | Kind::Unsupported => EventType::PassStateEntered,
        Kind::Task(_) => EventType::TaskStateEntered,
        Kind::Choice { .. } => EventType::ChoiceStateEntered,
        Kind::Wait(_) => EventType::WaitStateEntered,
        Kind::Succeed => EventType::SucceedStateEntered,
        Kind::Fail { .. } => EventType::FailStateEntered,
        Kind::Parallel { .. } => EventType::ParallelStateEntered,
        Kind::Map(_) => EventType::MapStateEntered,
    }
}

pub(super) fn exited(kind: &Kind) -> EventType {
    match kind {
        Kind::Pass { .. } | Kind::Fail { .. } | Kind::Unsupported => EventType::PassStateExited,
        Kind::Task(_) => EventType::TaskStateExited,
        Kind::Choice { .. } => EventType::ChoiceStateExited,
        Kind::Wait(_) => EventType::WaitStateExited,
        Kind::Succeed => EventType::SucceedStateExited,
        Kind::Parallel { .. } => EventType::ParallelStateExited,
        Kind::Map(_) => EventType::MapStateExited,
    }
}
