//! Compares the ledgers of the payment provider, the shipping provider, the stock and the
//! orders, and reports each discrepancy. Runs daily, and on request.
//!
//! A reconciliation finds every discrepancy in orders at rest and reports no false one,
//! although it reads the four ledgers at different times while orders change. Start with
//! [`Reconciliation::run`]. It works in two passes:
//!
//! 1. `collect` reads each ledger page by page. An entry that disagrees with the
//!    order is only a *suspect*, stored with the version of the order that was read *after*
//!    the entry.
//! 2. `verify` retrieves the object of each suspect by its id and then reads the
//!    order again, strongly consistent. Only if the order still has that version, and is at
//!    rest, are the two compared. So the object was read between two reads of the same
//!    finalized record. Nothing of ours changed the object in between, because every writer
//!    that works on a finalized order writes the order first. A stale page of a list
//!    therefore costs one lookup and causes no false alarm.
//!
//! Why there is no false discrepancy:
//!
//! - **Only orders at rest are compared**: finalized, and unchanged for 15 minutes, which is
//!   longer than any invocation lasts. A sweep finalizes an order only after it saw that
//!   the execution ended and that payment and label are final.
//! - **An unknown order is not a matter of time**: an order is written before any intent or
//!   shipment is created for it, and read after the entry that names it.
//! - **A missing entry** is retrieved by its id. Only the provider's own "no such object"
//!   counts, not a failure to answer. If a ledger was not read completely, none of its
//!   entries is treated as missing.
//! - **Stock levels** are checked against bounds that hold while orders change:
//!   [`stock_levels`].
//! - A pending refund counts as returned, and an unconfirmed intent or an unbought shipment
//!   costs nothing. [`classify`] has all rules.
//!
//! Memory is bounded: each ledger is read one page at a time, and an entry that agrees
//! leaves eight bytes. A run stops by itself before Lambda's timeout. It then reports
//! `complete: false` and which ledgers it did not finish; the reported discrepancies are
//! true all the same. At a quarter of a second a page (100 intents, 40 shipments, 1 MB of
//! orders) a run covers about 15,000 orders. A larger shop passes `days`: entries created
//! earlier are skipped, except for the stock, which always counts every order.

pub mod classify;
mod collect;
pub mod discrepancy;
mod findings;
mod ledgers;
mod range;
mod report;
mod run;
pub mod stock_levels;
mod suspect;
mod verify;

pub use self::discrepancy::{Discrepancy, DiscrepancyKind};
pub use self::ledgers::Ledgers;
pub use self::range::Range;
pub use self::report::{Counts, Coverage, Report};
pub use self::run::{Reconciliation, TIME_LIMIT_MS};
