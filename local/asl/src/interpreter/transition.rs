//! Entering and leaving states, and the input and output processing around a state's work.
//!
//! ```text
//! enter ─ InputPath ─ Parameters ─▶ work ─▶ complete (ResultSelector, ResultPath, OutputPath) ─ leave
//! ```

use std::sync::Arc;

use serde_json::{Value, json};

use super::execution::Execution;
use super::failure::Failure;
use super::payload::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, Payload, is_deeper_than};
use super::thread::{AssignedVariables, Phase, StateVisit, ThreadId, VariablesTooLarge};
use crate::definition::{StateType, Transition};
use crate::history::EventType;
use crate::scope::Variables;

/// The result of a completed state.
pub(super) struct StateResult {
    pub(super) output: Value,
    pub(super) assigned: Option<Variables>,
    pub(super) next: Transition,
}

impl Execution {
    /// Records that the thread enters its state.
    pub(super) fn enter(&mut self, id: ThreadId) {
        let now = self.now;
        let Some(thread) = self.threads.get_mut(&id) else { return };
        thread.visit.entered_at = now;
        let (state, input) = (Arc::clone(&thread.visit.state), Arc::clone(&thread.visit.input));
        let details = json!({ "stateEnteredEventDetails": {
            "name": state.name,
            "input": input.text,
            "inputDetails": { "truncated": false },
        }});
        let event = self.record(id, entered(&state.kind), details);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.visit.entered_event = event;
        }
    }

    /// Leaves the state for the next one, or ends the thread's workflow.
    pub(super) fn leave(&mut self, id: ThreadId, result: StateResult) -> Result<(), Failure> {
        let output = Arc::new(self.payload_within_limits(id, result.output)?);
        let assigned = result.assigned.map(|values| self.assigned(id, values)).transpose()?;
        let Some(thread) = self.threads.get_mut(&id) else { return Ok(()) };
        let state = Arc::clone(&thread.visit.state);
        if let Some(assigned) = &assigned {
            thread
                .variables
                .assign(assigned)
                .map_err(|VariablesTooLarge| Failure::too_large(&state.name))?;
        }
        let details = exit_details(&state.name, &output, assigned.as_ref());
        self.record(id, exited(&state.kind), details);
        let Transition::Next(name) = result.next else {
            self.end_workflow(id, &output);
            return Ok(());
        };
        let now = self.now;
        let Some(thread) = self.threads.get_mut(&id) else { return Ok(()) };
        let Some(state) = thread.workflow.states.get(&name).cloned() else {
            return Err(self.runtime_failure(id, &format!("There is no state '{name}'.")));
        };
        thread.visit = StateVisit::new(state, output, now);
        thread.phase = Phase::Entering;
        // Queued first, because a thread advances until it has to wait.
        self.ready.push_front(id);
        Ok(())
    }

    /// Checks a value against AWS's limits.
    pub(super) fn payload_within_limits(
        &self,
        id: ThreadId,
        value: Value,
    ) -> Result<Payload, Failure> {
        let text = self.text_within_limits(id, &value)?;
        Ok(Payload { value, text })
    }

    fn assigned(&self, id: ThreadId, values: Variables) -> Result<AssignedVariables, Failure> {
        let texts = values.values().map(|value| self.text_within_limits(id, value));
        Ok(AssignedVariables { texts: texts.collect::<Result<_, _>>()?, values })
    }

    fn text_within_limits(&self, id: ThreadId, value: &Value) -> Result<String, Failure> {
        if is_deeper_than(value, MAX_PAYLOAD_DEPTH) {
            let cause = format!("The data is nested deeper than {MAX_PAYLOAD_DEPTH} levels.");
            return Err(self.runtime_failure(id, &cause));
        }
        let text = value.to_string();
        if text.len() > MAX_PAYLOAD_BYTES {
            return Err(Failure::too_large(&self.threads[&id].visit.state.name));
        }
        Ok(text)
    }

    /// Ends the thread's workflow: the parent state continues, or the execution succeeds.
    fn end_workflow(&mut self, id: ThreadId, output: &Arc<Payload>) {
        match self.threads[&id].parent {
            Some(parent) => self.child_succeeded(id, parent, output),
            None => self.end_succeeded(id, output),
        }
    }

    /// Turns the result of the state's work into its output and leaves the state.
    pub(super) fn complete(&mut self, id: ThreadId, result: &Value) -> Result<(), Failure> {
        let thread = &self.threads[&id];
        let state = Arc::clone(&thread.visit.state);
        let input = Arc::clone(&thread.visit.input);
        let evaluation = self.evaluation_context(thread);
        let scope = evaluation.scope(result);
        let assigned = state
            .data_flow
            .assigned_variables(&scope)
            .map_err(|error| self.evaluation_failure(id, &error))?;
        let output = state
            .data_flow
            .output(&input.value, &scope)
            .map_err(|error| self.evaluation_failure(id, &error))?;
        self.leave(id, StateResult { output, assigned, next: state.next.clone() })
    }

    /// The effective input of the state: `InputPath`, then `Parameters`.
    pub(super) fn effective_input(&self, id: ThreadId) -> Result<Value, Failure> {
        let thread = &self.threads[&id];
        let evaluation = self.evaluation_context(thread);
        let data_flow = &thread.visit.state.data_flow;
        let effective = data_flow.input_path.select(&evaluation.scope(&thread.visit.input.value));
        effective
            .and_then(|effective| data_flow.effective_input(&evaluation.scope(&effective)))
            .map_err(|error| self.evaluation_failure(id, &error))
    }

    /// The part of the raw input that `InputPath` selects.
    pub(super) fn selected_input(&self, id: ThreadId) -> Result<Value, Failure> {
        let thread = &self.threads[&id];
        let evaluation = self.evaluation_context(thread);
        let scope = evaluation.scope(&thread.visit.input.value);
        thread
            .visit
            .state
            .data_flow
            .input_path
            .select(&scope)
            .map_err(|error| self.evaluation_failure(id, &error))
    }
}

fn exit_details(name: &str, output: &Payload, assigned: Option<&AssignedVariables>) -> Value {
    let mut details = json!({
        "name": name,
        "output": output.text,
        "outputDetails": { "truncated": false },
    });
    if let (Some(assigned), Value::Object(fields)) = (assigned, &mut details) {
        let texts = assigned.texts.iter().map(|text| Value::from(text.as_str()));
        let variables = assigned.values.keys().cloned().zip(texts).collect();
        fields.insert("assignedVariables".to_owned(), Value::Object(variables));
        fields.insert("assignedVariablesDetails".to_owned(), json!({ "truncated": false }));
    }
    json!({ "stateExitedEventDetails": details })
}

fn entered(state_type: &StateType) -> EventType {
    match state_type {
        StateType::Pass { .. } | StateType::Unsupported => EventType::PassStateEntered,
        StateType::Task(_) => EventType::TaskStateEntered,
        StateType::Choice { .. } => EventType::ChoiceStateEntered,
        StateType::Wait(_) => EventType::WaitStateEntered,
        StateType::Succeed => EventType::SucceedStateEntered,
        StateType::Fail { .. } => EventType::FailStateEntered,
        StateType::Parallel { .. } => EventType::ParallelStateEntered,
        StateType::Map(_) => EventType::MapStateEntered,
    }
}

fn exited(state_type: &StateType) -> EventType {
    match state_type {
        StateType::Pass { .. } | StateType::Fail { .. } | StateType::Unsupported => {
            EventType::PassStateExited
        }
        StateType::Task(_) => EventType::TaskStateExited,
        StateType::Choice { .. } => EventType::ChoiceStateExited,
        StateType::Wait(_) => EventType::WaitStateExited,
        StateType::Succeed => EventType::SucceedStateExited,
        StateType::Parallel { .. } => EventType::ParallelStateExited,
        StateType::Map(_) => EventType::MapStateExited,
    }
}
