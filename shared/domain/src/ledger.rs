//! The books that say something about an order, and the ports through which all
//! of each is read: the gateway's intents, the carrier's labels, the shelves, the
//! orders themselves. Who compares them is `reconcile-orders`.
//!
//! A book is read a part at a time. An entry that cannot be read is counted, or
//! named, and left out: one that somebody has spoilt must not hide the others.
//!
//! There is no port for the list of refunds: an intent's entry says how much of it
//! went back, in the same answer as how much was taken. Two lists, read one after
//! the other, could disagree only because of the time between them.

use std::future::Future;

use crate::payment::PaymentIntentState;
use crate::ports::{CallOutcome, PaymentRejection, ShippingRejection, StoreUnavailable};
use crate::shipment::LabelRefundState;
use crate::{Money, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Timestamp};

/// A part of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPage<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// How many there were besides that cannot be read.
    pub unreadable: usize,
    /// Where the book goes on, if it does.
    pub next: Option<String>,
}

/// What the gateway's book says of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentIntentEntry {
    /// The intent.
    pub id: PaymentIntentId,
    /// The order that it names, as it is written there: it may be anything.
    pub order: Option<String>,
    /// Its state.
    pub state: PaymentIntentState,
    /// What it is for.
    pub amount: Money,
    /// How much of it was taken, in minor units.
    pub captured_minor: u64,
    /// How much of that went back or is on its way, in minor units.
    pub refunded_minor: u64,
    /// Whether the bank was ever asked, whatever it said.
    pub confirmed: bool,
}

impl PaymentIntentEntry {
    /// The order that it names, if what is written there is the name of one.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.order.as_deref()?).ok()
    }

    /// What we have of it: taken and not given back, in minor units.
    pub const fn net_captured_minor(&self) -> u64 {
        self.captured_minor.saturating_sub(self.refunded_minor)
    }
}

/// What the carrier's book says of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEntry {
    /// The shipment.
    pub id: ShipmentId,
    /// Its reference, as it is written there: it may be anything.
    pub reference: Option<String>,
    /// The carrier's number on its label, if one was bought.
    pub tracking_code: Option<String>,
    /// How far the refund of the label is.
    pub refund: LabelRefundState,
}

impl LabelEntry {
    /// The order that it names, if what is written there is the name of one.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.reference.as_deref()?).ok()
    }

    /// Whether a parcel could travel with its label, and it is paid for.
    pub const fn is_live(&self) -> bool {
        self.tracking_code.is_some()
            && !matches!(self.refund, LabelRefundState::Submitted | LabelRefundState::Refunded)
    }
}

/// What a shelf says. A hand may have made its figures negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// What is on it.
    pub sku: Sku,
    /// How many can be reserved now.
    pub available: i64,
    /// How many were ever put there.
    pub received: i64,
}

/// What the table of the orders holds under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEntry {
    /// An order.
    Order(Box<Order>),
    /// Something that has not the form of one; its key.
    Malformed(String),
}

/// Reads the gateway's book.
pub trait ListPaymentIntents: Sync {
    /// A part of all intents that were created since, newest first, from the entry
    /// after `after` on.
    fn list_payment_intents(
        &self,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> impl Future<Output = CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection>> + Send;

    /// The entry of one intent.
    fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = CallOutcome<PaymentIntentEntry, PaymentRejection>> + Send;
}

/// Reads the carrier's book.
pub trait ListLabels: Sync {
    /// A part of all shipments whose label was bought and that were created from
    /// `since` to `until`, newest first, from the entry after `after` on.
    fn list_labels(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        after: Option<&str>,
    ) -> impl Future<Output = CallOutcome<LedgerPage<LabelEntry>, ShippingRejection>> + Send;

    /// The entry of one shipment, bought or not.
    fn entry(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = CallOutcome<LabelEntry, ShippingRejection>> + Send;
}

/// Reads all orders (`dynamodb:Scan` and `dynamodb:BatchGetItem` on Orders), each
/// strongly consistent.
pub trait ScanOrders: Sync {
    /// A part of all orders, in any order, from the entry after `after` on.
    fn scan(
        &self,
        after: Option<&str>,
    ) -> impl Future<Output = Result<LedgerPage<OrderEntry>, StoreUnavailable>> + Send;

    /// What there is under these ids, in any order.
    fn load_all(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<Vec<OrderEntry>, StoreUnavailable>> + Send;
}

/// Reads all shelves (`dynamodb:Scan` on Inventory), each strongly consistent.
pub trait ReadStockLevels: Sync {
    /// Every shelf; one that cannot be read is counted.
    fn stock_levels(
        &self,
    ) -> impl Future<Output = Result<LedgerPage<StockLevel>, StoreUnavailable>> + Send;
}
