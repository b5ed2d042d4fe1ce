//! The statuses of an order: one table, which everything that asks about a status
//! reads.
//!
//! [`Status::row`] is that table. It says for each status which statuses may follow,
//! whether the customer may still cancel, what an order in it waits for, and what the
//! customer reads when the order failed. A closed status has no successor.
//!
//! Two rules hold for every status that is not closed, and are not repeated in the
//! rows: the order may come to `NEEDS_ATTENTION`, and once it compensates it may take
//! the outcome that was decided. See [`Status::can_transition_to`].

use serde::{Deserialize, Serialize};

use crate::attention::Attention;

/// Where an order is in its life.
///
/// The names are stored and public; a deployed one is never renamed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted and stored.
    Received,
    /// Accepted and stored, to start at a later date.
    Scheduled,
    /// The payment is authorized.
    Authorized,
    /// An operator must approve the order.
    InReview,
    /// The order waits for a restock.
    Backordered,
    /// Every line is reserved.
    Reserved,
    /// A shipment is stored and its label may be bought at any moment: too late to
    /// cancel.
    Shipping,
    /// The workflow is stuck: an operator must decide how it goes on.
    NeedsAttention,
    /// Shipped and paid. Closed.
    Fulfilled,
    /// The payment failed. Closed.
    PaymentFailed,
    /// The goods are out of stock. Closed.
    OutOfStock,
    /// The stock could not be reserved for a technical reason. Closed.
    InventoryFailed,
    /// The label could not be bought. Closed.
    ShippingFailed,
    /// An operator rejected the order, or its review expired. Closed.
    Rejected,
    /// The customer canceled the order. Closed.
    Cancelled,
}

use Status::{
    Authorized, Backordered, Cancelled, Fulfilled, InReview, InventoryFailed, NeedsAttention,
    OutOfStock, PaymentFailed, Received, Rejected, Reserved, Scheduled, Shipping, ShippingFailed,
};

/// What the table says about a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The statuses that may follow. None: the status is closed.
    pub successors: &'static [Status],
    /// Whether the customer may still cancel, as far as the status goes.
    pub cancelable: bool,
    /// What an order in this status waits for.
    pub waits_for: Option<Attention>,
    /// Why the order failed, as the customer reads it. It reveals no internal reason
    /// and none of the card issuer's.
    pub failure_text: Option<&'static str>,
}

impl Row {
    const fn open(successors: &'static [Status]) -> Self {
        Self { successors, cancelable: false, waits_for: None, failure_text: None }
    }

    const fn cancelable(self) -> Self {
        Self { cancelable: true, ..self }
    }

    const fn waits_for(self, attention: Attention) -> Self {
        Self { waits_for: Some(attention), ..self }
    }

    const fn failed(text: &'static str) -> Self {
        Self { failure_text: Some(text), ..Self::open(&[]) }
    }
}

/// What may follow the authorization and the review.
const AFTER_AUTHORIZATION: &[Status] = &[
    InReview,
    Reserved,
    Backordered,
    OutOfStock,
    InventoryFailed,
    Rejected,
    PaymentFailed,
    Cancelled,
];

impl Status {
    /// Every status, in the order of an order's life.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// What a step may record of an order in `NEEDS_ATTENTION` once an operator let it retry.
    pub const AFTER_RETRY: &'static [Self] = &[Authorized, Reserved, Shipping];

    /// The row of this status in the table.
    pub const fn row(self) -> Row {
        match self {
            Received | Scheduled => Row::open(&[Authorized, PaymentFailed, Cancelled]).cancelable(),
            Authorized => Row::open(AFTER_AUTHORIZATION).cancelable(),
            InReview => Row::open(AFTER_AUTHORIZATION).cancelable().waits_for(Attention::Review),
            Backordered => Row::open(&[
                Backordered,
                Reserved,
                OutOfStock,
                InventoryFailed,
                PaymentFailed,
                Cancelled,
            ])
            .cancelable()
            .waits_for(Attention::Backorder),
            Reserved => {
                Row::open(&[Shipping, InventoryFailed, ShippingFailed, PaymentFailed, Cancelled])
                    .cancelable()
            }
            Shipping => Row::open(&[Fulfilled, InventoryFailed, ShippingFailed, PaymentFailed]),
            NeedsAttention => Row::open(&[Fulfilled]).waits_for(Attention::Operator),
            Fulfilled => Row::open(&[]),
            PaymentFailed => Row::failed("The payment could not be completed."),
            OutOfStock => Row::failed("Not everything that was ordered is in stock."),
            InventoryFailed => Row::failed("The stock could not be reserved."),
            ShippingFailed => Row::failed("The order could not be shipped to this address."),
            Rejected => Row::failed("The order was not approved."),
            Cancelled => Row::failed("The order was canceled."),
        }
    }

    /// Whether no other status can follow.
    pub const fn is_closed(self) -> bool {
        self.row().successors.is_empty()
    }

    /// Whether an order in this status may move to `to`. `decided` is the outcome that
    /// its compensation decided, if it compensates.
    pub fn can_transition_to(self, to: Self, decided: Option<Self>) -> bool {
        !self.is_closed()
            && (to == NeedsAttention || self.row().successors.contains(&to) || decided == Some(to))
    }

    /// Whether the customer may still cancel, as far as the status goes.
    pub const fn allows_cancellation(self) -> bool {
        self.row().cancelable
    }

    /// What an order in this status waits for.
    pub const fn waits_for(self) -> Option<Attention> {
        self.row().waits_for
    }

    /// Why the order failed, in words that the customer may read; none for an order
    /// that is fulfilled or not closed.
    pub const fn failure_text(self) -> Option<&'static str> {
        self.row().failure_text
    }

    /// The name in the table and in the API, such as `IN_REVIEW`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transitions as the design states them: a second source for the table above.
    const TABLE: [(&str, &str); 7] = [
        ("RECEIVED", "AUTHORIZED PAYMENT_FAILED CANCELLED"),
        ("SCHEDULED", "AUTHORIZED PAYMENT_FAILED CANCELLED"),
        (
            "AUTHORIZED",
            "IN_REVIEW RESERVED BACKORDERED OUT_OF_STOCK INVENTORY_FAILED REJECTED PAYMENT_FAILED CANCELLED",
        ),
        (
            "IN_REVIEW",
            "IN_REVIEW RESERVED BACKORDERED OUT_OF_STOCK INVENTORY_FAILED REJECTED PAYMENT_FAILED CANCELLED",
        ),
        (
            "BACKORDERED",
            "BACKORDERED RESERVED OUT_OF_STOCK INVENTORY_FAILED PAYMENT_FAILED CANCELLED",
        ),
        ("RESERVED", "SHIPPING INVENTORY_FAILED SHIPPING_FAILED PAYMENT_FAILED CANCELLED"),
        ("SHIPPING", "FULFILLED INVENTORY_FAILED SHIPPING_FAILED PAYMENT_FAILED"),
    ];

    const CLOSED: &str =
        "FULFILLED PAYMENT_FAILED OUT_OF_STOCK INVENTORY_FAILED SHIPPING_FAILED REJECTED CANCELLED";

    fn allowed(from: Status, to: Status, decided: Option<Status>) -> bool {
        let listed =
            |list: &str, status: Status| list.split(' ').any(|name| name == status.as_str());
        if listed(CLOSED, from) {
            return false;
        }
        let row = TABLE.iter().find(|(name, _)| *name == from.as_str()).map_or("", |(_, to)| to);
        listed(row, to)
            || to == NeedsAttention
            || (from == NeedsAttention && to == Fulfilled)
            || decided == Some(to)
    }

    #[test]
    fn every_transition_that_the_design_allows_is_possible_and_no_other() {
        let decided = [None, Some(PaymentFailed), Some(Cancelled), Some(OutOfStock)];
        for from in Status::ALL.iter().copied() {
            for to in Status::ALL.iter().copied() {
                for outcome in decided {
                    let expected = allowed(from, to, outcome);
                    assert_eq!(from.can_transition_to(to, outcome), expected, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn the_statuses_that_the_design_calls_closed_are_closed() {
        for status in Status::ALL.iter().copied() {
            let listed = CLOSED.split(' ').any(|name| name == status.as_str());
            assert_eq!(status.is_closed(), listed, "{status}");
        }
    }

    #[test]
    fn strum_and_serde_agree_on_the_names() {
        for status in Status::ALL.iter().copied() {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(status.as_str().parse().ok(), Some(status));
        }
    }

    #[test]
    fn only_failed_orders_show_a_failure_text() {
        for status in Status::ALL.iter().copied() {
            let failed = status.is_closed() && status != Fulfilled;
            assert_eq!(status.failure_text().is_some(), failed, "{status}");
        }
    }

    #[test]
    fn a_closed_status_waits_for_nothing_and_cannot_be_canceled() {
        for status in Status::ALL.iter().copied().filter(|status| status.is_closed()) {
            assert_eq!(
                (status.waits_for(), status.allows_cancellation()),
                (None, false),
                "{status}"
            );
        }
    }

    #[test]
    fn each_reason_for_attention_has_one_status_that_waits_for_it() {
        for attention in Attention::ALL {
            let waiting =
                Status::ALL.iter().filter(|status| status.waits_for() == Some(*attention));
            assert_eq!(waiting.count(), 1, "{attention}");
        }
    }
}
