//! A scenario file: an order, injected faults, actions, and the expected outcome.
//!
//! ```text
//! {"title"?, "group"?, "about",
//!  "order": a body or the name of a file in events/orders, "scheduledIn"?: "72h",
//!  "setup"?: [{"do": "revoke-key" or "remove-keys", …}],
//!  "faults"?: [{"at", "calls": {"from", "to"?}, "kind", "delayMs"?}],
//!  "submit"?: {"times", "concurrently"?, "answer"?}, "others"?: [{"order", "expect": {"status"}}],
//!  "actions"?: [{"when": {"status"}, {"state"}, {"waits"} or {"timeline"}, "do", …, "answer"?}],
//!  "expect": {"status", "error"?, "states"?, "ledger", "stock"?, "counts"?, "timeline"?, "attention"?}}
//! ```
//!
//! - `others` are placed one after another, each when the previous order waits. The
//!   actions begin when the last one waits.
//! - `actions` run one after another, each as soon as its `when` holds: the order has a
//!   status, an execution of it enters a state or waits in one, or its timeline has an
//!   entry. The clock stands still during an action. `answer` is the expected HTTP
//!   status; without it, any 2xx is expected. [`action`](super::action) lists the actions.
//! - `states` are those of all executions of the order, in order; `error` is that of the
//!   last one. `counts` are what the order used. `timeline` is checked only where it is
//!   given.
//! - A scenario ends when every order is closed (or waits for an operator, where that is
//!   expected), no execution runs, and the reconciler has finalized the orders: nothing
//!   has happened to them for two minutes on the stack's clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use super::action::{Action, ActionKind};
use super::ledger::Ledger;

/// A scenario, read from its file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name without its extension.
    pub name: String,
    /// What the scenario tries, in a few words.
    pub title: String,
    /// Which part of the order's life the scenario exercises.
    pub group: Group,
    /// What happens, in one or two sentences.
    pub about: String,
    /// The body of `POST /orders`.
    pub order: Value,
    /// Sets the order's `scheduledFor` to the stack's time plus this duration.
    pub scheduled_in: Option<SignedDuration>,
    /// What happens before the order is placed.
    pub setup: Vec<ActionKind>,
    /// The faults to inject, in the format of `/_faults`.
    pub faults: Vec<Value>,
    /// How the order is submitted.
    pub submission: Submission,
    /// Orders placed while the first one waits.
    pub additional_orders: Vec<AdditionalOrder>,
    /// What people and providers do, one action after another.
    pub actions: Vec<Action>,
    /// The expected outcome.
    pub expected: Expectation,
}

/// Groups of scenarios, in the order in which the demo shows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Authorization, capture and refund.
    Payment,
    /// Reservations and backorders.
    Stock,
    /// Labels.
    Shipping,
    /// Orders above the review threshold.
    Review,
    /// Orders for a later date.
    Schedule,
    /// Cancellations by the customer.
    Cancellation,
    /// Repeated requests and webhooks.
    Requests,
    /// Crashes and aborted executions.
    Recovery,
    /// Orders that an operator has to resolve.
    Operator,
    /// Everything else.
    #[default]
    Other,
}

impl Group {
    /// The heading above the group's scenarios.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Payment => "Payment",
            Self::Stock => "Stock and backorders",
            Self::Shipping => "Shipping",
            Self::Review => "Review",
            Self::Schedule => "Scheduled orders",
            Self::Cancellation => "Cancellation",
            Self::Requests => "Repeated requests and webhooks",
            Self::Recovery => "Crashes and aborted executions",
            Self::Operator => "Resolved by an operator",
            Self::Other => "Other",
        }
    }
}

/// How an order is submitted.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// How many times, with the same idempotency key and body. At least 1.
    pub times: u32,
    /// All at once, or one after another.
    #[serde(default)]
    pub concurrently: bool,
    /// The expected HTTP status of each request; without it, any 2xx.
    #[serde(rename = "answer")]
    pub expected_status: Option<u16>,
}

impl Default for Submission {
    fn default() -> Self {
        Self { times: 1, concurrently: false, expected_status: None }
    }
}

/// A further order of the same customer.
#[derive(Debug, Clone)]
pub struct AdditionalOrder {
    /// The body of `POST /orders`.
    pub order: Value,
    /// The order status in which it must end.
    pub expected_status: String,
}

/// The expected outcome of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The order's status.
    pub status: String,
    /// The error with which the last execution fails; none when it succeeds.
    pub error: Option<String>,
    /// The states of all its executions, in the order in which they were entered; not
    /// checked when absent.
    pub states: Option<Vec<String>>,
    /// The totals of both providers' ledgers for the order.
    pub ledger: Ledger,
    /// The change of `available` by SKU; SKUs that do not change are left out.
    #[serde(default)]
    pub stock: BTreeMap<String, i64>,
    /// What the order used, by the names in the JSON report; not checked when absent.
    pub counts: Option<BTreeMap<String, u64>>,
    /// The entries of the order's timeline; not checked when absent.
    pub timeline: Option<Vec<String>>,
    /// What the order needs in the end: `OPERATOR`, ….
    pub attention: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScenarioFile {
    title: Option<String>,
    #[serde(default)]
    group: Group,
    about: String,
    order: Value,
    scheduled_in: Option<SignedDuration>,
    #[serde(default)]
    setup: Vec<ActionKind>,
    #[serde(default)]
    faults: Vec<Value>,
    #[serde(default)]
    submit: Submission,
    #[serde(default)]
    others: Vec<AdditionalOrderFile>,
    #[serde(default)]
    actions: Vec<Action>,
    expect: Expectation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdditionalOrderFile {
    order: Value,
    expect: ExpectedStatus,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedStatus {
    status: String,
}

/// The folder of the scenario files in a workspace.
pub fn folder(workspace: &Path) -> PathBuf {
    workspace.join("events/scenarios")
}

/// Reads all scenarios of a workspace, sorted by name.
///
/// # Errors
/// A file cannot be read or is not a scenario; the error names the file.
pub fn load(workspace: &Path) -> Result<Vec<Scenario>> {
    let folder = folder(workspace);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    // Sorted by stem: with its extension, `a-b.json` would come before `a.json`.
    files.sort_by_key(|path| path.file_stem().map(std::ffi::OsStr::to_owned));
    files.iter().map(|path| read(workspace, path)).collect()
}

/// Keeps the scenarios with one of these names; with no names, all of them.
///
/// # Errors
/// No scenario has one of the names; the error lists the names that exist.
pub fn select(all: Vec<Scenario>, names: &[String]) -> Result<Vec<Scenario>> {
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|s| s.name == **name)) {
        let known: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
        bail!("no scenario is named `{unknown}`; choose from: {}", known.join(", "));
    }
    let selected = |scenario: &Scenario| names.is_empty() || names.contains(&scenario.name);
    Ok(all.into_iter().filter(selected).collect())
}

fn read(workspace: &Path, path: &Path) -> Result<Scenario> {
    let file: ScenarioFile = read_json(path)?;
    if file.submit.times == 0 {
        bail!("{}: `submit.times` must be at least 1", path.display());
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Scenario {
        title: file.title.unwrap_or_else(|| name.clone()),
        name,
        group: file.group,
        about: file.about,
        order: order_body(workspace, &file.order)?,
        scheduled_in: file.scheduled_in,
        setup: file.setup,
        faults: file.faults,
        submission: file.submit,
        additional_orders: additional_orders(workspace, &file.others)?,
        actions: file.actions,
        expected: file.expect,
    })
}

fn additional_orders(
    workspace: &Path,
    files: &[AdditionalOrderFile],
) -> Result<Vec<AdditionalOrder>> {
    let read_one = |file: &AdditionalOrderFile| {
        let order = order_body(workspace, &file.order)?;
        Ok(AdditionalOrder { order, expected_status: file.expect.status.clone() })
    };
    files.iter().map(read_one).collect()
}

/// Returns the body of an order, or that of the named file.
fn order_body(workspace: &Path, order: &Value) -> Result<Value> {
    match order {
        Value::String(name) => read_json(&workspace.join("events/orders").join(name)),
        body => Ok(body.clone()),
    }
}

/// Reads a JSON file.
///
/// # Errors
/// The file cannot be read or does not have the expected shape; the error names the file.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_TITLE_LENGTH: usize = 40;

    fn project_scenarios() -> Vec<Scenario> {
        load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    fn scenario_from(text: &str) -> Result<Scenario> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.json");
        std::fs::write(&path, text).unwrap();
        read(folder.path(), &path)
    }

    const EXPECT: &str = r#""expect": {"status": "FULFILLED", "states": [], "ledger": {}}"#;

    #[test]
    fn every_scenario_of_the_project_has_a_title_a_group_and_counts() {
        let scenarios = project_scenarios();
        assert!(scenarios.iter().any(|scenario| scenario.name == "happy"));
        for scenario in scenarios {
            let Scenario { name, title, group, expected, .. } = scenario;
            assert!(title != name && title.chars().count() <= MAX_TITLE_LENGTH, "{name}: {title}");
            assert!(group != Group::Other, "{name} has no group");
            assert!(expected.counts.is_some(), "{name} expects no counts");
            assert!(expected.states.is_some(), "{name} expects no states");
        }
    }

    #[test]
    fn an_invalid_scenario_is_rejected_with_its_file_and_the_reason() {
        let check = |text: String, expected: &str| {
            let error = format!("{:#}", scenario_from(&text).unwrap_err());
            assert!(error.contains("sample.json"), "{error}");
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        let with = |fields: &str| format!(r#"{{"about": "", "order": {{}}, {fields}, {EXPECT}}}"#);
        check("{".into(), "EOF");
        check(format!(r#"{{"order": {{}}, {EXPECT}}}"#), "`about`");
        check(with(r#""extra": 1"#), "`extra`");
        check(with(r#""group": "misc""#), "misc");
        check(with(r#""submit": {"times": 0}"#), "`submit.times`");
        check(with(r#""actions": [{"when": {"status": "X"}, "do": "dance"}]"#), "dance");
        check(with(r#""actions": [{"when": {"status": "X"}, "do": "cancel", "nte": "?"}]"#), "nte");
        check(with(r#""scheduledIn": "soon""#), "duration");
    }

    #[test]
    fn a_selection_keeps_the_named_scenarios_and_rejects_unknown_names() {
        let selection = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            select(project_scenarios(), &names)
        };
        assert_eq!(selection(&[]).unwrap().len(), project_scenarios().len());
        let chosen = selection(&["happy", "declined"]).unwrap();
        let names: Vec<_> = chosen.iter().map(|scenario| scenario.name.as_str()).collect();
        assert_eq!(names, ["declined", "happy"]);
        let error = selection(&["happy", "hapy"]).unwrap_err().to_string();
        assert!(error.starts_with("no scenario is named `hapy`") && error.contains("declined"));
    }
}
