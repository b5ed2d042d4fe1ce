//! Look-alikes of the payment gateway (Stripe's PaymentIntents and refunds) and of
//! the carrier (EasyPost's shipments): small state machines that keep the
//! providers' rules, with ledgers that the code under test cannot write.
//!
//! The map:
//! - [`exchange`]: a call and an answer as bytes; what a call came to on the wire.
//! - [`stripe`] and [`easypost`]: the models. Request in, answer out; no socket, no
//!   clock, no chance. The same calls at the same times give the same bytes.
//! - [`faults`]: what is to go wrong, at which point, at the how-manieth call. It
//!   knows neither provider: the stack plans its own points with it.
//! - [`webhooks`]: what the providers tell of their own accord, and their signatures.
//! - [`emulator`]: what the two models have in common, and their journal.
//! - [`http`]: either model served over HTTP, misbehaviour included.
//!
//! Both refuse any secret that does not look like a test key.

pub mod easypost;
pub mod emulator;
pub mod exchange;
pub mod faults;
pub mod http;
pub mod stripe;
pub mod webhooks;

mod callers;
mod ids;
mod schedule;
