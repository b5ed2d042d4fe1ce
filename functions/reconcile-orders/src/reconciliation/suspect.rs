//! A suspect: a possible discrepancy that the second pass verifies.

use domain::{OrderId, PaymentIntentId, ShipmentId};

/// How many suspects and discrepancies one run collects. More mean a systematic error, such
/// as the key of another account, and are more than an operator can look at.
pub(super) const MAX_SUSPECTS: usize = 1_000;

/// A possible discrepancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    /// What may disagree with the order.
    pub(super) subject: Subject,
    /// The order.
    pub(super) order_id: OrderId,
    /// What the Orders table had under that id.
    pub(super) recorded: Recorded,
}

/// What may disagree with the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A payment intent.
    Intent(PaymentIntentId),
    /// The label of a shipment.
    Label(ShipmentId),
    /// The order's own record.
    Record,
}

/// What the Orders table had when the suspect was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// The order in this version.
    Version(u64),
    /// No such order.
    Nothing,
}
