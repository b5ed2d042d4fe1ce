//! Builds what the expressions of a state can read: the context object `$$`, the workflow variables
//! and the random source.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::execution::Execution;
use super::thread::{Item, Thread};
use crate::definition::StateType;
use crate::scope::{CopyBudget, RandomSource, Scope, Variables};

/// Everything the expressions of a state can read, except the input.
#[derive(Debug)]
pub(super) struct EvaluationContext<'a> {
    context_object: Value,
    variables: Arc<Variables>,
    random_source: &'a RandomSource,
    copy_budget: CopyBudget,
}

impl EvaluationContext<'_> {
    /// The scope in which `$` is `input`.
    pub(super) fn scope<'s>(&'s self, input: &'s Value) -> Scope<'s> {
        Scope {
            input,
            context: &self.context_object,
            variables: &self.variables,
            random_source: self.random_source,
            copy_budget: &self.copy_budget,
        }
    }

    /// Adds the task token as `$$.Task.Token`.
    pub(super) fn with_token(mut self, token: &str) -> Self {
        if let Value::Object(context) = &mut self.context_object {
            context.insert("Task".to_owned(), json!({ "Token": token }));
        }
        self
    }

    /// Adds the Map item as `$$.Map.Item`.
    pub(super) fn with_item(mut self, item: &Item) -> Self {
        if let Value::Object(context) = &mut self.context_object {
            insert_item(context, item);
        }
        self
    }
}

impl Execution {
    /// The evaluation context of the thread's current state. The context object is built only for
    /// states that mention it, because it holds a copy of the execution's input.
    pub(super) fn evaluation_context(&self, thread: &Thread) -> EvaluationContext<'_> {
        let reads_context = thread.visit.state.reads_context;
        EvaluationContext {
            context_object: if reads_context { self.context_object(thread) } else { Value::Null },
            variables: Arc::clone(&thread.variables.values),
            random_source: &self.random_source,
            copy_budget: CopyBudget::default(),
        }
    }

    fn context_object(&self, thread: &Thread) -> Value {
        let mut context = Map::new();
        context.insert("Execution".to_owned(), self.execution_context());
        context.insert(
            "StateMachine".to_owned(),
            json!({ "Id": self.start.state_machine_arn, "Name": self.start.state_machine_name }),
        );
        context.insert("State".to_owned(), state_context(thread));
        if let Some(item) = &thread.item {
            insert_item(&mut context, item);
        }
        Value::Object(context)
    }

    fn execution_context(&self) -> Value {
        let mut execution = json!({
            "Id": self.start.execution_arn,
            "Input": self.input.value,
            "StartTime": format_timestamp(self.started_at),
            "Name": self.start.execution_name,
            "RoleArn": self.start.role_arn,
        });
        if let (true, Value::Object(fields)) = (self.start.redrivable, &mut execution) {
            fields.insert("RedriveCount".to_owned(), self.redrive_count.into());
            fields.extend(
                self.redriven_at.map(|at| ("RedriveTime".to_owned(), format_timestamp(at).into())),
            );
        }
        execution
    }
}

fn state_context(thread: &Thread) -> Value {
    let visit = &thread.visit;
    let mut state =
        json!({ "Name": visit.state.name, "EnteredTime": format_timestamp(visit.entered_at) });
    let counts_retries = matches!(
        visit.state.kind,
        StateType::Task(_) | StateType::Parallel { .. } | StateType::Map(_)
    );
    if let (true, Value::Object(fields)) = (counts_retries, &mut state) {
        fields.insert("RetryCount".to_owned(), visit.retries.into());
    }
    state
}

fn insert_item(context: &mut Map<String, Value>, item: &Item) {
    let item = json!({ "Item": { "Index": item.index, "Value": item.value } });
    context.insert("Map".to_owned(), item);
}

/// Formats a timestamp as AWS does: UTC with milliseconds.
pub(super) fn format_timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
