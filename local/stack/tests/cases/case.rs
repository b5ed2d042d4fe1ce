//! A case file, and the stacks on which cases run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use local_stack::clock::ClockSettings;
use local_stack::functions::{self, Binaries, Profile, read_template};
use local_stack::scenarios::read_json;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::Value;

/// The content of a case file.
pub(crate) struct Case(Value);

/// The folder of the cases. Without it the tests are skipped; in CI they fail.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = workspace::root().join("../shared/cases");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(option_env!("CI") != Some("true"), "the cases are missing: {}", folder.display());
    println!("skipped: ../shared/cases is absent");
    None
}

/// The names of the cases in this folder, as names of Rust functions.
pub(crate) fn names(folder: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|found| found == "json"));
    cases.map(|path| path.file_stem().unwrap().to_str().unwrap().replace('-', "_")).collect()
}

impl Case {
    /// Reads the file with this name, unless the folder is absent.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let path = folder()?.join(format!("{}.json", name.replace('_', "-")));
        Some(Self(read_json(&path).unwrap()))
    }

    pub(crate) fn input(&self) -> &Value {
        &self.0["input"]
    }
}

/// The items of a JSON array.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A stack on which the probe, which returns its event, stands in for all functions.
pub(crate) async fn probe_stack() -> Stack {
    let functions = read_template(&workspace::root()).unwrap().functions().unwrap();
    let probe = PathBuf::from(env!("CARGO_BIN_EXE_probe-function"));
    let binaries = functions.into_iter().map(|function| (function.binary, probe.clone()));
    let settings = Settings::temporary(&workspace::root(), Binaries::new(binaries));
    Stack::start(settings).await.unwrap()
}

/// A stack with the real functions and the sample products, at this time.
pub(crate) async fn real_stack(start: &str, skip: bool) -> Stack {
    static BINARIES: OnceLock<Binaries> = OnceLock::new();
    let root = workspace::root();
    let binaries = BINARIES.get_or_init(|| functions::build_in(&root, Profile::Dev).unwrap());
    let start = Some(start.parse().unwrap());
    let clock = ClockSettings { skip, start, ..ClockSettings::default() };
    let settings = Settings::temporary(&root, binaries.clone()).with_clock(clock);
    let stack = Stack::start(settings).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    stack
}
