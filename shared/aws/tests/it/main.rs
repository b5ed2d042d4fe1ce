//! The adapters against a DynamoDB emulator in the same process, and against scripted
//! responses where the emulator cannot produce them.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod configuration;
mod instrumented;
mod inventory;
mod lease;
mod ledger;
mod live;
mod log_capture;
mod log_lines;
mod order_metrics;
mod order_queries;
mod orders;
mod product_audit;
mod recent_orders;
mod test_bed;
mod workflow;
