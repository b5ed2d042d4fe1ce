//! What the rules know about the state they check and the state machine around it.

use serde_json::{Map, Value};

use super::location::Location;
use crate::definition::QueryLanguage;

/// Properties of the state machine that apply to all its states.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineContext {
    /// The query language of the definition, which a state can override.
    pub(super) language: QueryLanguage,
    /// Whether it runs as an Express workflow.
    pub(super) express: bool,
}

/// A state to be checked.
#[derive(Debug)]
pub(super) struct State<'s> {
    /// Its `Type`.
    pub(super) type_name: &'s str,
    /// Its fields.
    pub(super) fields: &'s Map<String, Value>,
    /// Its location.
    pub(super) location: Location,
    /// The query language of its fields.
    pub(super) language: QueryLanguage,
    /// The context of its state machine.
    pub(super) context: MachineContext,
}

impl<'s> State<'s> {
    /// The location and value of a field, if the state has it.
    pub(super) fn field(&self, name: &str) -> Option<(Location, &'s Value)> {
        self.fields.get(name).map(|value| (self.location.field(name), value))
    }
}
