//! The types of a parsed definition, from the state machine down to a retrier or a path field.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use super::resource::Resource;
use crate::choice::ChoiceRule;
use crate::input_output::{DataFlow, ResultPath};
use crate::paths::Path;
use crate::retry::Retrier;
use crate::template::{PathOrCall, PayloadTemplate};

/// A parsed state machine. Share it in an `Arc`; many executions can run it.
#[derive(Debug)]
pub struct StateMachine {
    pub(crate) workflow: Arc<Workflow>,
    pub(super) comment: Option<String>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) query_language: QueryLanguage,
    pub(super) unsupported: Option<UnsupportedFeature>,
}

/// The query language of a definition or state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryLanguage {
    /// JSONPath and intrinsic functions.
    #[default]
    JsonPath,
    /// `JSONata` expressions, `{% … %}`.
    Jsonata,
}

/// The text is not a state machine that can be executed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct DefinitionError {
    /// What is wrong, and where.
    pub message: String,
}

/// The definition is valid but uses a feature that this engine does not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the state '{state}' uses {feature}, which this engine does not run")]
pub struct UnsupportedFeature {
    /// The feature, for people.
    pub feature: String,
    /// The state that uses it.
    pub state: String,
}

impl StateMachine {
    /// Checks that this engine can run the definition. Call it before you start an execution.
    ///
    /// # Errors
    /// Returns the first [`UnsupportedFeature`] of the definition.
    pub fn check_supported(&self) -> Result<(), UnsupportedFeature> {
        self.unsupported.clone().map_or(Ok(()), Err)
    }

    /// The `Comment` of the definition.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The `TimeoutSeconds` of the definition: the maximum duration of an execution.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The `QueryLanguage` of the definition. A state can override it.
    pub fn query_language(&self) -> QueryLanguage {
        self.query_language
    }
}

/// States and the start state: a state machine, a branch or an item processor.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) start_at: String,
    pub(crate) states: BTreeMap<String, Arc<State>>,
}

/// A state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) kind: StateType,
    pub(crate) data_flow: DataFlow,
    pub(crate) next: Transition,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
    /// Whether the state mentions `$$`. The context object is built only then, because it holds a
    /// copy of the input.
    pub(crate) reads_context: bool,
}

/// The state that follows, or the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Next(String),
    End,
}

/// The `Type` of a state and the fields of that type.
#[derive(Debug)]
pub(crate) enum StateType {
    Pass {
        result: Option<Value>,
    },
    Task(Box<Task>),
    Choice {
        choices: Vec<Choice>,
        default: Option<String>,
    },
    Wait(WaitTime),
    Succeed,
    Fail {
        error: Option<StringOrPath>,
        cause: Option<StringOrPath>,
    },
    Parallel {
        branches: Vec<Arc<Workflow>>,
    },
    Map(Box<Map>),
    /// Valid, but not run here; see [`StateMachine::check_supported`].
    Unsupported,
}

/// The fields of a Task state.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    pub(crate) credentials: Option<PayloadTemplate>,
    pub(crate) timeout: Option<NumberOrPath>,
    pub(crate) heartbeat: Option<NumberOrPath>,
}

/// An integer in the definition, or a path to one.
#[derive(Debug)]
pub(crate) enum NumberOrPath {
    Number(u64),
    Path(Path),
}

/// A string in the definition, or a path or intrinsic function that yields one.
#[derive(Debug)]
pub(crate) enum StringOrPath {
    String(String),
    PathOrCall(PathOrCall),
}

/// One entry of `Choices`.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) rule: ChoiceRule,
    pub(crate) next: String,
    pub(crate) assign: Option<PayloadTemplate>,
}

/// When a Wait state ends.
#[derive(Debug)]
pub(crate) enum WaitTime {
    Seconds(u64),
    SecondsPath(Path),
    Timestamp(Timestamp),
    TimestampPath(Path),
}

/// The fields of a Map state.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) processor: Arc<Workflow>,
    pub(crate) processor_mode: ProcessorMode,
    pub(crate) items_path: Option<Path>,
    pub(crate) item_selector: Option<PayloadTemplate>,
    pub(crate) max_concurrency: Option<NumberOrPath>,
    pub(crate) tolerated_failure_count: Option<NumberOrPath>,
    pub(crate) tolerated_failure_percentage: Option<PercentageOrPath>,
    pub(crate) label: Option<String>,
}

/// The `Mode` of an item processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessorMode {
    /// Iterations run in the execution and its history.
    Inline,
    /// Each iteration is a child execution with its own history.
    Distributed,
}

/// A percentage of the items, or a path to one.
#[derive(Debug)]
pub(crate) enum PercentageOrPath {
    Number(serde_json::Number),
    Path(Path),
}

/// One entry of `Catch`.
#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) error_equals: Vec<String>,
    pub(crate) next: String,
    pub(crate) result_path: ResultPath,
    pub(crate) assign: Option<PayloadTemplate>,
}
