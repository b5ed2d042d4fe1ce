//! Scenarios: an order, what goes wrong, what people do, and how it must end.
//!
//! A scenario is a file of `events/scenarios/`. [`load`] reads them all,
//! [`run::play`] plays one on a running stack and compares what it sees with what the
//! file expects. The runner is a client like any other: it places the order
//! over HTTP, answers over HTTP, and reads the providers' ledgers over HTTP. Only
//! the tables and the executions it reads at their source, so that looking costs
//! no order anything.
//!
//! A file is
//!
//! ```text
//! {"about", "order": a body or the name of a file in events/orders, "scheduledIn"?: "72h",
//!  "faults"?: [{"at", "calls": {"from", "to"?}, "kind", "delayMs"?}],
//!  "submit"?: {"times", "concurrently"?, "answer"?}, "others"?: [{"order", "expect": {"status"}}],
//!  "actions"?: [{"when": {"status"}, {"state"}, {"waits"} or {"timeline"}, "do", …, "answer"?}],
//!  "expect": {"status", "error"?, "states", "ledger", "stock"?, "timeline"?, "attention"?}}
//! ```
//!
//! - `others` are placed one after another, each once the one before waits; the
//!   actions begin when the last one waits.
//! - `actions` come one after another, each the moment that its `when` holds: the
//!   order has a status, an execution of it enters a state or waits in one, or its
//!   timeline says a word. The clock stands while somebody acts. `answer` is the code
//!   that must come; without it, any that says yes. Read [`action`] for what can be
//!   done.
//! - The states are those of all executions of the order, those of `{id}-r1` after
//!   those of `{id}`; the error is that of the last one. `timeline` are the words in
//!   the timeline, in order, where a scenario is about them; `attention` is what a
//!   person is asked for in the end.
//! - A scenario ends when every order of it is closed (or, where that is expected,
//!   in an operator's hands), nothing of it runs, and the reconciler is done with it:
//!   for two minutes on the stack's clock nothing has happened to it any more.

pub mod action;
pub mod client;
pub mod expectation;
mod perform;
pub mod run;
pub mod shelves;
mod told;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

pub use action::{Action, Deed, When};
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
    /// Further orders, placed once this one waits.
    pub others: Vec<Other>,
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
    /// The code that each is answered; without it, any that says yes.
    pub answer: Option<u16>,
}

impl Default for Submit {
    fn default() -> Self {
        Self { times: 1, concurrently: false, answer: None }
    }
}

/// A further order of the same customer.
#[derive(Debug, Clone)]
pub struct Other {
    /// The body of `POST /orders`.
    pub order: Value,
    /// The status in which it must end.
    pub status: String,
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
    /// The words in its timeline, where the scenario is about them.
    pub timeline: Option<Vec<String>>,
    /// What a person is asked for about it: `OPERATOR`, ….
    pub attention: Option<String>,
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
    others: Vec<OtherFile>,
    #[serde(default)]
    actions: Vec<Action>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherFile {
    order: Value,
    expect: OtherEnd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherEnd {
    status: String,
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
    if file.submit.times == 0 {
        bail!("{}: `submit.times` must be at least 1", path.display());
    }
    Ok(Scenario {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        about: file.about,
        order: body(workspace, &file.order)?,
        scheduled_in: file.scheduled_in,
        faults: file.faults,
        submit: file.submit,
        others: file.others.iter().map(|o| other(workspace, o)).collect::<Result<_>>()?,
        actions: file.actions,
        expect: file.expect,
    })
}

fn other(workspace: &Path, file: &OtherFile) -> Result<Other> {
    Ok(Other { order: body(workspace, &file.order)?, status: file.expect.status.clone() })
}

/// The body of an order, or that of the file that is named.
fn body(workspace: &Path, order: &Value) -> Result<Value> {
    match order {
        Value::String(name) => parse(&workspace.join("events/orders").join(name)),
        body => Ok(body.clone()),
    }
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
            format!(
                r#"{{"about": "", "order": {{}}, {EXPECT},
                "actions": [{{"when": {{"status": "X"}}, "do": "cancel", "nte": "?"}}]}}"#
            ),
            "nte",
        );
        check(
            format!(r#"{{"about": "", "order": {{}}, "scheduledIn": "soon", {EXPECT}}}"#),
            "duration",
        );
    }
}
