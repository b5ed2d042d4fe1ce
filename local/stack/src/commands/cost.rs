//! `cargo local cost`: what one order costs on AWS, for each path through the workflow.
//!
//! The command runs every scenario on a fresh stack and multiplies what each order used
//! by the prices of `prices.json`. It counts the order's requests, its executions with
//! their functions, the reconciler's finalization, and every read and write of these, in
//! the units that DynamoDB bills for tables and indexes. The durations of network and
//! provider calls cannot be counted on a laptop; they are assumptions of the price list.

mod dollars;
mod prices;
mod usage;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::output::{Progress, print_info, print_result};
use crate::scenarios::stock_levels::load_stock;
use crate::scenarios::{Report, Scenario, runner, scenario};
use crate::stack::{Settings, Stack, interrupted};
use crate::{functions, workspace};
use dollars::Dollars;
use prices::{Bill, PriceList};
use usage::{FunctionMemory, Observed, OrderUsage, monthly_sweeps};

/// The arguments of `cargo local cost`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo local cost happy declined carrier-refuses\n\n\
    The prices are the list prices of local/stack/prices.json; their date is printed.")]
pub(super) struct Args {
    /// Run only these scenarios.
    #[arg(value_name = "SCENARIO")]
    only: Vec<String>,
    /// Print the results as JSON, alone on standard output.
    #[arg(long)]
    json: bool,
}

/// What one order cost.
#[derive(Debug)]
struct OrderCost {
    scenario: String,
    /// Whether the scenario ended as expected.
    ok: bool,
    usage: OrderUsage,
    bill: Bill,
    finalization: Dollars,
}

impl OrderCost {
    fn total(&self) -> Dollars {
        [self.bill.total(), self.finalization].into_iter().sum()
    }
}

/// Builds the functions, runs the scenarios and prints the costs.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let prices = PriceList::read()?;
    let root = workspace::root();
    let scenarios = scenario::select(scenario::load(&root)?, &args.only)?;
    let binaries = functions::build(&root, false)?;
    let memory = FunctionMemory::read(&functions::read_template(&root)?)?;
    let stack = Stack::start(Settings::temporary(&root, binaries)).await?;
    let observed = tokio::select! {
        observed = run_all(&stack, &root, &scenarios) => Some(observed),
        () = interrupted() => None,
    };
    stack.shutdown().await;
    let Some(observed) = observed else {
        print_info("interrupted: shutting down");
        return Ok(ExitCode::from(130));
    };
    let costs = costs(&prices, &memory, &scenarios, &observed?)?;
    let monthly = prices.bill(&monthly_sweeps(&prices.assumptions, &memory)?)?.total();
    if args.json {
        print_result(serde_json::to_string_pretty(&to_json(&prices, &costs, monthly))?);
    } else {
        print_table(&costs);
        print_notes(&prices, monthly);
    }
    for cost in costs.iter().filter(|cost| !cost.ok) {
        print_info(format_args!("{} did not end as expected", cost.scenario));
    }
    let ok = costs.iter().all(|cost| cost.ok);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report of a scenario, and what the functions logged meanwhile.
struct ObservedScenario {
    report: Report,
    log_bytes: u64,
}

async fn run_all(
    stack: &Stack,
    root: &Path,
    scenarios: &[Scenario],
) -> Result<Vec<ObservedScenario>> {
    load_stock(stack, root).await?;
    let mut progress = Progress::new(scenarios.len());
    let mut observed = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        progress.start(&scenario.name);
        let logged_before = logged_bytes(stack);
        let report = runner::run(stack, scenario, &mut |_| {}).await;
        let mut report = report.with_context(|| format!("scenario `{}`", scenario.name))?;
        report.counts = stack.counters().for_order(&report.order_id);
        let log_bytes = logged_bytes(stack).saturating_sub(logged_before);
        observed.push(ObservedScenario { report, log_bytes });
        progress.finish(None);
    }
    Ok(observed)
}

/// The size of the functions' log.
fn logged_bytes(stack: &Stack) -> u64 {
    std::fs::metadata(stack.folder().join("functions.log")).map_or(0, |file| file.len())
}

fn costs(
    prices: &PriceList,
    memory: &FunctionMemory,
    scenarios: &[Scenario],
    observed: &[ObservedScenario],
) -> Result<Vec<OrderCost>> {
    let cost = |(scenario, observed): (&Scenario, &ObservedScenario)| {
        let report = &observed.report;
        let order = Observed {
            counts: &report.counts,
            requests: u64::from(scenario.submission.times),
            lines: scenario.order["items"].as_array().map_or(0, Vec::len),
            executions: u64::try_from(report.executions.len()).unwrap_or(u64::MAX),
            log_bytes: observed.log_bytes,
        };
        let usage = order.usage(&prices.assumptions, memory)?;
        let bill = prices.bill(&usage.order)?;
        let finalization = prices.bill(&usage.finalization)?.total();
        let (scenario, ok) = (report.name.clone(), report.ok);
        Ok(OrderCost { scenario, ok, usage, bill, finalization })
    };
    scenarios.iter().zip(observed).map(cost).collect()
}

fn to_json(prices: &PriceList, costs: &[OrderCost], monthly: Dollars) -> Value {
    let path = |cost: &OrderCost| {
        let positions = cost.bill.positions().into_iter();
        let parts: Map<_, _> =
            positions.map(|(name, cost)| (name.to_owned(), json!(cost.to_string()))).collect();
        json!({
            "name": cost.scenario,
            "ok": cost.ok,
            "usd": cost.total().to_string(),
            "picodollars": cost.total().picodollars(),
            "parts": parts,
            "settling": cost.finalization.to_string(),
            "usage": cost.usage,
        })
    };
    json!({
        "date": prices.date,
        "region": prices.region,
        "currency": prices.currency,
        "assumptions": prices.assumptions,
        "paths": costs.iter().map(path).collect::<Vec<_>>(),
        "reconcilerMonthlyUsd": monthly.to_string(),
    })
}

const COLUMNS: [&str; 8] =
    ["one order", "transitions", "functions", "tables", "indexes", "API", "logs", "reconciler"];

fn print_table(costs: &[OrderCost]) {
    let widest = costs.iter().map(|cost| cost.scenario.len()).max().unwrap_or(0).max(4);
    let print_line = |name: &str, cells: [String; 8]| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        print_result(format_args!("{name:widest$} {}", cells.join(" ")));
    };
    print_line("path", COLUMNS.map(str::to_owned));
    for cost in costs {
        let bill = &cost.bill;
        let functions: Dollars = [bill.invocations, bill.duration].into_iter().sum();
        let tables: Dollars = [bill.table_writes, bill.reads].into_iter().sum();
        let cells = [
            cost.total(),
            bill.transitions,
            functions,
            tables,
            bill.index_writes,
            bill.api,
            bill.logs,
            cost.finalization,
        ];
        print_line(&cost.scenario, cells.map(|cell| cell.to_string()));
    }
}

fn print_notes(prices: &PriceList, monthly: Dollars) {
    let assumptions = &prices.assumptions;
    print_result(format_args!(
        "\nUS dollars at the list prices of {} in {} (local/stack/prices.json), without free tiers.\n\
         Counted: the order's requests, its executions and their logs. The column `reconciler` is the\n\
         finalization of the order; it varies with the number of sweeps in which the order was due.\n\
         Assumed: {} ms for an invocation, {} ms for a call to the payment provider, {} ms for a call to\n\
         the shipping provider.\n\
         Not counted: webhooks and other requests (each one API call and one invocation), cold starts,\n\
         storage and backups, keys and secrets, custom metrics and alarms, data transfer.\n\
         In addition, without any order: the reconciler's sweep each minute costs {} a month.",
        prices.date,
        prices.region,
        assumptions.invocation_ms,
        assumptions.payment_call_ms,
        assumptions.shipping_call_ms,
        monthly,
    ));
}
