//! Scenarios: an order, what goes wrong, what people do, and how it must end.
//!
//! A scenario is a file of `events/scenarios/`. [`load`] reads them all,
//! [`run`] plays one on a running stack and compares what it sees with what the
//! file expects. The runner is a client like any other: it places the order
//! over HTTP, answers over HTTP, and reads the providers' ledgers over HTTP.

pub mod client;
pub mod expectation;
pub mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

pub use expectation::{Ledger, Report};

/// One scenario, as its file says it.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// The body of `POST /orders`.
    pub order: Value,
    /// Set the order's `scheduledFor` to this long after the stack's time.
    pub scheduled_in: Option<SignedDuration>,
    /// What goes wrong, at which call.
    pub faults: Vec<Value>,
    /// How often the order is sent.
    pub submit: Submit,
    /// What people do, one after another.
    pub actions: Vec<Action>,
    /// How it must end.
    pub expect: Expect,
}

/// How often an order is sent.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// How many times, with the same key and body.
    pub times: u32,
    /// All at once, or one after another.
    #[serde(default)]
    pub concurrently: bool,
}

impl Default for Submit {
    fn default() -> Self {
        Self { times: 1, concurrently: false }
    }
}

/// Something that somebody does once the order is where they wait for it.
#[derive(Debug, Clone, Deserialize)]
pub struct Action {
    /// When to do it.
    pub when: When,
    /// What to do.
    #[serde(flatten)]
    pub deed: Deed,
}

/// When an action is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The order has this status.
    Status(String),
    /// The execution is in this state.
    State(String),
}

/// What somebody does.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Deed {
    /// A person decides about an order under review.
    Review {
        /// `approve` or `reject`.
        decision: String,
        /// What they write about it.
        note: Option<String>,
    },
    /// An operator decides about an order that is stuck.
    Resume {
        /// `capture`, `compensate` or `acknowledge`.
        action: String,
        /// Whether captured money may be given back.
        refund: Option<bool>,
        /// What they write about it.
        note: Option<String>,
    },
    /// The customer cancels.
    Cancel,
    /// Goods arrive.
    Restock {
        /// Of what.
        sku: String,
        /// How many.
        quantity: u32,
    },
    /// Whatever was broken works again.
    ClearFaults,
    /// Somebody aborts the execution by hand.
    StopExecution,
    /// Somebody starts it again from where it failed.
    Redrive,
}

/// How a scenario must end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The order's status.
    pub status: String,
    /// The error with which its execution fails; none when it succeeds.
    pub error: Option<String>,
    /// The states of all its executions, in the order in which they were entered.
    pub states: Vec<String>,
    /// The sums of both providers' books for the order.
    pub ledger: Ledger,
    /// By how much the scenario changes what is available of each SKU.
    #[serde(default)]
    pub stock: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    about: String,
    order: Value,
    scheduled_in: Option<SignedDuration>,
    #[serde(default)]
    faults: Vec<Value>,
    #[serde(default)]
    submit: Submit,
    #[serde(default)]
    actions: Vec<Action>,
    expect: Expect,
}

/// All scenarios of a workspace, by name.
pub fn load(workspace: &Path) -> Result<Vec<Scenario>> {
    let folder = workspace.join("events/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    // By name: with its ending, `a-b.json` would come before `a.json`.
    files.sort_by_key(|path| path.file_stem().map(std::ffi::OsStr::to_owned));
    files.iter().map(|path| read(workspace, path)).collect()
}

fn read(workspace: &Path, path: &Path) -> Result<Scenario> {
    let file: File = parse(path)?;
    let order = match &file.order {
        Value::String(name) => parse(&workspace.join("events/orders").join(name))?,
        body => body.clone(),
    };
    if file.submit.times == 0 {
        bail!("{}: `submit.times` must be at least 1", path.display());
    }
    Ok(Scenario {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        about: file.about,
        order,
        scheduled_in: file.scheduled_in,
        faults: file.faults,
        submit: file.submit,
        actions: file.actions,
        expect: file.expect,
    })
}

/// Reads a JSON file; what is wrong with it is said with its name.
pub fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not as it should be", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Scenario> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.json");
        std::fs::write(&path, text).unwrap();
        read(folder.path(), &path)
    }

    const EXPECT: &str = r#""expect": {"status": "FULFILLED", "states": [], "ledger": {}}"#;

    #[test]
    fn every_scenario_of_the_project_can_be_read() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names: Vec<_> = load(&workspace).unwrap().into_iter().map(|s| s.name).collect();
        assert!(names.contains(&"happy".to_owned()), "{names:?}");
    }

    #[test]
    fn a_scenario_that_makes_no_sense_is_refused_with_its_file_and_the_reason() {
        let check = |text: String, expected: &str| {
            let error = format!("{:#}", file(&text).unwrap_err());
            assert!(error.contains("sample.json"), "{error}");
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        check("{".into(), "EOF");
        check(format!(r#"{{"order": {{}}, {EXPECT}}}"#), "`about`");
        check(format!(r#"{{"about": "", "order": {{}}, "extra": 1, {EXPECT}}}"#), "`extra`");
        check(
            format!(r#"{{"about": "", "order": {{}}, "submit": {{"times": 0}}, {EXPECT}}}"#),
            "`submit.times`",
        );
        check(
            format!(
                r#"{{"about": "", "order": {{}}, {EXPECT},
                "actions": [{{"when": {{"status": "X"}}, "do": "dance"}}]}}"#
            ),
            "dance",
        );
        check(
            format!(r#"{{"about": "", "order": {{}}, "scheduledIn": "soon", {EXPECT}}}"#),
            "duration",
        );
    }
}
