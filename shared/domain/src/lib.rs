//! The domain: an order, its rules, and the ports to its neighbors.
//!
//! There is no I/O here, no clock and no SDK: given what is on record and the time, the
//! domain decides what happens next. The functions act on that through the [`ports`].
//!
//! Where to start: [`order`] is the record and the writes that it allows. Two tables
//! describe the workflow: [`steps`] lists its states, [`status`] the statuses of an order.
//! [`payment`] says what each state of a payment intent means to each operation,
//! [`compensation`] decides how a failed order ends, and [`error`] lists the error names
//! that the state machine matches.

pub mod account;
pub mod attention;
pub mod audit;
pub mod backorders;
pub mod catalog;
pub mod compensate;
pub mod compensation;
pub mod conflict;
pub mod country;
pub mod decision;
pub mod error;
pub mod id;
pub mod ledger;
pub mod money;
pub mod operation;
pub mod order;
pub mod outcome;
pub mod payment;
pub mod policy;
pub mod ports;
pub mod private;
pub mod recent_orders;
pub mod settlement;
pub mod shipment;
pub mod status;
pub mod steps;
pub mod stock;
pub mod task_input;
pub mod time;

pub use attention::Attention;
pub use country::Country;
pub use error::{ErrorName, StepError};
pub use id::{
    CustomerId, ExecutionName, OrderId, PaymentIntentId, RateId, ShipmentId, Sku, TaskToken,
};
pub use money::{Currency, Money, Quantity};
pub use order::Order;
pub use outcome::Outcome;
pub use private::Private;
pub use status::Status;
pub use time::Timestamp;
