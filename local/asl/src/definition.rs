//! State machine definitions: parsed once, then trusted.
//!
//! [`StateMachine::parse`] turns the JSON text of a definition into the types of `model.rs`. It
//! reads what [`crate::validate`] accepts and keeps only what execution needs; like AWS, it ignores
//! unknown fields. A definition may use features that this engine does not run, because such a
//! definition can still be created. Call [`StateMachine::check_supported`] before you start an
//! execution.
//!
//! Start with `model.rs`. `parse.rs` reads the JSON, `resource.rs` reads a Task's `Resource`.

mod model;
mod parse;
mod resource;

pub(crate) use model::{
    Catcher, Choice, Map, NumberOrPath, PercentageOrPath, ProcessorMode, State, StateType,
    StringOrPath, Task, Transition, WaitTime, Workflow,
};
pub use model::{DefinitionError, QueryLanguage, StateMachine, UnsupportedFeature};
pub use resource::{IntegrationPattern, Resource};
