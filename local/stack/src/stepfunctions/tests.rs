//! The service as a whole, with real tables and functions that answer as told.

mod answers;
mod bench;
mod errors;
mod executions;
mod integrations;
mod kill;
mod machines;
mod restart;
mod waiting;
mod workflow;
