//! The look-alikes' rules, each as a sentence with evidence; and their answers, held against
//! the providers' own contracts.

#![expect(clippy::unwrap_used, reason = "a helper of the tests fails the test that called it")]

mod carrier;
mod contracts;
mod faults;
mod gateway;
mod http;
mod journal;
mod keys;
mod random;
mod support;
mod webhooks;
