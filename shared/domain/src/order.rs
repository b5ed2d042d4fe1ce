//! An order as it is on record, and the writes that it admits.
//!
//! Truth is in the Orders table: a step loads the order, decides by the facts on
//! it, acts, and records. Each method here that changes an order gives back the
//! order as it will be, one [`version`](Order::version) later; the store writes
//! the difference on condition that the version is still the one that was read.
//! So a fact that a decision rests on cannot change under it, whichever it is:
//! the owner, the compensation, the cancellation, the status.
//!
//! One file is one part of its life: `record` is what there is to it, `placement`
//! how it is accepted, `queries` what the record says ([`Order::ensure_can_proceed`] is
//! where a step that goes forward learns that it may not), `forward` and `compensation`
//! what the steps of the state machine record ([`Order::begin_compensation`] is
//! where an order turns round), `decisions` what people say to it, `recovery`
//! what the reconciler records, and `write` how every write is made and when the
//! reconciler looks next.

mod compensation;
mod decisions;
mod forward;
mod placement;
mod queries;
mod record;
mod recovery;
mod timeline;
mod write;

pub use crate::attention::Attention;
pub use decisions::{CancellationError, DecisionError};
pub use placement::NewOrder;
pub use record::{Acknowledgment, Backorder, Customer, Order, OutOfStockPolicy};
pub use recovery::{MAX_RESTARTS, Observation, Recovery};
pub use timeline::{TimelineCode, TimelineEntry};

/// How many buckets the index of open orders has.
pub const OPEN_ORDER_BUCKETS: u8 = 8;

/// The former names of the timeline codes.
pub mod timeline_code {
    use super::TimelineCode;
    /// [`TimelineCode::CompensationBegun`].
    pub const COMPENSATION_BEGUN: TimelineCode = TimelineCode::CompensationBegun;
    /// [`TimelineCode::ReviewExpired`].
    pub const REVIEW_EXPIRED: TimelineCode = TimelineCode::ReviewExpired;
    /// [`TimelineCode::CancellationRequested`].
    pub const CANCELLATION_REQUESTED: TimelineCode = TimelineCode::CancellationRequested;
    /// [`TimelineCode::LabelRefundRefused`].
    pub const LABEL_REFUND_REFUSED: TimelineCode = TimelineCode::LabelRefundRefused;
    /// [`TimelineCode::RefundFailed`].
    pub const REFUND_FAILED: TimelineCode = TimelineCode::RefundFailed;
    /// [`TimelineCode::PaymentNotFinalized`].
    pub const PAYMENT_NOT_FINALIZED: TimelineCode = TimelineCode::PaymentNotFinalized;
    /// [`TimelineCode::PaymentAmountMismatch`].
    pub const PAYMENT_AMOUNT_MISMATCH: TimelineCode = TimelineCode::PaymentAmountMismatch;
    /// [`TimelineCode::Acknowledged`].
    pub const ACKNOWLEDGED: TimelineCode = TimelineCode::Acknowledged;
    /// [`TimelineCode::AuthorizationExpiring`].
    pub const AUTHORIZATION_EXPIRING: TimelineCode = TimelineCode::AuthorizationExpiring;
    /// [`TimelineCode::Restarted`].
    pub const RESTARTED: TimelineCode = TimelineCode::Restarted;
    /// [`TimelineCode::Escalated`].
    pub const ESCALATED: TimelineCode = TimelineCode::Escalated;
    /// [`TimelineCode::Disputed`].
    pub const DISPUTED: TimelineCode = TimelineCode::Disputed;
    /// [`TimelineCode::Tracking`].
    pub const TRACKING: TimelineCode = TimelineCode::Tracking;
    /// [`TimelineCode::LedgerMismatch`].
    pub const LEDGER_MISMATCH: TimelineCode = TimelineCode::LedgerMismatch;
}
