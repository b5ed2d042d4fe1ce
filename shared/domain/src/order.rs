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
mod write;

pub use crate::attention::Attention;
pub use decisions::{CancellationError, DecisionError};
pub use placement::NewOrder;
pub use record::{Acknowledgment, Backorder, Customer, Order, OutOfStockPolicy, TimelineEntry};
pub use recovery::{MAX_RESTARTS, Observation, Recovery};
pub use write::timeline_code;

/// How many buckets the index of open orders has.
pub const OPEN_ORDER_BUCKETS: u8 = 8;
