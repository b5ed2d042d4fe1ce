//! The emulators' rules, and their responses checked against the providers' contracts.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod contracts;
mod easypost;
mod faults;
mod http;
mod idempotency;
mod journal;
mod random;
mod stripe;
mod support;
mod webhooks;
