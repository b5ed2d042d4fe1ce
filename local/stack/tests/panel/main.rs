//! The local panel on a stack with the real function binaries: each fault of its catalog,
//! planted on a separate order, ends as its text says and in balanced ledgers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod ledger;
mod requests;
mod restart;
mod test_bed;
