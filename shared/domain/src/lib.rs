//! The nouns of an order and their rules.
//!
//! Nothing here opens a socket, reads a clock or knows of AWS: given what is on
//! record and the time, it says what may happen next. The functions act on
//! that, and the aws (`shared/aws`) speak the [`ports`] to the outside.
//!
//! Where to begin: [`order`] is the record and the writes that it admits;
//! [`status`] the table of its life; [`payment`] what each state of the money
//! means to each operation; [`compensation`] how an order turns round;
//! [`error`] the closed list of names that the state machine matches.

pub mod attention;
pub mod backorders;
pub mod catalog;
pub mod compensate;
pub mod compensation;
pub mod conflict;
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
pub mod shipment;
pub mod status;
pub mod step;
pub mod steps;
pub mod stock;
pub mod task_input;
pub mod time;

pub use attention::Attention;
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
