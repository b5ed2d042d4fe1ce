//! Compares the books of the gateway, the carrier, the stock and the orders, and
//! reports each difference, once a day and when asked.
//!
//! It must find every difference in orders at rest, and report none that is not
//! there, although the four books are read at different moments and orders move
//! meanwhile. Why it reports none:
//!
//! - **Only orders at rest are judged**: settled (the one write that takes an order
//!   out of the open ones is made after its execution was seen to have ended and
//!   its money and label to be final) and left alone for 15 minutes, which is longer
//!   than any invocation lasts, a zombie's included.
//! - **A difference must be seen twice.** Reading a book only raises a *doubt*, with
//!   the version of the order that was read *after* the entry. Each doubt is looked
//!   into: the object is asked for by its id, then the order is read again, strongly
//!   consistent. Only if the order still has that version, and is at rest, are the
//!   two judged. So the object was read between two readings of one and the same
//!   settled record: nothing of ours moved it in between, because whoever begins to
//!   work on a settled order writes it first (a hint is a write). A page of a list
//!   that was old therefore costs a look-up, and no false alarm.
//! - **An order that is not there** is no matter of time: it is written before any
//!   intent or shipment is made for it, and is read after the entry that names it.
//! - **An entry that is not there** is asked for by its id; only the provider's own
//!   "no such object" counts, never its silence. Of a book that could not be read to
//!   its end, nothing is thought to be missing.
//! - **The shelves** are judged by bounds that hold whatever moves: [`shelves`].
//!
//! What is in flight is no difference: a refund or a label's refund that is pending
//! counts as given back, an intent that was never confirmed and a shipment that was
//! not bought cost nothing. [`judge`] has all that must hold.
//!
//! Memory stays bounded: each book is read a page at a time, and of an entry that
//! agrees only eight bytes are kept (that it was seen). A run ends in time by
//! itself, before Lambda would end it, and says so: `complete: false`, and which
//! book it did not get through. What it reports is true then, too. At a quarter of
//! a second a page (100 intents, 40 shipments, 1 MB of orders) it gets through some
//! 15,000 orders; a shop with more gives `days`, and what was created before that
//! is left out, but for the stock, which always counts every order.

pub mod difference;
mod doubts;
pub mod judge;
mod reading;
mod report;
pub mod shelves;

use std::collections::BTreeSet;

use domain::conflict::{self, retry_on_conflict, save_order};
use domain::ledger::{ListLabels, ListPaymentIntents, ReadStockLevels, ScanOrders};
use domain::order::timeline_code;
use domain::ports::{LoadOrder, SaveOrder};
use domain::{ErrorName, OrderId, StepError, Timestamp};
use serde_json::Value;

pub use self::difference::{Difference, Kind};
pub use self::report::{Compared, Report, Through};

/// How long a run reads, in milliseconds. Lambda ends it after 300 s; what may still
/// begin then (a page of each provider, in three attempts of 15 s, and two of the
/// tables, of 8 s) and the calling of people, a read and a write each, need the rest.
pub const TIME_MS: u64 = 170_000;

/// The four books.
#[derive(Debug)]
pub struct Compare<'a, O, S, G, C> {
    /// The orders.
    pub orders: &'a O,
    /// The shelves.
    pub stock: &'a S,
    /// The gateway.
    pub gateway: &'a G,
    /// The carrier.
    pub carrier: &'a C,
}

/// What to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The present.
    pub at: Timestamp,
    /// How many days back; everything when it is not given.
    pub days: Option<u32>,
}

impl Range {
    /// What the input asks for.
    pub fn of(input: &Value, at: Timestamp) -> Result<Self, StepError> {
        let days = match &input["days"] {
            Value::Null => None,
            days => {
                Some(days.as_u64().and_then(|days| u32::try_from(days).ok()).ok_or_else(|| {
                    ErrorName::InvalidRequest.with_detail("`days` must be a whole number of days")
                })?)
            }
        };
        Ok(Self { at, days })
    }

    fn since(self) -> Option<Timestamp> {
        self.days.map(|days| self.at.plus_hours(-24 * i64::from(days)))
    }
}

impl<O, S, G, C> Compare<'_, O, S, G, C>
where
    O: ScanOrders + LoadOrder + SaveOrder,
    S: ReadStockLevels,
    G: ListPaymentIntents,
    C: ListLabels,
{
    /// Compares, logs and counts the differences, and calls a person to each order
    /// that one is about. It stops when `has_time` says so.
    pub async fn run(&self, range: Range, has_time: &(dyn Fn() -> bool + Sync)) -> Report {
        let mut report = reading::read(self, range, has_time).await;
        report.tell(range.at);
        report.raised = self.raise(&report, range.at).await;
        report
    }

    /// Raises attention on each order that a difference is about, once.
    async fn raise(&self, report: &Report, at: Timestamp) -> usize {
        let orders: BTreeSet<&OrderId> =
            report.differences.iter().filter_map(|it| it.order_id.as_ref()).collect();
        let mut raised = 0;
        for id in orders {
            match retry_on_conflict(|| self.raise_once(id, at)).await {
                Ok(done) => raised += usize::from(done),
                Err(failure) => aws::telemetry::log_failure("compare", id.as_str(), &failure),
            }
        }
        raised
    }

    async fn raise_once(
        &self,
        id: &OrderId,
        at: Timestamp,
    ) -> Result<bool, conflict::AttemptError> {
        let found = self.orders.load(id).await;
        // What has not the form of an order, or is none, cannot be written either.
        let Ok(Some(order)) = found else { return Ok(false) };
        if order.has_timeline_code(timeline_code::LEDGER_MISMATCH) {
            return Ok(false);
        }
        save_order(self.orders, &order, order.with_attention(timeline_code::LEDGER_MISMATCH, at))
            .await?;
        Ok(true)
    }
}
