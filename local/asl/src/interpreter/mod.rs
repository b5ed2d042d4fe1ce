//! Executes a state machine: timestamped events go in, commands and history come out.
//!
//! The driver calls [`Execution::start`] once and [`Execution::handle`] for each event. Both apply
//! the event to the thread it concerns, then advance every ready thread until it has to wait for
//! another event.
//!
//! Guarantees:
//! - The same start parameters and events produce the same commands and the same history.
//! - Late, repeated and unknown events change nothing.
//! - Nothing is recorded after the execution has ended.
//! - Every call returns, because each step adds to a history of limited length.
//!
//! Start with `protocol.rs` (what driver and execution exchange) and `run.rs` (the main loop).
//! `execution.rs` and `thread.rs` hold the data. `states.rs`, `task.rs` and `parallel_map.rs`
//! implement the state types, `transition.rs` enters and leaves states, and `error_handling.rs`,
//! `abort.rs`, `termination.rs` and `redrive.rs` handle failures and the end of an execution.

mod abort;
mod error_handling;
mod evaluation_context;
mod execution;
mod failure;
mod map_fields;
mod parallel_map;
mod payload;
mod protocol;
mod redrive;
mod run;
mod states;
mod task;
mod task_attempt;
mod task_events;
mod termination;
mod thread;
mod transition;

pub use execution::Execution;
pub use protocol::{
    Command, Event, ExecutionStatus, StartParameters, TaskId, TaskRequest, TimerId, TimerKind,
};
