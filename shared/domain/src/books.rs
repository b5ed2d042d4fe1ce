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

use crate::payment::IntentState;
use crate::ports::{Called, CarrierRefusal, GatewayRefusal, StoreUnavailable};
use crate::shipment::CarrierRefund;
use crate::{IntentId, Moment, Money, Order, OrderId, ShipmentId, Sku};

/// A part of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// How many there were besides that cannot be read.
    pub unread: usize,
    /// Where the book goes on, if it does.
    pub next: Option<String>,
}

/// What the gateway's book says of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentEntry {
    /// The intent.
    pub id: IntentId,
    /// The order that it names, as it is written there: it may be anything.
    pub order: Option<String>,
    /// Its state.
    pub state: IntentState,
    /// What it is for.
    pub amount: Money,
    /// How much of it was taken, in minor units.
    pub captured_minor: u64,
    /// How much of that went back or is on its way, in minor units.
    pub refunded_minor: u64,
    /// Whether the bank was ever asked, whatever it said.
    pub confirmed: bool,
}

impl IntentEntry {
    /// The order that it names, if what is written there is the name of one.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.order.as_deref()?).ok()
    }

    /// What we have of it: taken and not given back, in minor units.
    pub const fn kept_minor(&self) -> u64 {
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
    pub refund: CarrierRefund,
}

impl LabelEntry {
    /// The order that it names, if what is written there is the name of one.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.reference.as_deref()?).ok()
    }

    /// Whether a parcel could travel with its label, and it is paid for.
    pub const fn is_live(&self) -> bool {
        self.tracking_code.is_some()
            && !matches!(self.refund, CarrierRefund::Submitted | CarrierRefund::Done)
    }
}

/// What a shelf says. A hand may have made its figures negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfEntry {
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
    Spoilt(String),
}

/// Reads the gateway's book.
pub trait ListIntents: Sync {
    /// A part of all intents that were created since, newest first, from the entry
    /// after `after` on.
    fn intents(
        &self,
        since: Option<Moment>,
        after: Option<&str>,
    ) -> impl Future<Output = Called<Part<IntentEntry>, GatewayRefusal>> + Send;

    /// The entry of one intent.
    fn entry(
        &self,
        id: &IntentId,
    ) -> impl Future<Output = Called<IntentEntry, GatewayRefusal>> + Send;
}

/// Reads the carrier's book.
pub trait ListLabels: Sync {
    /// A part of all shipments whose label was bought and that were created from
    /// `since` to `until`, newest first, from the entry after `after` on.
    fn labels(
        &self,
        since: Option<Moment>,
        until: Moment,
        after: Option<&str>,
    ) -> impl Future<Output = Called<Part<LabelEntry>, CarrierRefusal>> + Send;

    /// The entry of one shipment, bought or not.
    fn entry(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Called<LabelEntry, CarrierRefusal>> + Send;
}

/// Reads all orders (`dynamodb:Scan` and `dynamodb:BatchGetItem` on Orders), each
/// strongly consistent.
pub trait ScanOrders: Sync {
    /// A part of all orders, in any order, from the entry after `after` on.
    fn scan(
        &self,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Part<OrderEntry>, StoreUnavailable>> + Send;

    /// What there is under these ids, in any order.
    fn load_all(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<Vec<OrderEntry>, StoreUnavailable>> + Send;
}

/// Reads all shelves (`dynamodb:Scan` on Inventory), each strongly consistent.
pub trait ReadShelves: Sync {
    /// Every shelf; one that cannot be read is counted.
    fn shelves(&self) -> impl Future<Output = Result<Part<ShelfEntry>, StoreUnavailable>> + Send;
}
