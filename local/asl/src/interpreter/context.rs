//! What a state can see: its scope, with the context object `$$` in it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Execution;
use super::thread::{Item, Thread};
use crate::definition::Kind;
use crate::scope::{CopyBudget, RandomSource, Scope, Variables};

/// Everything but the input that expressions of a state can see.
#[derive(Debug)]
pub(super) struct View<'a> {
    context: Value,
    variables: Arc<Variables>,
    random_source: &'a RandomSource,
    copy_budget: CopyBudget,
}

impl View<'_> {
    /// The scope in which `$` is this input.
    pub(super) fn scope<'s>(&'s self, input: &'s Value) -> Scope<'s> {
        Scope {
            input,
            context: &self.context,
            variables: &self.variables,
            random_source: self.random_source,
            copy_budget: &self.copy_budget,
        }
    }

    /// The same view with a token under `$$.Task.Token`.
    pub(super) fn with_token(mut self, token: &str) -> Self {
        if let Value::Object(context) = &mut self.context {
            context.insert("Task".to_owned(), json!({ "Token": token }));
        }
        self
    }

    /// The same view with an item under `$$.Map.Item`.
    pub(super) fn with_item(mut self, item: &Item) -> Self {
        if let Value::Object(context) = &mut self.context {
            insert_item(context, item);
        }
        self
    }
}

impl Execution {
    /// What the thread's state can see. The context object is built only for a
    /// state that mentions it, because it holds a copy of the execution's input.
    pub(super) fn view(&self, thread: &Thread) -> View<'_> {
        let reads = thread.step.state.reads_context;
        View {
            context: if reads { self.context(thread) } else { Value::Null },
            variables: Arc::clone(&thread.memory.variables),
            random_source: &self.random_source,
            copy_budget: CopyBudget::default(),
        }
    }

    fn context(&self, thread: &Thread) -> Value {
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
            "StartTime": iso(self.started_at),
            "Name": self.start.execution_name,
            "RoleArn": self.start.role_arn,
        });
        if let (true, Value::Object(fields)) = (self.start.redrivable, &mut execution) {
            fields.insert("RedriveCount".to_owned(), self.redrives.into());
            fields.extend(self.redriven_at.map(|at| ("RedriveTime".to_owned(), iso(at).into())));
        }
        execution
    }
}

fn state_context(thread: &Thread) -> Value {
    let step = &thread.step;
    let mut state = json!({ "Name": step.state.name, "EnteredTime": iso(step.entered_at) });
    let counts_retries =
        matches!(step.state.kind, Kind::Task(_) | Kind::Parallel { .. } | Kind::Map(_));
    if let (true, Value::Object(fields)) = (counts_retries, &mut state) {
        fields.insert("RetryCount".to_owned(), step.retries.into());
    }
    state
}

fn insert_item(context: &mut Map<String, Value>, item: &Item) {
    let item = json!({ "Item": { "Index": item.index, "Value": item.value } });
    context.insert("Map".to_owned(), item);
}

/// As AWS writes times: UTC with milliseconds.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
