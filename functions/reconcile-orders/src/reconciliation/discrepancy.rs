//! A discrepancy between ledgers. The kinds are a closed list: each is counted by its name,
//! and a test plants each.

use domain::{OrderId, Sku};
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

/// A discrepancy between two ledgers, or within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discrepancy {
    /// What is wrong.
    pub kind: DiscrepancyKind,
    /// The order concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The stock level concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// What each ledger says: ids, amounts and codes, no personal data.
    pub detail: String,
}

impl Discrepancy {
    /// A discrepancy of an order.
    pub(super) fn of_order(
        kind: DiscrepancyKind,
        order_id: &OrderId,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, order_id: Some(order_id.clone()), sku: None, detail: detail.into() }
    }

    /// A discrepancy of a stock level.
    pub(super) fn of_sku(kind: DiscrepancyKind, sku: &Sku, detail: impl Into<String>) -> Self {
        Self { kind, order_id: None, sku: Some(sku.clone()), detail: detail.into() }
    }

    /// A discrepancy of a record without a well-formed id.
    pub(super) fn unnamed(kind: DiscrepancyKind, detail: impl Into<String>) -> Self {
        Self { kind, order_id: None, sku: None, detail: detail.into() }
    }
}

/// The kinds of discrepancy.
///
/// Their names in the report, in logs and in metrics are part of the interface. Where a
/// variant has another name, the older name of the interface is given.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(into = "&'static str")]
pub enum DiscrepancyKind {
    /// The order is fulfilled, and its payment is not captured.
    NotCaptured,
    /// The order is fulfilled, and another amount than its total is captured.
    #[strum(serialize = "CAPTURED_AMOUNT_DIFFERS")]
    CapturedAmountMismatch,
    /// The order is fulfilled, and another amount was refunded than is recorded.
    RefundedThoughFulfilled,
    /// More was refunded than captured.
    RefundedTooMuch,
    /// The order is closed without being fulfilled, and its authorization is live.
    AuthorizationLive,
    /// The order is closed without being fulfilled, and captured money is not refunded.
    MoneyKept,
    /// An intent that names the order was confirmed and is not the order's stored one.
    StrayIntent,
    /// An intent was confirmed that names an unknown order.
    IntentOfUnknownOrder,
    /// The payment provider does not know the order's intent.
    IntentMissing,
    /// The order's intent names another order.
    #[strum(serialize = "INTENT_OF_ANOTHER")]
    IntentOfAnotherOrder,
    /// The recorded payment status does not match the intent.
    #[strum(serialize = "PAYMENT_RECORD_DIFFERS")]
    PaymentRecordMismatch,

    /// The order is fulfilled, and there is no label.
    LabelMissing,
    /// The order is fulfilled, and its label was refunded.
    #[strum(serialize = "LABEL_GIVEN_BACK")]
    LabelRefunded,
    /// The order is closed without being fulfilled, and its paid label is live.
    LabelKept,
    /// A live label names the order and is not of its stored shipment.
    StrayLabel,
    /// A live label names an unknown order.
    LabelOfUnknownOrder,
    /// The order's shipment names another order.
    #[strum(serialize = "LABEL_OF_ANOTHER")]
    LabelOfAnotherOrder,
    /// The recorded label does not match the shipment.
    #[strum(serialize = "LABEL_RECORD_DIFFERS")]
    LabelRecordMismatch,

    /// The quantity received is not the quantity available plus what orders hold.
    #[strum(serialize = "SHELF_DIFFERS")]
    StockLevelMismatch,
    /// A quantity of the stock level is negative.
    #[strum(serialize = "SHELF_NEGATIVE")]
    StockLevelNegative,
    /// Orders reserved a SKU that has no stock level.
    #[strum(serialize = "SHELF_MISSING")]
    StockLevelMissing,
    /// A record of the Inventory table is not a stock level.
    #[strum(serialize = "SHELF_UNREADABLE")]
    StockLevelUnreadable,

    /// The order is closed without being fulfilled, and holds stock.
    StockHeld,
    /// The order is fulfilled, and holds no stock.
    StockNotHeld,
    /// The order reserved other quantities than were ordered.
    #[strum(serialize = "RESERVATION_DIFFERS")]
    ReservationMismatch,
    /// The order's total is not the sum of its lines.
    #[strum(serialize = "TOTAL_DIFFERS")]
    TotalMismatch,
    /// The order's final status is not the decided outcome.
    #[strum(serialize = "OUTCOME_DIFFERS")]
    OutcomeMismatch,
    /// The order is fulfilled without the approval that it needed.
    NotApproved,
    /// The order is not closed, and no sweep inspects it.
    Unwatched,
    /// The order is finalized and still has a task token.
    #[strum(serialize = "WAIT_LEFT")]
    TaskTokenLeft,
    /// A record of the Orders table is not an order.
    OrderUnreadable,
}

impl DiscrepancyKind {
    /// Every kind.
    pub const ALL: &'static [Self] = <Self as VariantArray>::VARIANTS;

    /// Its name in the report, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
