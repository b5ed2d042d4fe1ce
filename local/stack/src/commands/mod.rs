//! `cargo local`: one file for each command.

pub mod cost;
mod demo;
mod load;
mod output;
mod replay;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::conformance;

/// Runs the order workflow on this machine: the function binaries and the state machine
/// that ship, with local servers in place of AWS, Stripe and EasyPost.
#[derive(Debug, Parser)]
#[command(name = "cargo local", bin_name = "cargo local", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every scenario on a fresh stack and check how each ends.
    Demo(demo::Args),
    /// Run a stack to work with; it keeps its state in .local/.
    Up(up::Args),
    /// Place orders from files on a running stack and follow them until they end.
    Replay(replay::Args),
    /// Fill a running stack with open orders that wait.
    Load(load::Args),
    /// Show what one order costs on AWS, for each path through the workflow.
    Cost(cost::Args),
    /// Run recorded AWS executions through the interpreter and compare the results.
    Conformance(conformance::Args),
}

/// Runs the command. An error is printed and becomes exit code 1.
pub async fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Up(args) => up::run(&args).await,
        Command::Replay(args) => replay::run(&args).await,
        Command::Load(args) => load::run(&args).await,
        Command::Cost(args) => cost::run(&args).await,
        Command::Conformance(args) => conformance::run(&args),
    };
    result.unwrap_or_else(|error| {
        output::print_error(&error);
        ExitCode::FAILURE
    })
}
