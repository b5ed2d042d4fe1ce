//! `cargo local`: the commands, one file each.

mod cost;
mod demo;
mod replay;
mod screen;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::conformance;

/// The whole product on this machine: the functions that ship, the state machine
/// that ships, and the world around them, with no AWS account.
#[derive(Debug, Parser)]
#[command(name = "cargo local", bin_name = "cargo local", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays every scenario on a fresh stack, and checks how each ends.
    Demo(demo::Args),
    /// Keeps a stack running to work with; its state is kept in .local/.
    Up(up::Args),
    /// Sends order files to a running stack and follows them to their end.
    Replay(replay::Args),
    /// Says what one order costs on AWS, for each path of its life.
    Cost(cost::Args),
    /// Runs recorded executions of AWS through the engine and compares.
    Conformance(conformance::Args),
}

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> ExitCode {
    let ended = match cli.command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Up(args) => up::run(&args).await,
        Command::Replay(args) => replay::run(&args).await,
        Command::Cost(args) => cost::run(&args).await,
        Command::Conformance(args) => conformance::run(&args),
    };
    ended.unwrap_or_else(|error| {
        screen::complain(&error);
        ExitCode::FAILURE
    })
}
