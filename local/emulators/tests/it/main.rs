//! The look-alikes' rules, each as a sentence with evidence; and their answers, held against
//! the providers' own contracts.

#![expect(clippy::unwrap_used, reason = "a helper of the tests fails the test that called it")]

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
