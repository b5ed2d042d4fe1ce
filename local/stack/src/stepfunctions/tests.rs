//! Tests of the whole service, with real tables and scripted functions.

mod errors;
mod executions;
mod integrations;
mod many_waiting;
mod order_workflow;
mod permissions;
mod process_kill;
mod restart;
mod state_machines;
mod task_tokens;
mod test_bed;
