//! The statuses of an order and the table of its moves (`workflow.md`, section 3).

use serde::{Deserialize, Serialize};

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted and written down.
    Received,
    /// Accepted, to begin at a later date.
    Scheduled,
    /// The money is authorised on the card.
    Authorized,
    /// A person must look before it goes on.
    InReview,
    /// Waits for a restock.
    Backordered,
    /// Every line is reserved.
    Reserved,
    /// The carrier is being asked to sell the label: past cancelling.
    Shipping,
    /// Stuck: an operator must decide.
    NeedsAttention,
    /// Shipped and paid. Closed.
    Fulfilled,
    /// The money could not be had. Closed.
    PaymentFailed,
    /// The goods are not there. Closed.
    OutOfStock,
    /// The stock could not be reserved for a technical reason. Closed.
    InventoryFailed,
    /// The label could not be bought. Closed.
    ShippingFailed,
    /// A person said no, or nobody looked in time. Closed.
    Rejected,
    /// The customer said no. Closed.
    Cancelled,
}

use Status::{
    Authorized, Backordered, Cancelled, Fulfilled, InReview, InventoryFailed, NeedsAttention,
    OutOfStock, PaymentFailed, Received, Rejected, Reserved, Scheduled, Shipping, ShippingFailed,
};

impl Status {
    /// Every status, in the order of an order's life.
    pub const ALL: [Self; 15] = [
        Received,
        Scheduled,
        Authorized,
        InReview,
        Backordered,
        Reserved,
        Shipping,
        NeedsAttention,
        Fulfilled,
        PaymentFailed,
        OutOfStock,
        InventoryFailed,
        ShippingFailed,
        Rejected,
        Cancelled,
    ];

    /// The statuses that an order may move to from here by the table.
    ///
    /// Besides these, any order that is not closed may come to need attention,
    /// and one that compensates may take the outcome that was decided.
    pub const fn successors(self) -> &'static [Self] {
        match self {
            Received | Scheduled => &[Authorized, PaymentFailed, Cancelled, NeedsAttention],
            Authorized | InReview => &[
                InReview,
                Reserved,
                Backordered,
                OutOfStock,
                InventoryFailed,
                Rejected,
                PaymentFailed,
                Cancelled,
                NeedsAttention,
            ],
            Backordered => &[
                Backordered,
                Reserved,
                OutOfStock,
                InventoryFailed,
                PaymentFailed,
                Cancelled,
                NeedsAttention,
            ],
            Reserved => &[
                Shipping,
                InventoryFailed,
                ShippingFailed,
                PaymentFailed,
                Cancelled,
                NeedsAttention,
            ],
            Shipping => {
                &[Fulfilled, InventoryFailed, ShippingFailed, PaymentFailed, NeedsAttention]
            }
            NeedsAttention => &[NeedsAttention, Fulfilled],
            Fulfilled | PaymentFailed | OutOfStock | InventoryFailed | ShippingFailed
            | Rejected | Cancelled => &[],
        }
    }

    /// Whether nothing leaves this status any more.
    pub const fn is_closed(self) -> bool {
        self.successors().is_empty()
    }

    /// Whether an order here may move to `to`, given what its compensation
    /// decided, if it compensates.
    pub fn can_transition_to(self, to: Self, decided: Option<Self>) -> bool {
        self.successors().contains(&to) || (!self.is_closed() && decided == Some(to))
    }

    /// Whether a customer may still cancel, as far as the status goes.
    pub const fn allows_cancellation(self) -> bool {
        matches!(self, Received | Scheduled | Authorized | InReview | Backordered | Reserved)
    }

    /// The name in the table and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Received => "RECEIVED",
            Scheduled => "SCHEDULED",
            Authorized => "AUTHORIZED",
            InReview => "IN_REVIEW",
            Backordered => "BACKORDERED",
            Reserved => "RESERVED",
            Shipping => "SHIPPING",
            NeedsAttention => "NEEDS_ATTENTION",
            Fulfilled => "FULFILLED",
            PaymentFailed => "PAYMENT_FAILED",
            OutOfStock => "OUT_OF_STOCK",
            InventoryFailed => "INVENTORY_FAILED",
            ShippingFailed => "SHIPPING_FAILED",
            Rejected => "REJECTED",
            Cancelled => "CANCELLED",
        }
    }

    /// The status of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `workflow.md`, written as there, one row a status.
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
        let listed = |list: &str, status: Status| list.split(' ').any(|name| name == status.name());
        if listed(CLOSED, from) {
            return false;
        }
        let row = TABLE.iter().find(|(name, _)| *name == from.name()).map_or("", |(_, to)| to);
        listed(row, to)
            || to == NeedsAttention
            || (from == NeedsAttention && to == Fulfilled)
            || decided == Some(to)
    }

    #[test]
    fn every_pair_of_statuses_moves_as_the_table_says_and_no_other() {
        let decided = [None, Some(PaymentFailed), Some(Cancelled), Some(OutOfStock)];
        for from in Status::ALL {
            for to in Status::ALL {
                for outcome in decided {
                    let expected = allowed(from, to, outcome);
                    assert_eq!(from.can_transition_to(to, outcome), expected, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn closed_is_what_the_table_calls_closed() {
        for status in Status::ALL {
            let listed = CLOSED.split(' ').any(|name| name == status.name());
            assert_eq!(status.is_closed(), listed, "{status}");
        }
    }

    #[test]
    fn names_are_those_that_serde_writes() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(Status::from_name(status.name()), Some(status));
        }
    }
}
