//! The local stack: the whole product on one machine, over real sockets.
//!
//! The code that ships runs unchanged. The function binaries are processes that speak
//! Lambda's runtime API to [`lambda`]. The state machine file runs in [`stepfunctions`],
//! on crate `asl`. The tables are [`dynamodb`], the settings and keys are in
//! [`secretsmanager`]. [`aws`] serves all four on one endpoint, [`iam`] knows what its
//! callers may do, and [`api_gateway`] serves the HTTP API. Every wait and timestamp uses
//! [`clock`].
//!
//! [`panel`] serves what the web page offers only here. Start with [`stack`], which starts
//! and stops all of these together.

pub mod api_gateway;
pub mod audit;
pub mod aws;
pub mod clock;
pub mod commands;
pub mod conformance;
pub mod counters;
pub mod dynamodb;
mod eventbridge;
pub mod faults;
pub mod functions;
mod http;
pub mod iam;
pub mod lambda;
mod panel;
pub mod scenarios;
pub mod secretsmanager;
pub mod stack;
pub mod stack_handle;
mod state_file;
pub mod stepfunctions;
pub mod template;
pub mod trace;
pub mod urls;
pub mod workspace;
mod xray;
