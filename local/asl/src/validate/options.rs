//! Options of a validation.

/// The type of a state machine, which decides what it may contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StateMachineType {
    /// Up to a year, with a full history.
    #[default]
    Standard,
    /// Up to five minutes; no callbacks, jobs or activities.
    Express,
}

/// The rules a definition is validated by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// AWS's rules for creating a state machine: every resource must be a real one.
    #[default]
    Aws,
    /// The rules of the States Language for a file in a repository: a string with a
    /// `${Substitution}` has no value yet, and a resource need only be a URI.
    Template,
}

/// Options of a validation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValidationOptions {
    /// The type of the state machine.
    pub machine_type: StateMachineType,
    /// The profile.
    pub profile: Profile,
}

impl ValidationOptions {
    /// AWS's rules for this type of state machine.
    pub fn aws(machine_type: StateMachineType) -> Self {
        Self { machine_type, profile: Profile::Aws }
    }

    /// The rules for a definition that is not deployed yet.
    pub fn template() -> Self {
        Self { machine_type: StateMachineType::Standard, profile: Profile::Template }
    }

    pub(super) fn is_express(self) -> bool {
        self.machine_type == StateMachineType::Express
    }
}
