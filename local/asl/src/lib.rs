//! An interpreter of the Amazon States Language that behaves as AWS Step Functions does.
//!
//! It is pure: no I/O, no clock, no threads, no randomness except from its seed. A driver reports
//! timestamped [`Event`]s to an [`Execution`] and executes the [`Command`]s it returns. The same
//! interpreter therefore serves the real clock, any speed, virtual time, and a restart from disk: a
//! stored execution consists of its [`StartParameters`] and its events, which are replayed.
//!
//! Read in this order:
//!
//! 1. [`definition`]: state machine definitions, parsed once;
//! 2. [`interpreter`]: the execution of a state machine;
//! 3. `input_output`, [`paths`], [`template`], [`intrinsics`], [`choice`]: how data moves through
//!    a state, evaluated in a [`scope`];
//! 4. `retry`: retriers and the matching of errors;
//! 5. [`history`]: the history events, with AWS's names and order;
//! 6. [`validate`]: what AWS rejects before execution, with AWS's messages.
//!
//! ```
//! # use std::sync::Arc;
//! # use asl::{Command, Event, Execution, StateMachine, StartParameters, ExecutionStatus};
//! let machine = StateMachine::parse(
//!     r#"{"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 60, "End": true}}}"#,
//! )?;
//! machine.check_supported()?;
//! # let start = StartParameters {
//! #     execution_arn: "arn:aws:states:us-east-1:000000000000:execution:pauses:1".to_owned(),
//! #     execution_name: "1".to_owned(),
//! #     state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:pauses".to_owned(),
//! #     state_machine_name: "pauses".to_owned(),
//! #     role_arn: "arn:aws:iam::000000000000:role/pauses".to_owned(),
//! #     input: "{}".to_owned(),
//! #     redrivable: true,
//! #     seed: 1,
//! # };
//! let now = "2026-11-23T04:00:00Z".parse()?;
//! let (mut execution, commands) = Execution::start(Arc::new(machine), start, now);
//! let [Command::SetTimer { timer, due, .. }] = commands[..] else { panic!() };
//! execution.handle(Event::TimerFired { timer }, due);
//! assert_eq!(*execution.status(), ExecutionStatus::Succeeded { output: "{}".to_owned() });
//! assert_eq!(execution.history().len(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod choice;
mod cursor;
mod decimal;
pub mod definition;
pub mod history;
mod input_output;
pub mod interpreter;
pub mod intrinsics;
pub mod paths;
mod retry;
pub mod scope;
pub mod template;
pub mod validate;

pub use definition::{
    DefinitionError, IntegrationPattern, QueryLanguage, Resource, StateMachine, UnsupportedFeature,
};
pub use history::{EventType, HistoryEvent};
pub use interpreter::{
    Command, Event, Execution, ExecutionStatus, StartParameters, TaskId, TaskRequest, TimerId,
    TimerKind,
};
