//! `cargo local cost`: what one order costs on AWS, for each path of its life.
//!
//! It plays every scenario on a fresh stack and multiplies what each order used
//! with the prices of `prices.json`, which says of when and whence they are. What
//! is counted: the execution's transitions, the functions that it invokes, the
//! request that placed the order, the end that the reconciler is told of and what
//! it writes to settle the order, and every read and write of these, in the units
//! that DynamoDB bills (an index costs what its entries cost). What cannot be
//! counted on a laptop, the time that providers take, is an assumption of the list.

mod bill;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::output::{print_info, print_result};
use crate::counters::{Counts, RECONCILER};
use crate::scenarios::stock_levels::load_stock;
use crate::scenarios::{Report, Scenario, runner, scenario};
use crate::stack::{Settings, Stack, interrupted};
use crate::template::Template;
use crate::{functions, workspace};
use bill::{Assumptions, Bill, Dollars, PriceList, Usage};

/// What `cargo local cost` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo local cost happy declined carrier-refuses\n\n\
    Prices are list prices of the date that is printed, in local/stack/prices.json.")]
pub(super) struct Args {
    /// Only the scenarios with one of these names.
    #[arg(value_name = "SCENARIO")]
    only: Vec<String>,
    /// Print the results as JSON, alone on standard output.
    #[arg(long)]
    json: bool,
}

/// What one order cost that went one path.
#[derive(Debug)]
struct Priced {
    name: String,
    ok: bool,
    usage: Used,
    bill: Bill,
    settling: Dollars,
}

impl Priced {
    fn total(&self) -> Dollars {
        [self.bill.total(), self.settling].into_iter().sum()
    }
}

/// Builds, plays, reckons.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let prices = PriceList::read()?;
    let root = workspace::root();
    let chosen = scenario::select(scenario::load(&root)?, &args.only)?;
    let binaries = functions::build(&root, false)?;
    let memory = Memory::read(&functions::read_template(&root)?)?;
    let stack = Stack::start(Settings::temporary(&root, binaries)).await?;
    let played = tokio::select! {
        played = play_all(&stack, &root, &chosen) => Some(played),
        () = interrupted() => None,
    };
    let played = match played {
        Some(Ok(played)) => reckon(&prices, &memory, &chosen, &played).map(Some),
        Some(Err(error)) => Err(error),
        None => Ok(None),
    };
    stack.shutdown().await;
    let Some(paths) = played? else {
        print_info("interrupted: ending everything");
        return Ok(ExitCode::from(130));
    };
    if args.json {
        print_result(serde_json::to_string_pretty(&in_json(&prices, &memory, &paths)?)?);
    } else {
        show(&prices, &memory, &paths)?;
    }
    let wrong = paths.iter().filter(|path| !path.ok);
    wrong.for_each(|path| print_info(format_args!("{} did not end as it should", path.name)));
    let ok = paths.iter().all(|path| path.ok);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A scenario that was played, and what the functions printed meanwhile.
struct Played {
    report: Report,
    printed_bytes: u64,
}

async fn play_all(stack: &Stack, root: &Path, chosen: &[Scenario]) -> Result<Vec<Played>> {
    load_stock(stack, root).await?;
    let mut played = Vec::with_capacity(chosen.len());
    for scenario in chosen {
        print_info(format_args!("  {}", scenario.name));
        let before = printed(stack);
        let report = runner::run(stack, scenario, &mut |_| {}).await;
        let mut report = report.with_context(|| format!("scenario `{}`", scenario.name))?;
        report.counts = stack.counters().for_order(&report.order_id);
        played.push(Played { report, printed_bytes: printed(stack).saturating_sub(before) });
    }
    Ok(played)
}

/// How much the functions have printed, in bytes.
fn printed(stack: &Stack) -> u64 {
    std::fs::metadata(stack.folder().join("functions.log")).map_or(0, |file| file.len())
}

/// How much memory each function has, in MB.
struct Memory(Vec<(String, u64)>);

impl Memory {
    fn read(template: &Template) -> Result<Self> {
        let functions = template.functions()?.into_iter();
        Ok(Self(functions.map(|one| (one.binary, u64::from(one.memory_mb))).collect()))
    }

    fn of(&self, function: &str) -> Result<u64> {
        let found = self.0.iter().find(|(name, _)| name == function).map(|(_, memory)| *memory);
        found.with_context(|| format!("the template has no function {function}"))
    }
}

fn reckon(
    prices: &PriceList,
    memory: &Memory,
    chosen: &[Scenario],
    played: &[Played],
) -> Result<Vec<Priced>> {
    let of_one = |(scenario, played): (&Scenario, &Played)| {
        let report = &played.report;
        let usage = Use {
            counts: &report.counts,
            requests: u64::from(scenario.submission.times),
            lines: scenario.order["items"].as_array().map_or(0, Vec::len),
            executions: executions(report),
            printed_bytes: played.printed_bytes,
        };
        let usage = usage.of(&prices.assumptions, memory)?;
        let (bill, settling) = (prices.bill(&usage.order)?, prices.bill(&usage.settling)?.total());
        Ok(Priced { name: report.name.clone(), ok: report.ok, usage, bill, settling })
    };
    chosen.iter().zip(played).map(of_one).collect()
}

/// How many executions the order had: each enters the first state once.
fn executions(report: &Report) -> u64 {
    let first = report.states.first();
    report.states.iter().filter(|state| Some(*state) == first).map(|_| 1).sum()
}

/// What an order used: for itself, and when the reconciler settled it, which takes a
/// look more or less from time to time.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Used {
    order: Usage,
    settling: Usage,
}

/// What was seen of an order, from which follows what it used.
struct Use<'a> {
    counts: &'a Counts,
    /// How often it was asked for.
    requests: u64,
    /// How many SKUs were priced, each time.
    lines: usize,
    executions: u64,
    printed_bytes: u64,
}

impl Use<'_> {
    fn of(&self, assumed: &Assumptions, memory: &Memory) -> Result<Used> {
        let counts = self.counts;
        let by_machine = counts.invocations_by_function.iter();
        let by_machine = by_machine.map(|(name, times)| (name.as_str(), *times));
        let (mut invocations, mut megabyte_ms) = (0, 0);
        for (name, times) in by_machine.chain([("order-api", self.requests)]) {
            let providers = match name {
                "process-payment" => counts.payment_calls * assumed.gateway_call_ms,
                "initiate-shipping" => counts.shipping_calls * assumed.carrier_call_ms,
                _ => 0,
            };
            invocations += times;
            megabyte_ms += (times * assumed.invocation_ms + providers) * memory.of(name)?;
        }
        let lines = u64::try_from(self.lines).unwrap_or(u64::MAX);
        let order = Usage {
            transitions: counts.transitions,
            invocations,
            megabyte_ms,
            write_units: counts.units.writes,
            index_write_units: counts.units.index_writes,
            read_units: counts.units.reads + self.requests * lines,
            api_calls: self.requests,
            log_bytes: self.printed_bytes + invocations * assumed.platform_log_bytes,
        };
        Ok(Used { order, settling: self.settling(assumed, memory)? })
    }

    /// The reconciler is told of each end of an execution.
    fn settling(&self, assumed: &Assumptions, memory: &Memory) -> Result<Usage> {
        let units = self.counts.reconciler_units;
        Ok(Usage {
            invocations: self.executions,
            megabyte_ms: self.executions * assumed.invocation_ms * memory.of(RECONCILER)?,
            write_units: units.writes,
            index_write_units: units.index_writes,
            read_units: units.reads,
            log_bytes: self.executions * assumed.platform_log_bytes,
            ..Usage::default()
        })
    }
}

/// What the reconciler costs in a month of 30 days however few orders there are.
fn monthly(prices: &PriceList, memory: &Memory) -> Result<Dollars> {
    const LOOKS: u64 = 30 * 24 * 60;
    let assumed = &prices.assumptions;
    let bill = prices.bill(&Usage {
        invocations: LOOKS,
        megabyte_ms: LOOKS * assumed.invocation_ms * memory.of(RECONCILER)?,
        read_units: LOOKS * assumed.read_units_of_a_look,
        log_bytes: LOOKS * assumed.platform_log_bytes,
        ..Usage::default()
    })?;
    Ok(bill.total())
}

fn in_json(prices: &PriceList, memory: &Memory, paths: &[Priced]) -> Result<Value> {
    let of_one = |path: &Priced| {
        let parts = path.bill.parts().into_iter();
        let parts: Map<_, _> =
            parts.map(|(name, cost)| (name.to_owned(), json!(cost.to_string()))).collect();
        json!({
            "name": path.name,
            "ok": path.ok,
            "usd": path.total().to_string(),
            "picodollars": path.total().pico(),
            "parts": parts,
            "settling": path.settling.to_string(),
            "usage": path.usage,
        })
    };
    Ok(json!({
        "date": prices.date,
        "region": prices.region,
        "currency": prices.currency,
        "assumptions": prices.assumptions,
        "paths": paths.iter().map(of_one).collect::<Vec<_>>(),
        "reconcilerMonthlyUsd": monthly(prices, memory)?.to_string(),
    }))
}

const COLUMNS: [&str; 8] =
    ["one order", "transitions", "functions", "tables", "indexes", "API", "logs", "settling"];

fn show(prices: &PriceList, memory: &Memory, paths: &[Priced]) -> Result<()> {
    let widest = paths.iter().map(|path| path.name.len()).max().unwrap_or(0).max(4);
    let line = |name: &str, cells: [String; 8]| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        print_result(format_args!("{name:widest$} {}", cells.join(" ")));
    };
    line("path", COLUMNS.map(str::to_owned));
    for path in paths {
        let bill = &path.bill;
        let functions: Dollars = [bill.invocations, bill.duration].into_iter().sum();
        let tables: Dollars = [bill.table_writes, bill.reads].into_iter().sum();
        let cells = [
            path.total(),
            bill.transitions,
            functions,
            tables,
            bill.index_writes,
            bill.api,
            bill.logs,
            path.settling,
        ];
        line(&path.name, cells.map(|cell| cell.to_string()));
    }
    let assumed = &prices.assumptions;
    print_result(format_args!(
        "\nUS dollars at the list prices of {} in {} (local/stack/prices.json), without free tiers.\n\
         Counted: the order's request, its executions and their logs; settling is what the reconciler\n\
         does about it, a look more or less from time to time.\n\
         Assumed: {} ms for an invocation, {} ms for a call of the gateway, {} ms for one of the carrier.\n\
         Not counted: what the providers ask, other requests (each one API call and one invocation),\n\
         cold starts, storage and backups, keys and secrets, custom metrics and alarms, data transfer.\n\
         Besides, however few orders there are: the reconciler's look each minute, {} a month.",
        prices.date,
        prices.region,
        assumed.invocation_ms,
        assumed.gateway_call_ms,
        assumed.carrier_call_ms,
        monthly(prices, memory)?,
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Units;

    fn memory() -> Memory {
        let functions =
            ["process-payment", "initiate-shipping", "order-api", "reconcile-orders"].into_iter();
        Memory(functions.map(|name| (name.to_owned(), 512)).collect())
    }

    #[test]
    fn the_request_the_execution_and_its_settling_are_all_used() {
        let counts = Counts {
            transitions: 7,
            invocations_by_function: [
                ("process-payment".to_owned(), 2),
                ("initiate-shipping".to_owned(), 1),
            ]
            .into(),
            payment_calls: 3,
            shipping_calls: 2,
            units: Units { reads: 4, writes: 20, index_writes: 9 },
            reconciler_units: Units { reads: 1, writes: 3, index_writes: 2 },
            ..Counts::default()
        };
        let seen =
            Use { counts: &counts, requests: 8, lines: 2, executions: 2, printed_bytes: 1_000 };
        let assumed = PriceList::read().unwrap().assumptions;
        let usage = seen.of(&assumed, &memory()).unwrap();
        let worked =
            11 * assumed.invocation_ms + 3 * assumed.gateway_call_ms + 2 * assumed.carrier_call_ms;
        let order = Usage {
            transitions: 7,
            invocations: 2 + 1 + 8,
            megabyte_ms: worked * 512,
            write_units: 20,
            index_write_units: 9,
            read_units: 4 + 8 * 2,
            api_calls: 8,
            log_bytes: 1_000 + 11 * assumed.platform_log_bytes,
        };
        let settling = Usage {
            invocations: 2,
            megabyte_ms: 2 * assumed.invocation_ms * 512,
            write_units: 3,
            index_write_units: 2,
            read_units: 1,
            log_bytes: 2 * assumed.platform_log_bytes,
            ..Usage::default()
        };
        assert_eq!(usage, Used { order, settling });
    }

    #[test]
    fn a_function_that_the_template_has_not_is_an_error() {
        let counts = Counts {
            invocations_by_function: [("another".to_owned(), 1)].into(),
            ..Counts::default()
        };
        let seen = Use { counts: &counts, requests: 1, lines: 1, executions: 1, printed_bytes: 0 };
        let assumed = PriceList::read().unwrap().assumptions;
        assert!(seen.of(&assumed, &memory()).is_err());
    }
}
