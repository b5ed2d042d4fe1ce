//! An order as it is on record, and the writes that it admits.
//!
//! Truth is in the Orders table: a step loads the order, decides by the facts on
//! it, acts, and records. Each method here that changes an order gives back the
//! order as it will be, one [`version`](Order::version) later; the store writes
//! the difference on condition that the version is still the one that was read.
//! So a fact that a decision rests on cannot change under it, whichever it is:
//! the owner, the compensation, the cancellation, the status.
//!
//! One file is one part of its life: `record` is what there is to it, `beginning`
//! how it is accepted, `asking` what the record says ([`Order::guard_forward`] is
//! where a step that goes forward learns that it may not), `forward` and `turning`
//! what the steps of the state machine record ([`Order::begin_compensation`] is
//! where an order turns round), `answering` what people say to it, `recovering`
//! what the reconciler records, and `writing` how every write is made and when the
//! reconciler looks next.

mod answering;
mod asking;
mod beginning;
mod forward;
mod record;
mod recovering;
mod turning;
mod writing;

pub use answering::{AnswerRefused, CancelRefused};
pub use beginning::NewOrder;
pub use record::{
    Acknowledged, Attention, Backorder, Customer, Order, TimelineEntry, WhenOutOfStock,
};
pub use recovering::{Finding, MOST_TAKE_OVERS, Recovery};
pub use writing::code;

/// How many buckets the index of open orders has.
pub const BUCKETS: u8 = 8;
