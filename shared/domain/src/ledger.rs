//! The ledgers that say something about an order, and the ports that list each of them:
//! the payment provider's intents, the shipping provider's labels, the stock levels, the
//! orders themselves. `reconcile-orders` compares them.
//!
//! A ledger is read page by page. An entry that cannot be parsed is counted, or named, and
//! left out, so that one malformed entry does not hide the others.
//!
//! No port lists the refunds: the entry of an intent says how much of it was refunded, in
//! the same response as how much was captured. Two lists that are read one after the other
//! could disagree merely because of the time between them.

use std::future::Future;

use crate::payment::PaymentIntentState;
use crate::ports::{CallOutcome, PaymentRejection, ShippingRejection, StoreUnavailable};
use crate::shipment::LabelRefundState;
use crate::{Money, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Timestamp};

/// A page of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPage<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// The number of entries that cannot be parsed.
    pub unreadable: usize,
    /// Where the next page starts, if there is one.
    pub next: Option<String>,
}

/// The payment provider's entry of a payment intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentIntentEntry {
    /// The intent.
    pub id: PaymentIntentId,
    /// The order that it names, as written there: it may be any text.
    pub order: Option<String>,
    /// Its state.
    pub state: PaymentIntentState,
    /// The amount to charge.
    pub amount: Money,
    /// The captured amount, in minor units.
    pub captured_minor: u64,
    /// The part of it that is refunded, or whose refund is on its way, in minor units.
    pub refunded_minor: u64,
    /// Whether it was ever confirmed, with any result.
    pub confirmed: bool,
}

impl PaymentIntentEntry {
    /// The order that it names, if the text is an order id.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.order.as_deref()?).ok()
    }

    /// The captured amount less the refunded amount, in minor units.
    pub const fn net_captured_minor(&self) -> u64 {
        self.captured_minor.saturating_sub(self.refunded_minor)
    }
}

/// The shipping provider's entry of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEntry {
    /// The shipment.
    pub id: ShipmentId,
    /// Its reference, as written there: it may be any text.
    pub reference: Option<String>,
    /// Whether a label was bought for it.
    pub is_bought: bool,
    /// The tracking code of its label, once the carrier assigned one.
    pub tracking_code: Option<String>,
    /// The refund of the label.
    pub refund: LabelRefundState,
}

impl LabelEntry {
    /// The order that it names, if the text is an order id.
    pub fn order_id(&self) -> Option<OrderId> {
        OrderId::parse(self.reference.as_deref()?).ok()
    }

    /// Whether its label is bought and no refund of it is under way.
    pub const fn is_live(&self) -> bool {
        self.is_bought
            && matches!(self.refund, LabelRefundState::NotRequested | LabelRefundState::Rejected)
    }
}

/// The stock level of a SKU. An edit by hand may have made a figure negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// The SKU.
    pub sku: Sku,
    /// The units that can be reserved now.
    pub available: i64,
    /// The units that were ever received.
    pub received: i64,
}

/// An item of the Orders table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEntry {
    /// An order.
    Order(Box<Order>),
    /// An item that cannot be parsed; its key.
    Malformed(String),
}

/// Lists the payment intents of the payment provider.
pub trait ListPaymentIntents: Sync {
    /// A page of the intents created at or after `since`, newest first, starting after the
    /// entry `after`.
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

/// Lists the labels of the shipping provider.
pub trait ListLabels: Sync {
    /// A page of the shipments with a bought label that were created from `since` to
    /// `until`, newest first, starting after the entry `after`.
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

/// Scans the orders (`dynamodb:Scan` and `dynamodb:BatchGetItem` on Orders), each
/// strongly consistent.
pub trait ScanOrders: Sync {
    /// A page of all orders, in any order, starting after the entry `after`.
    fn scan(
        &self,
        after: Option<&str>,
    ) -> impl Future<Output = Result<LedgerPage<OrderEntry>, StoreUnavailable>> + Send;

    /// The orders with these ids that exist, in any order.
    fn load_all(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<Vec<OrderEntry>, StoreUnavailable>> + Send;
}

/// Lists the stock levels (`dynamodb:Scan` on Inventory), strongly consistent.
pub trait ReadStockLevels: Sync {
    /// Every stock level.
    fn stock_levels(
        &self,
    ) -> impl Future<Output = Result<LedgerPage<StockLevel>, StoreUnavailable>> + Send;
}
