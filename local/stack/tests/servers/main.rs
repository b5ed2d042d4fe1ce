//! The servers of the stack, over real sockets and with real worker processes.
//!
//! One test binary for all of them, since they share the probe function.

mod client;
mod clients;
mod clock;
mod dynamodb;
mod endpoint;
mod events;
mod functions;
mod lambda;
mod secrets;
mod stack;
mod support;
