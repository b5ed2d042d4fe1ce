//! `cargo local demo`: runs every scenario on a fresh stack and shows how each ends.

mod balance;
mod money;
mod path;
mod permissions;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use self::balance::Balance;
use self::permissions::PermissionReport;
use self::summary::{Columns, group_heading, verdict};
use super::output::{Progress, Styles, page_address, print_info, print_result};
use crate::scenarios::scenario::{self, Scenario};
use crate::scenarios::stock_levels::load_stock;
use crate::scenarios::{Report, runner};
use crate::stack::{Settings, Stack, interrupted};
use crate::stepfunctions::ProgressEvent;
use crate::{functions, workspace};

/// The arguments of `cargo local demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Colors are off when NO_COLOR is set or the output is not a terminal.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// Run only these scenarios, and show their execution traces. A scenario is a file in
    /// events/scenarios.
    #[arg(value_name = "SCENARIO")]
    only: Vec<String>,
    /// Show the execution trace of every scenario.
    #[arg(long)]
    traces: bool,
    /// Keep serving afterwards, until Ctrl-C, with the orders on the web page.
    #[arg(long)]
    keep: bool,
    /// Print the results as JSON, alone on standard output.
    #[arg(long)]
    json: bool,
    /// Build the functions in the release profile.
    #[arg(long)]
    release: bool,
    /// Deny what the roles of template.yaml do not allow, and report which grants the
    /// scenarios use. A grant that no scenario uses is an error.
    #[arg(long)]
    enforce_policies: bool,
}

impl Args {
    fn shows_trace_of(&self, report: &Report) -> bool {
        self.traces || !report.ok || self.only.contains(&report.name)
    }
}

/// The scenarios that come first: what a newcomer wants to see.
const FIRST: [&str; 3] = ["happy", "declined", "gateway-answer-lost"];

/// Builds the functions, starts a stack, runs the scenarios and checks the ledgers.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root();
    let mut scenarios = scenario::select(scenario::load(&root)?, &args.only)?;
    if !args.json {
        sort_for_display(&mut scenarios);
    }
    let binaries = functions::build(&root, args.release)?;
    let stack =
        Stack::start(Settings::temporary(&root, binaries).with_policies(args.enforce_policies))
            .await?;
    let ended = tokio::select! {
        ended = run_and_report(&stack, &root, &scenarios, args) => Some(ended),
        () = interrupted() => None,
    };
    let Some(ended) = ended else {
        print_info("interrupted: shutting down");
        stack.shutdown().await;
        return Ok(ExitCode::from(130));
    };
    if args.keep && ended.is_ok() {
        print_info(page_address(&stack.urls()));
        print_info("It shows the demo's orders. Ctrl-C stops it.");
        interrupted().await;
    }
    stack.shutdown().await;
    Ok(if ended? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sorts by group and name, after the three that come first.
fn sort_for_display(scenarios: &mut [Scenario]) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    scenarios.sort_by_key(|scenario| {
        let rank = rank(&scenario.name);
        let group = (rank == FIRST.len()).then_some(scenario.group);
        (rank, group, scenario.name.clone())
    });
}

/// Runs the scenarios, shows the results, and returns whether everything is as expected.
async fn run_and_report(
    stack: &Stack,
    root: &Path,
    scenarios: &[Scenario],
    args: &Args,
) -> Result<bool> {
    let reports = run_all(stack, root, scenarios, args).await?;
    let balance = Balance::read(stack).await?;
    let permissions = PermissionReport::read(stack, root, args.only.is_empty()).await?;
    if args.json {
        let mut results = json!({ "scenarios": reports });
        if let Some(permissions) = &permissions {
            results["permissions"] = json!(permissions);
        }
        print_result(serde_json::to_string_pretty(&results)?);
        for report in &reports {
            for difference in &report.differences {
                print_info(format_args!("{}: {difference}", report.name));
            }
        }
    } else {
        let styles = Styles::for_stdout();
        if let Some(permissions) = &permissions {
            print_result(permissions.render(&styles));
        }
        print_result(balance.render(&styles));
        print_result(verdict(&reports, args.only.is_empty(), &styles));
    }
    let mut violations = balance.violations().to_vec();
    violations.extend(permissions.iter().flat_map(PermissionReport::violations));
    for violation in &violations {
        print_info(violation);
    }
    Ok(reports.iter().all(|report| report.ok) && violations.is_empty())
}

async fn run_all(
    stack: &Stack,
    root: &Path,
    scenarios: &[Scenario],
    args: &Args,
) -> Result<Vec<Report>> {
    load_stock(stack, root).await?;
    let (columns, styles) = (Columns::for_scenarios(scenarios), Styles::for_stdout());
    let mut progress = Progress::new(scenarios.len());
    let mut heading = None;
    let mut reports = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        progress.start(&scenario.title);
        let mut show_state = |step: &ProgressEvent| {
            if let ProgressEvent::StateEntered { state, .. } = step {
                progress.update(state);
            }
        };
        let report = runner::run(stack, scenario, &mut show_state).await;
        let report = report.with_context(|| format!("scenario `{}`", scenario.name))?;
        let mut lines = Vec::new();
        let group = group_heading(scenario, &FIRST);
        if args.only.is_empty() && heading != Some(group) {
            heading = Some(group);
            lines.push(styles.heading.apply_to(group).to_string());
        }
        lines.push(columns.line(scenario, &report, &styles));
        if args.shows_trace_of(&report) {
            lines.push(summary::details(scenario, &report, &styles));
        }
        progress.finish((!args.json).then(|| lines.join("\n")).as_deref());
        reports.push(report);
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_basic_scenarios_come_first_and_the_others_follow_by_group() {
        let mut scenarios = scenario::load(&workspace::root()).unwrap();
        sort_for_display(&mut scenarios);
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        assert_eq!(names[..3], FIRST);
        assert!(scenarios[3..].is_sorted_by_key(|scenario| (scenario.group, &scenario.name)));
    }
}
