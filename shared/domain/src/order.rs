//! An order as it is on record, and the writes that it allows.
//!
//! The Orders table is the truth. A step loads the order, decides by the facts on it,
//! acts, and records. Each method that changes an order returns the order as it will be,
//! one [`version`](Order::version) later; the store writes the difference on condition
//! that the version is still the one that was read. So no fact that a decision rests on
//! can change under it: owner, compensation, cancellation, status.
//!
//! Three fields keep the order right through any crash:
//! - [`execution`](Order::execution) owns the order. An execution that does not own it
//!   changes nothing.
//! - [`compensation`](Order::compensation) is written once, by the first compensating step
//!   before it acts. After that no forward write is made.
//! - [`cancel_requested_at`](Order::cancel_requested_at) is set while the status allows
//!   it, so that exactly one of "canceled" and "shipped" wins.
//!
//! Where to start: `record` has the fields. `queries` has the conditions
//! ([`Order::ensure_can_proceed`] for forward steps). `forward` and `compensation` are
//! what the steps of the workflow record, `decisions` what people and restocks decide,
//! `recovery` what the reconciler records, `retention` when its personal data is removed,
//! `settlement` what operators claim where a provider gives no answer,
//! `actions` what a caller may do now, `overview` what an operator needs to know, `write`
//! what every write does and when the reconciler checks the order next.

mod actions;
mod compensation;
mod decisions;
mod forward;
mod overview;
mod placement;
mod queries;
mod record;
mod recovery;
mod retention;
mod settlement;
mod timeline;
mod write;

pub use crate::attention::Attention;
pub use actions::{Action, Permissions};
pub use decisions::{CancellationError, DecisionError};
pub use overview::{LabelFact, MoneyFact, RaisedAttention, RecordedFacts, StockFact};
pub use placement::NewOrder;
pub use record::{Acknowledgment, Backorder, Customer, Order, OutOfStockPolicy, Retention};
pub use recovery::{MAX_RESTARTS, Observation, Recovery};
pub use timeline::{TimelineCode, TimelineEntry};
pub use write::OPEN_ORDER_BUCKETS;
