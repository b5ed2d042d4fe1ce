//! Stripe's requests and responses against what Stripe publishes: every request matches
//! the OpenAPI document, and every recorded response is classified correctly.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod api_key;
mod ledger;
mod openapi;
mod payments;
mod webhook;
