//! Scenarios: an order, injected faults, actions, and the expected outcome.
//!
//! Each scenario is a file in `events/scenarios/`. [`load`] reads them all.
//! [`runner::run`] runs one on a running stack and compares the result with the file.
//! The runner is an ordinary HTTP client: it places the order, calls the API and reads
//! the providers' ledgers. It reads tables and executions in process, so that watching
//! an order adds nothing to its counts.
//!
//! Start with [`scenario`], which describes the file format.

pub mod action;
mod action_runner;
pub mod client;
mod follower;
pub mod grants;
pub mod ledger;
mod observer;
mod pending_actions;
mod placement;
pub mod reconciliation;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod stock_levels;
mod watch;
mod webhook;

pub use action::{Action, ActionKind, Trigger};
pub(crate) use follower::OrderFollower;
pub use ledger::Ledger;
pub use report::Report;
pub use scenario::{Scenario, load, read_json};
