//! The API over in-memory ports: requests as API Gateway passes them on, responses as
//! clients get them. One module per operation; `support` is the test bed.

#![cfg(test)]

mod actions;
mod audit;
mod board;
mod cancel_order;
mod console;
mod decisions;
mod document;
mod inventory;
mod list_orders;
mod order_limits;
mod place_order;
mod privacy;
mod read_order;
mod restock;
mod sample_events;
mod support;
mod tokens;
mod validation;
mod webhooks;
