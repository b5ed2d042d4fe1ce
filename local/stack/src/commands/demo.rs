//! `cargo local demo`: plays every scenario on a fresh stack.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::screen::{Mover, say, tell};
use crate::scenarios::client::Client;
use crate::scenarios::expectation::Shelf;
use crate::scenarios::run::{play, shelves, stock};
use crate::scenarios::{self, Report, Scenario};
use crate::stack::{Settings, Stack, interrupted};
use crate::{books, functions, workspace};

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
    for (number, scenario) in chosen.iter().enumerate() {
        let count = format!("{}/{}", number + 1, chosen.len());
        let mut mover = Mover::new(&format!("{count} {}", scenario.name));
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
    let books = Books::read(stack).await?;
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
    let wide = reports.iter().map(|report| report.name.len()).max().unwrap_or_default();
    let mut lines = vec![format!(
        "\n{:2} {:wide$} {:16} {:16} {}",
        "", "scenario", "expected", "seen", "money"
    )];
    for (scenario, report) in chosen.iter().zip(reports) {
        let ledger = &report.ledger;
        lines.push(format!(
            "{:2} {:wide$} {:16} {:16} authorised {}, captured {}, voided {}, refunded {}; labels {}, refunded {}",
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

/// What must hold over everything that was played: the sums, and of each order that
/// its record and both providers' books agree.
struct Books {
    net_minor: i64,
    shipped_minor: i64,
    /// Of orders that were not shipped, what the shop still has of their money: each
    /// of them is raised, so that a person gives it back.
    raised_minor: i64,
    shelves: Vec<Shelf>,
    wrong: Vec<String>,
}

impl Books {
    async fn read(stack: &Stack) -> Result<Self> {
        let client = Client::new(stack.urls());
        let net = client.net_by_order().await?;
        let mut books = Self {
            net_minor: net.values().sum(),
            shipped_minor: 0,
            raised_minor: 0,
            shelves: shelves(stack).await?,
            wrong: Vec::new(),
        };
        for order in stack.rows("Orders").await? {
            books.add(&order, &net)?;
            books.wrong.extend(books::wrong(&order, &client.ledger(id_of(&order)?).await?));
        }
        books.judge();
        Ok(books)
    }

    /// Enters an order: what it was shipped for, or what is raised about its money.
    fn add(&mut self, order: &Value, net: &BTreeMap<String, i64>) -> Result<()> {
        if order["status"]["S"] == "FULFILLED" {
            let total = order["total"]["M"]["amount"]["N"].as_str();
            self.shipped_minor += total.context("an order has a total")?.parse::<i64>()?;
        } else if order["attention"]["S"] == "OPERATOR" {
            self.raised_minor += net.get(id_of(order)?).copied().unwrap_or_default();
        }
        Ok(())
    }

    fn judge(&mut self) {
        if !self.money_agrees() {
            self.wrong.push(format!(
                "captured − refunded is {}, shipped or raised is {}",
                self.net_minor,
                self.shipped_minor + self.raised_minor
            ));
        }
        for shelf in &self.shelves {
            if shelf.received != shelf.available + shelf.reserved {
                self.wrong.push(format!("the shelf of {} does not add up: {shelf:?}", shelf.sku));
            }
        }
    }

    const fn money_agrees(&self) -> bool {
        self.net_minor == self.shipped_minor + self.raised_minor
    }

    fn show(&self) {
        let sign = |equal| if equal { "=" } else { "≠" };
        let raised = match self.raised_minor {
            0 => String::new(),
            raised => format!(" + {raised} to be given back by a person"),
        };
        let (net, shipped) = (self.net_minor, self.shipped_minor);
        say(format_args!(
            "\ncaptured − refunded {net} {} {shipped} value shipped{raised}",
            sign(self.money_agrees())
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

fn id_of(order: &Value) -> Result<&str> {
    order["orderId"]["S"].as_str().context("an order has an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(net_minor: i64) -> Books {
        let shelves = Vec::new();
        Books { net_minor, shipped_minor: 0, raised_minor: 0, shelves, wrong: Vec::new() }
    }

    fn order(status: &str, attention: Option<&str>) -> Value {
        let mut order = json!({
            "orderId": {"S": "ord_1"},
            "status": {"S": status},
            "total": {"M": {"amount": {"N": "500"}}},
        });
        if let Some(attention) = attention {
            order["attention"] = json!({ "S": attention });
        }
        order
    }

    #[test]
    fn money_that_is_neither_shipped_for_nor_raised_is_wrong() {
        let check = |net_minor: i64, order: &Value, agrees: bool| {
            let mut books = books(net_minor);
            books.add(order, &BTreeMap::from([("ord_1".to_owned(), net_minor)])).unwrap();
            books.judge();
            assert_eq!(books.wrong.is_empty(), agrees, "{order}: {:?}", books.wrong);
        };
        check(500, &order("FULFILLED", None), true);
        check(0, &order("FULFILLED", None), false);
        check(0, &order("CANCELLED", None), true);
        check(500, &order("PAYMENT_FAILED", None), false);
        check(500, &order("PAYMENT_FAILED", Some("OPERATOR")), true);
        check(500, &order("NEEDS_ATTENTION", Some("OPERATOR")), true);
        // It is shipped for, whatever else is raised about it.
        check(500, &order("FULFILLED", Some("OPERATOR")), true);
    }
}
