//! An interpreter of the Amazon States Language that behaves as AWS does.
//!
//! It is pure: no I/O, no clock, no threads, no randomness of its own. A driver
//! tells an [`Execution`] what happened and when ([`Event`]), and is told what
//! to do next ([`Command`]). So one interpreter serves the real clock, any
//! speed, virtual time, and a restart from disk: an execution *is* its
//! [`Start`] and its events, replayed.
//!
//! Read in this order:
//!
//! 1. [`definition`]: what a state machine is, parsed once;
//! 2. [`interpreter`]: how it runs;
//! 3. `dataflow`, [`paths`], [`template`], [`intrinsics`], [`choice`]: how data
//!    moves through a state, all of them read in a [`scope`];
//! 4. `retry`: what happens to an error;
//! 5. [`history`]: what is written down, in AWS's names and order;
//! 6. [`validate`]: what AWS refuses before anything runs, and in which words.

pub mod choice;
mod dataflow;
mod decimal;
pub mod definition;
pub mod history;
pub mod interpreter;
pub mod intrinsics;
pub mod paths;
mod retry;
pub mod scope;
pub mod template;
pub mod validate;

pub use definition::{DefinitionError, Machine, QueryLanguage, Unsupported};
pub use history::{EventType, HistoryEvent};
pub use interpreter::{
    Command, Event, Execution, Pattern, Resource, Start, Status, TaskId, TaskRequest, TimerId,
    TimerKind,
};
