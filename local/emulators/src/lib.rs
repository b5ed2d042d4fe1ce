//! Look-alikes of the payment gateway (Stripe's PaymentIntents and refunds) and of
//! the carrier (EasyPost's shipments): small state machines that keep the
//! providers' rules, with ledgers that the code under test cannot write.
//!
//! The map:
//! - [`wire`]: a call and an answer as bytes; what a call came to on the wire.
//! - [`gateway`] and [`carrier`]: the models. Request in, answer out; no socket, no
//!   clock, no chance. The same calls at the same times give the same bytes.
//! - [`faults`]: what is to go wrong, at which point, at the how-manieth call. It
//!   knows neither provider: the stack plans its own points with it.
//! - [`webhooks`]: what the providers tell of their own accord, and their signatures.
//! - [`provider`]: what the two models have in common, and their journal.
//! - [`face`]: either model served over HTTP, misbehaviour included.
//!
//! Both refuse any secret that does not look like a test key.

pub mod carrier;
pub mod face;
pub mod faults;
pub mod gateway;
pub mod provider;
pub mod webhooks;
pub mod wire;

mod callers;
mod due;
mod ids;
