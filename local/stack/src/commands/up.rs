//! `cargo local up`: runs a stack to work with, until Ctrl-C.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::output::{page_address, print_info, print_result};
use crate::clock::ClockSettings;
use crate::scenarios::stock_levels::load_stock;
use crate::stack::{Ports, Settings, Stack, interrupted};
use crate::{functions, workspace};

/// The arguments of `cargo local up`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// The port of the API; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the AWS endpoint; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// The port of the Stripe emulator; 0 takes a free one.
    #[arg(long, default_value_t = 4570)]
    gateway_port: u16,
    /// The port of the EasyPost emulator; 0 takes a free one.
    #[arg(long, default_value_t = 4571)]
    carrier_port: u16,
    /// Discard the kept state first.
    #[arg(long)]
    fresh: bool,
    /// Where to keep the state [default: .local in the workspace].
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// How many times faster than the wall clock waits and deadlines pass.
    #[arg(long, default_value = "1", value_name = "N")]
    speed: NonZeroU32,
    /// Skip ahead to the next timer whenever the stack is idle.
    #[arg(long)]
    skip: bool,
    /// After how many seconds the functions read settings and secrets again [default: 300,
    /// as on AWS].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=300))]
    settings_max_age: Option<u64>,
    /// Build the functions in the release profile.
    #[arg(long)]
    release: bool,
    /// Deny what the roles of template.yaml do not allow. Any other client may do everything.
    #[arg(long)]
    enforce_policies: bool,
}

/// Builds the functions and serves a stack until Ctrl-C or SIGTERM.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root();
    let folder = args.state_dir.clone().unwrap_or_else(|| root.join(".local"));
    let binaries = functions::build(&root, args.release)?;
    let ports = Ports {
        api: args.port,
        aws: args.aws_port,
        stripe: args.gateway_port,
        easypost: args.carrier_port,
    };
    let clock = ClockSettings { speed: args.speed, skip: args.skip, start: None };
    let mut settings = Settings::persistent(&root, binaries, ports, clock, folder, args.fresh)
        .with_policies(args.enforce_policies);
    if let Some(seconds) = args.settings_max_age {
        settings = settings.with_settings_max_age(Duration::from_secs(seconds));
    }
    let stack = Stack::start(settings).await?;
    if stack.items("Inventory").await?.is_empty() {
        load_stock(&stack, &root).await.context("loading the stock from events/stock.json")?;
    }
    let urls = stack.urls();
    print_result(page_address(&urls));
    print_info("Ctrl-C stops it. In another terminal: cargo local replay events/orders/*.json");
    print_result(format_args!(
        "ready {}",
        json!({
            "api": urls.api,
            "aws": urls.aws,
            "gateway": urls.stripe,
            "carrier": urls.easypost,
            "stateMachineArn": stack.step_functions().state_machine_arn(),
            "pid": std::process::id(),
        })
    ));
    interrupted().await;
    print_info("shutting down");
    stack.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
