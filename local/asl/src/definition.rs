//! A state machine, parsed once and then trusted.
//!
//! This reads what static validation (`validate`) lets through, and no more
//! than what running it needs. Parsing is lenient where AWS is: an unknown field
//! is passed over. What a state asks for that this engine does not do is no
//! error here, because such a definition may be created; [`StateMachine::check_supported`]
//! tells it apart before an execution is started.
//!
//! `definition/parse.rs` turns JSON into these types; `interpreter` runs them.

mod parse;
mod resource;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::choice::ChoiceRule;
use crate::input_output::DataFlow;
use crate::interpreter::Resource;
use crate::paths::{Path, ReferencePath};
use crate::retry::Retrier;
use crate::template::{Source, Template};

/// A parsed state machine. Share it by `Arc`: many executions run one machine.
#[derive(Debug)]
pub struct StateMachine {
    pub(crate) workflow: Arc<Workflow>,
    comment: Option<String>,
    timeout_seconds: Option<u64>,
    query_language: QueryLanguage,
    unsupported: Option<UnsupportedFeature>,
}

/// The language in which a definition's expressions are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryLanguage {
    /// Paths and intrinsic functions.
    #[default]
    JsonPath,
    /// `{% … %}`.
    Jsonata,
}

/// The text is not a state machine that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct DefinitionError {
    /// What is wrong, and where.
    pub message: String,
}

/// The definition is valid, but asks for something that this engine does not do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the state '{state}' asks for {feature}, which this engine does not run")]
pub struct UnsupportedFeature {
    /// What it asks for, in words for a person.
    pub feature: String,
    /// Which state asks for it.
    pub state: String,
}

impl StateMachine {
    /// Reads a definition.
    pub fn parse(definition: &str) -> Result<StateMachine, DefinitionError> {
        parse::machine(definition)
    }

    /// Whether this engine can run it: to be asked before an execution is started.
    pub fn check_supported(&self) -> Result<(), UnsupportedFeature> {
        self.unsupported.clone().map_or(Ok(()), Err)
    }

    /// The definition's `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The definition's `TimeoutSeconds`: the longest that an execution may run.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The definition's `QueryLanguage`, which its states may override.
    pub fn query_language(&self) -> QueryLanguage {
        self.query_language
    }
}

/// States and where to begin: a whole machine, a branch, or what is done to each item.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) start_at: String,
    pub(crate) states: BTreeMap<String, Arc<State>>,
}

/// One state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) flow: DataFlow,
    pub(crate) next: Transition,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
    /// Whether anything in the state reads `$$`: building it costs a copy of the input.
    pub(crate) reads_context: bool,
}

/// Where a state leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Next(String),
    End,
}

/// What a state does.
#[derive(Debug)]
pub(crate) enum Kind {
    Pass {
        result: Option<Value>,
    },
    Task(Box<Task>),
    Choice {
        choices: Vec<Choice>,
        default: Option<String>,
    },
    Wait(Pause),
    Succeed,
    Fail {
        error: Option<Text>,
        cause: Option<Text>,
    },
    Parallel {
        branches: Vec<Arc<Workflow>>,
    },
    Map(Box<Map>),
    /// Valid, but not run here; [`StateMachine::check_supported`] says why.
    Unsupported,
}

/// What a Task state calls, and how long that may take.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    pub(crate) credentials: Option<Template>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) heartbeat: Option<Seconds>,
}

/// A number that stands in the definition or is read from the data.
#[derive(Debug)]
pub(crate) enum Seconds {
    Fixed(u64),
    At(Path),
}

/// A text that stands in the definition or is read from the data.
#[derive(Debug)]
pub(crate) enum Text {
    Fixed(String),
    At(Source),
}

/// One rule of a Choice state.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) rule: ChoiceRule,
    pub(crate) next: String,
    pub(crate) assign: Option<Template>,
}

/// How long a Wait state waits.
#[derive(Debug)]
pub(crate) enum Pause {
    Seconds(u64),
    SecondsPath(Path),
    Until(Timestamp),
    UntilPath(Path),
}

/// A Map state's own fields.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) processor: Arc<Workflow>,
    pub(crate) mode: Mode,
    pub(crate) items: Option<Path>,
    pub(crate) selector: Option<Template>,
    pub(crate) concurrency: Option<Seconds>,
    pub(crate) tolerated_count: Option<Seconds>,
    pub(crate) tolerated_percentage: Option<Percentage>,
    pub(crate) label: Option<String>,
}

/// Where the iterations of a Map state run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the execution and its history.
    Inline,
    /// Each as an execution of its own, with a history of its own.
    Distributed,
}

/// A share of the items, in the definition or read from the data.
#[derive(Debug)]
pub(crate) enum Percentage {
    Fixed(serde_json::Number),
    At(Path),
}

/// One entry of `Catch`.
#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) error_equals: Vec<String>,
    pub(crate) next: String,
    pub(crate) result_path: Place,
    pub(crate) assign: Option<Template>,
}

/// What `ResultPath` says.
#[derive(Debug, Default)]
pub(crate) enum Place {
    /// The result takes the input's place.
    #[default]
    Whole,
    /// The result is dropped (`null`).
    Nowhere,
    /// The result is put into the input.
    At(ReferencePath),
}
