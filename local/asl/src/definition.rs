//! A state machine, parsed once and then trusted.

use thiserror::Error;

/// A parsed state machine. Share it by `Arc`: many executions run one machine.
#[derive(Debug)]
pub struct Machine {
    comment: Option<String>,
    timeout_seconds: Option<u64>,
    query_language: QueryLanguage,
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
#[error("{feature} is not supported by this engine (state {state:?})")]
pub struct Unsupported {
    /// What it asks for, in words for a person.
    pub feature: String,
    /// Which state asks for it; empty for the machine itself.
    pub state: String,
}

impl Machine {
    /// Reads a definition. What static validation lets through, this reads.
    pub fn parse(definition: &str) -> Result<Machine, DefinitionError> {
        let _: serde_json::Value = serde_json::from_str(definition)
            .map_err(|error| DefinitionError { message: error.to_string() })?;
        Ok(Machine { comment: None, timeout_seconds: None, query_language: QueryLanguage::default() })
    }

    /// Whether this engine can run it: to be asked before an execution is started.
    pub fn supported(&self) -> Result<(), Unsupported> {
        Ok(())
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
