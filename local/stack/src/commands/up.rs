//! `cargo local up`: keeps a stack running to work with.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::screen::{say, tell};
use crate::clock::ClockSettings;
use crate::scenarios::run::stock;
use crate::stack::{Ports, Settings, Stack, interrupted};
use crate::{functions, workspace};

/// What `cargo local up` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The port of the web page and the API; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the AWS endpoint; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// The port of the payment gateway; 0 takes a free one.
    #[arg(long, default_value_t = 4570)]
    gateway_port: u16,
    /// The port of the carrier; 0 takes a free one.
    #[arg(long, default_value_t = 4571)]
    carrier_port: u16,
    /// Forget what was kept, and begin anew.
    #[arg(long)]
    fresh: bool,
    /// Where the state is kept [default: .local in the workspace].
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// How many times faster than the wall clock waits and deadlines pass.
    #[arg(long, default_value = "1", value_name = "N")]
    speed: NonZeroU32,
    /// Leap to the next timer whenever nothing is going on.
    #[arg(long)]
    skip: bool,
    /// Build the functions in the profile that ships.
    #[arg(long)]
    release: bool,
}

/// Builds, starts, serves until it is told to end.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root();
    let folder = args.state_dir.clone().unwrap_or_else(|| root.join(".local"));
    let binaries = functions::build(&root, args.release)?;
    let ports = Ports {
        api: args.port,
        aws: args.aws_port,
        gateway: args.gateway_port,
        carrier: args.carrier_port,
    };
    let clock = ClockSettings { speed: args.speed, skip: args.skip, start: None };
    let settings = Settings::kept(&root, binaries, ports, clock, folder, args.fresh);
    let stack = Stack::start(settings).await?;
    if stack.rows("Inventory").await?.is_empty() {
        stock(&stack, &root).await.context("stocking the shelves from events/stock.json")?;
    }
    let urls = stack.urls();
    tell("Ctrl-C ends it. In another terminal: cargo local replay events/orders/*.json");
    say(format_args!(
        "ready {}",
        json!({
            "api": urls.api,
            "aws": urls.aws,
            "gateway": urls.gateway,
            "carrier": urls.carrier,
            "stateMachineArn": stack.step_functions().state_machine_arn(),
            "pid": std::process::id(),
        })
    ));
    interrupted().await;
    tell("ending");
    stack.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
