//! The servers of the stack, each over real sockets and with real processes.
//!
//! One test program for all of them: they share the probe function and a host.

mod client;
mod clients;
mod clock;
mod dynamodb;
mod endpoint;
mod events;
mod functions;
mod lambda;
mod stack;
mod support;
