//! The command `cargo local`; see `cargo local --help`.

use std::process::ExitCode;

use clap::Parser;
use local_stack::commands::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    commands::run(Cli::parse()).await
}
