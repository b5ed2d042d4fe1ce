//! The local stack: the whole product on one machine, over real sockets.
//!
//! It promises that what ships runs unchanged: the function binaries are
//! processes that speak Lambda's runtime API to [`lambda`], the state machine
//! file runs in [`stepfunctions`] over crate `asl`, the tables are [`dynamodb`],
//! and all of it answers on one AWS endpoint, [`aws`]. [`clock`] is the one
//! clock that every wait and timestamp is on.
//!
//! Read [`stack`] first: it starts and ends all of these together.

pub mod api_front;
pub mod audit;
pub mod aws;
pub mod clock;
pub mod commands;
pub mod conformance;
pub mod counters;
pub mod dynamodb;
mod events;
pub mod faults;
pub mod functions;
mod http;
pub mod lambda;
pub mod scenarios;
pub mod stack;
pub mod stepfunctions;
pub mod template;
pub mod trace;
pub mod urls;
pub mod workspace;
