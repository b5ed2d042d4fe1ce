//! The costs in `docs/performance.md` are those that `cargo local cost` prints.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use local_stack::commands::cost::Costs;
use local_stack::functions::{self, Profile};
use local_stack::scenarios;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;

/// The command whose output the document shows.
const COMMAND: &str = "cargo local cost happy declined carrier-refuses";
/// How far an amount may be from the documented one, in percent: the size of the logs and
/// the number of sweeps differ from run to run.
const MAX_DIFFERENCE_PERCENT: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_costs_are_those_that_the_command_prints() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let all = scenarios::load(&root).unwrap();
    let names = COMMAND.split(' ').skip(3);
    let selected: Vec<_> = names
        .map(|name| all.iter().find(|scenario| scenario.name == name).unwrap().clone())
        .collect();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    let costs = Costs::measure(&stack, &root, &selected, 1, &mut |_| {}).await;
    stack.shutdown().await;
    let costs = costs.unwrap();
    assert_eq!(costs.failed().count(), 0);
    let printed = costs.to_string();
    let documented = documented(&root.join("docs/performance.md"));
    let rows = |text: &str| -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        text.lines().map(words).collect()
    };
    let (printed_rows, documented_rows) = (rows(&printed), rows(&documented));
    assert_eq!(printed_rows.len(), documented_rows.len(), "the document lacks:\n{printed}");
    for (printed_row, documented_row) in printed_rows.iter().zip(&documented_rows) {
        let is_same = printed_row.len() == documented_row.len()
            && printed_row.iter().zip(documented_row).all(|(one, other)| is_close(one, other));
        assert!(is_same, "{documented_row:?}\nis now {printed_row:?} in\n{printed}");
    }
}

/// The block of the document that begins with the command.
fn documented(path: &std::path::Path) -> String {
    let document = std::fs::read_to_string(path).unwrap();
    let (_, after) = document.split_once(&format!("{COMMAND}\n```\n\n```text\n")).unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

/// Whether two words are the same, or are amounts of one order that hardly differ.
fn is_close(one: &str, other: &str) -> bool {
    let nanodollars = |word: &str| -> Option<u64> {
        let (whole, decimals) = word.split_once('.')?;
        let is_amount = decimals.len() == 9;
        is_amount.then(|| format!("{whole}{decimals}").parse().ok()).flatten()
    };
    match (nanodollars(one), nanodollars(other)) {
        (Some(one), Some(other)) => {
            let largest = one.max(other);
            // A microdollar is a single unit of most columns.
            one.abs_diff(other) <= (largest * MAX_DIFFERENCE_PERCENT / 100).max(1_000)
        }
        _ => one == other,
    }
}
