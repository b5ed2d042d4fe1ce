//! EasyPost's requests and responses against EasyPost's recordings: every request has a
//! recorded shape, and every recorded response is classified correctly.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod api_key;
mod ledger;
mod shipments;
mod webhook;
