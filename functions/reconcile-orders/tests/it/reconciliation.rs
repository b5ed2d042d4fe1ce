//! A reconciliation finds every discrepancy planted in an order at rest and reports no
//! other, also while ledgers and orders change.
//!
//! [`histories`] makes consistent orders in every final and open situation; [`test_bed`]
//! keeps the four ledgers in memory and serves them page by page. [`planted`] and
//! [`concurrent`] test the two halves of the guarantee.

mod concurrent;
mod histories;
mod planted;
mod test_bed;
