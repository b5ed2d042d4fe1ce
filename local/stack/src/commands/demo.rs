//! `cargo local demo`: plays every scenario on a fresh stack.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::screen::{Mover, say, tell};
use crate::scenarios::run::{play, shelves, stock};
use crate::scenarios::{self, Report, Scenario};
use crate::stack::{Settings, Stack, interrupted};
use crate::{functions, workspace};

/// What `cargo local demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the scenarios with one of these names.
    #[arg(value_name = "SCENARIO")]
    only: Vec<String>,
    /// Keep serving afterwards, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Print the results as JSON, alone on standard output.
    #[arg(long)]
    json: bool,
    /// Build the functions in the profile that ships.
    #[arg(long)]
    release: bool,
}

/// Builds, starts, plays, sums up.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root();
    let chosen = choose(scenarios::load(&root)?, &args.only)?;
    let binaries = functions::build(&root, args.release)?;
    let stack = Stack::start(Settings::fresh(&root, binaries)).await?;
    let played = tokio::select! {
        played = play_all(&stack, &root, &chosen, args.json) => Some(played),
        () = interrupted() => None,
    };
    let ended = match played {
        None => {
            tell("interrupted: ending everything");
            Ok(ExitCode::from(130))
        }
        Some(played) => match played {
            Ok(reports) => sum_up(&stack, &chosen, &reports, args).await,
            Err(error) => Err(error),
        },
    };
    if args.keep && ended.is_ok() && args.only.is_empty() {
        tell(format_args!("serving on {} until Ctrl-C", stack.urls().api));
        interrupted().await;
    }
    stack.shutdown().await;
    ended
}

fn choose(all: Vec<Scenario>, only: &[String]) -> Result<Vec<Scenario>> {
    if let Some(unknown) = only.iter().find(|name| !all.iter().any(|s| s.name == **name)) {
        let names: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
        bail!("there is no scenario `{unknown}`; there are: {}", names.join(", "));
    }
    let chosen = |scenario: &Scenario| only.is_empty() || only.contains(&scenario.name);
    Ok(all.into_iter().filter(chosen).collect())
}

async fn play_all(
    stack: &Stack,
    root: &Path,
    chosen: &[Scenario],
    quiet: bool,
) -> Result<Vec<Report>> {
    stock(stack, root).await?;
    let mut reports = Vec::with_capacity(chosen.len());
    for scenario in chosen {
        let mut mover = Mover::new(&scenario.name);
        let played = play(stack, scenario, &mut |moved| mover.show(moved)).await;
        mover.done();
        let report = played.with_context(|| format!("scenario `{}`", scenario.name))?;
        if !quiet {
            say(format_args!("\n{}: {}\n{}", report.name, scenario.about, report.transcript));
        }
        reports.push(report);
    }
    Ok(reports)
}

async fn sum_up(
    stack: &Stack,
    chosen: &[Scenario],
    reports: &[Report],
    args: &Args,
) -> Result<ExitCode> {
    let books = Books::read(stack, reports).await?;
    let ok = reports.iter().all(|report| report.ok) && books.wrong.is_empty();
    if args.json {
        say(serde_json::to_string_pretty(&json!({ "scenarios": reports }))?);
    } else {
        say(table(chosen, reports));
        books.show();
    }
    for report in reports {
        for difference in &report.differences {
            tell(format_args!("{}: {difference}", report.name));
        }
    }
    for wrong in &books.wrong {
        tell(wrong);
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(chosen: &[Scenario], reports: &[Report]) -> String {
    let mut lines =
        vec![format!("\n{:2} {:22} {:18} {:18} {}", "", "scenario", "expected", "seen", "money")];
    for (scenario, report) in chosen.iter().zip(reports) {
        let ledger = &report.ledger;
        lines.push(format!(
            "{:2} {:22} {:18} {:18} authorised {}, captured {}, voided {}, refunded {}; labels {}, refunded {}",
            if report.ok { "ok" } else { "NO" },
            report.name,
            scenario.expect.status,
            report.status,
            ledger.authorized,
            ledger.captured,
            ledger.voided,
            ledger.refunded,
            ledger.labels,
            ledger.label_refunds,
        ));
    }
    lines.join("\n")
}

/// The two sums that must hold over everything that was played.
struct Books {
    net_minor: i64,
    shipped_minor: i64,
    shelves: Vec<scenarios::expectation::Shelf>,
    wrong: Vec<String>,
}

impl Books {
    async fn read(stack: &Stack, reports: &[Report]) -> Result<Self> {
        let net_minor = reports.iter().map(|r| r.ledger.captured - r.ledger.refunded).sum();
        let mut shipped_minor = 0;
        for order in stack.rows("Orders").await? {
            if order["status"]["S"] == "FULFILLED" {
                let total = order["total"]["M"]["amount"]["N"].as_str();
                shipped_minor += total.context("an order has a total")?.parse::<i64>()?;
            }
        }
        let mut wrong = Vec::new();
        if net_minor != shipped_minor {
            wrong.push(format!(
                "captured − refunded is {net_minor}, the value shipped is {shipped_minor}"
            ));
        }
        let shelves = shelves(stack).await?;
        for shelf in &shelves {
            if shelf.received != shelf.available + shelf.reserved {
                wrong.push(format!("the shelf of {} does not add up: {shelf:?}", shelf.sku));
            }
        }
        Ok(Self { net_minor, shipped_minor, shelves, wrong })
    }

    fn show(&self) {
        let sign = |equal| if equal { "=" } else { "≠" };
        let (net, shipped) = (self.net_minor, self.shipped_minor);
        say(format_args!(
            "\ncaptured − refunded {net} {} {shipped} value shipped",
            sign(net == shipped)
        ));
        for shelf in &self.shelves {
            let held = shelf.available + shelf.reserved;
            say(format_args!(
                "{:10} received {} {} {} available + {} reserved and not released",
                shelf.sku,
                shelf.received,
                sign(shelf.received == held),
                shelf.available,
                shelf.reserved
            ));
        }
    }
}
