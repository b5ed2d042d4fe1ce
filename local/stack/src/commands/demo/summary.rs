//! The lines of the demo: one for each scenario, and the details of those that failed.

use super::money::format_money;
use super::path::short_path;
use crate::commands::output::Styles;
use crate::scenarios::Report;
use crate::scenarios::scenario::Scenario;

/// The width that a line of the demo never exceeds.
const MAX_WIDTH: usize = 100;
/// Room for the longest outcome, such as `$649.00 refunded`.
const MONEY_WIDTH: usize = 16;
const MAX_TITLE_WIDTH: usize = 40;
const GAP: &str = "  ";
const INDENT: &str = "    ";

/// The widths of the columns of a line: mark, title, path, status, money.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    title: usize,
    path: usize,
    status: usize,
}

impl Columns {
    /// Fits the columns to the scenarios; the path gets the rest of the line.
    pub(super) fn for_scenarios(scenarios: &[Scenario]) -> Self {
        let widest = |text: fn(&Scenario) -> &str| {
            scenarios.iter().map(|scenario| text(scenario).chars().count()).max().unwrap_or(0)
        };
        let title = widest(|scenario| &scenario.title).min(MAX_TITLE_WIDTH);
        let status = widest(|scenario| &scenario.expected.status);
        let rest = "✓ ".chars().count() + title + status + MONEY_WIDTH + 3 * GAP.len();
        Self { title, path: MAX_WIDTH.saturating_sub(rest), status }
    }

    /// The line of one scenario.
    pub(super) fn line(self, scenario: &Scenario, report: &Report, styles: &Styles) -> String {
        let title = truncated(&scenario.title, self.title);
        let path = short_path(&report.executions, self.path);
        let status = format!("{:1$}", report.status, self.status);
        let status = if report.status == "FULFILLED" {
            styles.ok.apply_to(status).to_string()
        } else {
            status
        };
        let path = format!("{path:0$}", self.path);
        format!(
            "{} {title:1$}{GAP}{2}{GAP}{status}{GAP}{3}",
            styles.mark(report.ok),
            self.title,
            styles.secondary.apply_to(path),
            money(report),
        )
    }
}

fn truncated(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// What happened to the order's money.
fn money(report: &Report) -> String {
    let ledger = &report.ledger;
    let kept = ledger.captured - ledger.refunded;
    let (minor, what) = match report.status.as_str() {
        "FULFILLED" if kept > 0 => (kept, "paid"),
        _ if kept > 0 => (kept, "owed"),
        _ if ledger.refunded > 0 => (ledger.refunded, "refunded"),
        _ if ledger.authorized > ledger.voided => (ledger.authorized, "held"),
        _ if ledger.voided > 0 => (ledger.voided, "released"),
        _ => return "not charged".to_owned(),
    };
    format!("{} {what}", format_money(minor, &report.currency))
}

/// The heading of a scenario's group; those in `first` have their own.
pub(super) fn group_heading(scenario: &Scenario, first: &[&str]) -> &'static str {
    if first.contains(&scenario.name.as_str()) { "Start here" } else { scenario.group.heading() }
}

/// What happened in a scenario: its description, the differences, the execution trace.
pub(super) fn details(scenario: &Scenario, report: &Report, styles: &Styles) -> String {
    let about = wrapped(&format!("{}: {}", report.name, scenario.about), MAX_WIDTH - INDENT.len());
    let about = about.into_iter().map(|line| styles.secondary.apply_to(line).to_string());
    let differences =
        report.differences.iter().map(|line| styles.failed.apply_to(line).to_string());
    let trace = report.trace.lines().map(str::to_owned);
    let lines = about.chain(differences).chain(trace);
    lines.map(|line| format!("{INDENT}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Breaks a text into lines of at most `width` characters, between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The last lines: how many scenarios ended as expected, and how to see more.
pub(super) fn verdict(reports: &[Report], all: bool, styles: &Styles) -> String {
    let failed: Vec<_> = reports.iter().filter(|report| !report.ok).map(|r| &*r.name).collect();
    let total = reports.len();
    let unit = if total == 1 { "scenario" } else { "scenarios" };
    let mark = styles.mark(failed.is_empty());
    let verdict = if failed.is_empty() {
        format!("\n{mark} {total} {unit} ended as expected")
    } else {
        format!("\n{mark} {} of {total} {unit} failed: {}", failed.len(), failed.join(", "))
    };
    let hint = "cargo local demo happy: the execution trace of one scenario of events/scenarios\n\
                cargo local demo --traces: the traces of all";
    if all { format!("{verdict}\n{}", styles.secondary.apply_to(hint)) } else { verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::Ledger;
    use crate::scenarios::scenario;
    use crate::trace::EnteredState;
    use crate::workspace;

    /// A report of what the scenario expects.
    fn expected_report(scenario: &Scenario) -> Report {
        let expected = scenario.expected.clone();
        let state =
            |name: &String| EnteredState { name: name.clone(), state_type: "Task".to_owned() };
        Report {
            name: scenario.name.clone(),
            ok: true,
            status: expected.status,
            error: expected.error,
            executions: vec![expected.states.iter().flatten().map(state).collect()],
            states: expected.states.clone().unwrap_or_default(),
            ledger: expected.ledger,
            stock: Vec::new(),
            counts: crate::counters::Counts::default(),
            available_changes: expected.stock,
            timeline: Vec::new(),
            attention: None,
            currency: "USD".to_owned(),
            trace: String::new(),
            order_id: String::new(),
            differences: Vec::new(),
        }
    }

    #[test]
    fn the_line_of_every_scenario_fits_100_columns() {
        let scenarios = scenario::load(&workspace::root()).unwrap();
        let columns = Columns::for_scenarios(&scenarios);
        for scenario in &scenarios {
            let mut report = expected_report(scenario);
            let line = columns.line(scenario, &report, &Styles::plain());
            assert!(line.chars().count() <= MAX_WIDTH, "{line}");
            assert!(line.contains(&scenario.title) && line.contains(&report.status), "{line}");
            report.differences.push("status: expected A, saw B".to_owned());
            let details = details(scenario, &report, &Styles::plain());
            assert!(details.lines().all(|line| line.chars().count() <= MAX_WIDTH), "{details}");
            assert!(details.ends_with("    status: expected A, saw B"), "{details}");
        }
    }

    #[test]
    fn a_line_says_what_happened_to_the_money() {
        let scenarios = scenario::load(&workspace::root()).unwrap();
        let happy = scenarios.iter().find(|scenario| scenario.name == "happy").unwrap();
        let check = |status: &str, ledger: Ledger, expected: &str| {
            let mut report = expected_report(happy);
            (report.status, report.ledger) = (status.to_owned(), ledger);
            assert_eq!(money(&report), expected);
        };
        let authorized = Ledger { authorized: 64900, ..Ledger::default() };
        let captured = Ledger { captured: 64900, ..authorized };
        check("FULFILLED", captured, "$649.00 paid");
        check("PAYMENT_FAILED", captured, "$649.00 owed");
        check("PAYMENT_FAILED", Ledger { refunded: 64900, ..captured }, "$649.00 refunded");
        check("CANCELLED", Ledger { voided: 64900, ..authorized }, "$649.00 released");
        check("NEEDS_ATTENTION", authorized, "$649.00 held");
        check("PAYMENT_FAILED", Ledger::default(), "not charged");
    }
}
