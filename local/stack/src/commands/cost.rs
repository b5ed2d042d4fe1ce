//! `cargo local cost`: what one order costs on AWS, for each path through the workflow,
//! and what a deployment costs without any order.
//!
//! The command runs every scenario on a fresh stack and multiplies what each order used
//! by the prices of `prices.json`. It counts the order's requests, its executions with
//! their functions, the reconciler's finalization, and every read and write of these, in
//! the units that DynamoDB bills for tables and indexes. The durations of network and
//! provider calls cannot be counted on a laptop; they are assumptions of the price list.
//!
//! [`measure`] runs and counts, `usage` knows what an order uses as it is deployed,
//! `orchestration` what it would use otherwise, `standing` what is paid each month.

mod dollars;
mod measure;
mod orchestration;
mod prices;
mod report;
mod standing;
mod usage;

use std::process::ExitCode;

use anyhow::Result;

use super::output::{Progress, print_info, print_result};
use crate::scenarios::scenario;
use crate::stack::{Settings, Stack, interrupted};
use crate::{functions, workspace};

pub use measure::Costs;

/// The arguments of `cargo local cost`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo local cost happy declined carrier-refuses\n\n\
    The prices are the list prices of local/stack/prices.json; their date is printed.")]
pub(super) struct Args {
    /// Run only these scenarios.
    #[arg(value_name = "SCENARIO")]
    only: Vec<String>,
    /// Of 100 invocations, how many start a process.
    #[arg(long, value_name = "PERCENT", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(0..=100))]
    cold_starts: u64,
    /// Print the results as JSON, alone on standard output.
    #[arg(long)]
    json: bool,
}

/// Builds the functions, runs the scenarios and prints the costs.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root();
    let scenarios = scenario::select(scenario::load(&root)?, &args.only)?;
    let binaries = functions::build(&root, false)?;
    let stack = Stack::start(Settings::temporary(&root, binaries)).await?;
    let mut progress = Progress::new(scenarios.len());
    let mut show = |scenario: Option<&str>| match scenario {
        Some(name) => progress.start(name),
        None => progress.finish(None),
    };
    let costs = tokio::select! {
        costs = Costs::measure(&stack, &root, &scenarios, args.cold_starts, &mut show) => Some(costs),
        () = interrupted() => None,
    };
    stack.shutdown().await;
    let Some(costs) = costs else {
        print_info("interrupted: shutting down");
        return Ok(ExitCode::from(130));
    };
    let costs = costs?;
    if args.json {
        print_result(serde_json::to_string_pretty(&costs.to_json())?);
    } else {
        print_result(&costs);
    }
    let failed: Vec<_> = costs.failed().collect();
    for scenario in &failed {
        print_info(format_args!("{scenario} did not end as expected"));
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
