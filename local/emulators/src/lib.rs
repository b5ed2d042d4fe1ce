//! Emulators of Stripe (PaymentIntents and refunds) and EasyPost (shipments).
//!
//! Each is a small state machine that keeps the provider's documented rules, with a ledger that the
//! code under test cannot write. The same calls at the same times give the same bytes. Both accept
//! test API keys only.
//!
//! - [`exchange`]: HTTP requests and responses, and which part of a response reaches the caller.
//! - [`stripe`] and [`easypost`]: the emulators, without sockets, clocks or randomness.
//! - [`faults`]: plans of injected faults. It knows neither provider; the stack uses it for its own
//!   fault points too.
//! - [`webhooks`]: webhook events and their signatures.
//! - [`emulator`]: the trait that both implement, and the journal that restores them.
//! - [`http`]: an emulator served over HTTP. Start here to run one.

pub mod easypost;
pub mod emulator;
pub mod exchange;
pub mod faults;
pub mod http;
pub mod stripe;
pub mod webhooks;

mod callers;
mod fault_delivery;
mod ids;
mod rate_limit;
mod schedule;
