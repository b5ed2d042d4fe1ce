//! What can differ between the books: a closed list, so that each kind is counted
//! by its name and a test plants each.

use domain::{OrderId, Sku};
use serde::Serialize;

/// A difference between two of the books, or within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Of which kind.
    pub kind: Kind,
    /// The order that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The shelf that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// What each book says: ids, figures and codes, nothing of a person.
    pub detail: String,
}

impl Difference {
    /// One about an order.
    pub(super) fn of_order(kind: Kind, order_id: &OrderId, detail: impl Into<String>) -> Self {
        Self { kind, order_id: Some(order_id.clone()), sku: None, detail: detail.into() }
    }

    /// One about a shelf.
    pub(super) fn of_shelf(kind: Kind, sku: &Sku, detail: impl Into<String>) -> Self {
        Self { kind, order_id: None, sku: Some(sku.clone()), detail: detail.into() }
    }

    /// One about something that has no name that could be trusted.
    pub(super) fn of_nobody(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, order_id: None, sku: None, detail: detail.into() }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident = $name:literal,)+) => {
        /// The kinds of difference.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $($(#[$doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name in the report, in logs and in metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// The order is fulfilled, and the gateway has not captured.
    NotCaptured = "NOT_CAPTURED",
    /// The order is fulfilled, and the gateway captured another sum than its total.
    CapturedAmountDiffers = "CAPTURED_AMOUNT_DIFFERS",
    /// The order is fulfilled, and money went back.
    RefundedThoughFulfilled = "REFUNDED_THOUGH_FULFILLED",
    /// More went back than was captured.
    RefundedTooMuch = "REFUNDED_TOO_MUCH",
    /// The order was given up, and its authorisation is live.
    AuthorisationLive = "AUTHORIZATION_LIVE",
    /// The order was given up, and we have money of its customer.
    MoneyKept = "MONEY_KEPT",
    /// The bank was asked about an intent that is not the order's stored one.
    StrayIntent = "STRAY_INTENT",
    /// The bank was asked about an intent that names an order of which there is no record.
    IntentOfUnknownOrder = "INTENT_OF_UNKNOWN_ORDER",
    /// The gateway does not know the order's intent.
    IntentMissing = "INTENT_MISSING",
    /// The order's intent names another order.
    IntentOfAnother = "INTENT_OF_ANOTHER",
    /// What is on record about the money is not what the gateway did.
    PaymentRecordDiffers = "PAYMENT_RECORD_DIFFERS",

    /// The order is fulfilled, and there is no label.
    LabelMissing = "LABEL_MISSING",
    /// The order is fulfilled, and its label was given back.
    LabelGivenBack = "LABEL_GIVEN_BACK",
    /// The order was given up, and its label is live and paid for.
    LabelKept = "LABEL_KEPT",
    /// A live label that is not that of the order's stored shipment.
    StrayLabel = "STRAY_LABEL",
    /// A live label that names an order of which there is no record.
    LabelOfUnknownOrder = "LABEL_OF_UNKNOWN_ORDER",
    /// The order's shipment names another order.
    LabelOfAnother = "LABEL_OF_ANOTHER",
    /// What is on record about the label is not what the carrier did.
    LabelRecordDiffers = "LABEL_RECORD_DIFFERS",

    /// What a shelf received is not what is available and what orders hold.
    ShelfDiffers = "SHELF_DIFFERS",
    /// A shelf says that there is less than nothing.
    ShelfNegative = "SHELF_NEGATIVE",
    /// Orders took something from a shelf that there is not.
    ShelfMissing = "SHELF_MISSING",
    /// A shelf has not the form of one.
    ShelfUnreadable = "SHELF_UNREADABLE",

    /// The order was given up, and holds goods.
    StockHeld = "STOCK_HELD",
    /// The order is fulfilled, and holds no goods.
    StockNotHeld = "STOCK_NOT_HELD",
    /// The order holds other goods than were ordered.
    ReservationDiffers = "RESERVATION_DIFFERS",
    /// The order's total is not the sum of its lines.
    TotalDiffers = "TOTAL_DIFFERS",
    /// The order ended otherwise than it was decided.
    OutcomeDiffers = "OUTCOME_DIFFERS",
    /// The order is fulfilled, and nobody approved it who had to.
    NotApproved = "NOT_APPROVED",
    /// The order is not closed, and nobody looks after it.
    Unwatched = "UNWATCHED",
    /// The order is settled, and has the token of a wait.
    WaitLeft = "WAIT_LEFT",
    /// A record of the table has not the form of an order.
    OrderUnreadable = "ORDER_UNREADABLE",
}
