//! The documents: every link leads somewhere, every path and every test that they
//! name exists, and the drawing of the workflow is the one of the state machine.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::files::{files_below, read, relative, root};

/// Every document of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .chain(["docs", "local"].into_iter().flat_map(files_below))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    assert!(found.len() > 5, "{found:?}");
    found
}

/// The targets of the links of a document, code blocks left out.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            targets.push(target.to_owned());
            rest = after;
        }
    }
    targets
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return false;
        }
        !in_code
    })
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let leads = target.exists()
                && (anchor.is_empty()
                    || anchors(&std::fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", relative(&document)));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// The words in backquotes of a document.
fn quoted(text: &str) -> Vec<String> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let tops = ["shared/", "functions/", "local/", "events/", "docs/", ".ci/"];
    let mut missing = Vec::new();
    for document in documents().iter().filter(|path| !path.ends_with("CHANGELOG.md")) {
        for word in quoted(&std::fs::read_to_string(document).unwrap()) {
            let is_path = tops.iter().any(|top| word.starts_with(top))
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && !root().join(&word).exists() {
                missing.push(format!("{}: {word}", relative(document)));
            }
        }
    }
    assert!(missing.is_empty(), "paths that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_test_that_a_document_names_exists() {
    let sources = crate::files::rust_sources();
    let mut missing = Vec::new();
    for document in documents() {
        for word in quoted(&std::fs::read_to_string(&document).unwrap()) {
            let name = word.rsplit("::").next().unwrap();
            // Tests are sentences: five words or more. A key of the local stack is none.
            let is_test = !name.starts_with("sk_test_")
                && name.split('_').count() > 4
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_test && !sources.contains(&format!("fn {name}(")) {
                missing.push(format!("{}: {word}", relative(&document)));
            }
        }
    }
    assert!(missing.is_empty(), "tests that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_scenario_that_a_document_names_exists() {
    let scenarios: BTreeSet<String> = files_below("events/scenarios")
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let text = read("README.md");
    let named: BTreeSet<String> = links(&text)
        .iter()
        .filter_map(|link| link.strip_prefix("events/scenarios/")?.strip_suffix(".json"))
        .map(str::to_owned)
        .collect();
    assert!(named.len() > 8, "the README's table of failures names {} scenarios", named.len());
    assert_eq!(named.difference(&scenarios).collect::<Vec<_>>(), Vec::<&String>::new());
}

const BEGIN: &str = "<!-- workflow:begin -->";
const END: &str = "<!-- workflow:end -->";

/// Set `UPDATE_README=1` to regenerate the drawing.
#[test]
fn the_drawing_of_the_workflow_is_the_one_of_the_state_machine_file() {
    let machine: Value = serde_json::from_str(&read("statemachine.asl.json")).unwrap();
    let drawing = format!("{BEGIN}\n```mermaid\n{}```\n{END}", draw(&machine));
    let readme = read("README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the README marks the drawing's place");
    let (_, after) = rest.split_once(END).expect("the README marks the drawing's end");
    let expected = format!("{before}{drawing}{after}");
    #[expect(clippy::disallowed_methods, reason = "whether to regenerate the golden")]
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(Path::new(&root()).join("README.md"), &expected).unwrap();
        return;
    }
    assert!(readme == expected, "the drawing is not current: run with UPDATE_README=1");
}

/// A Mermaid flowchart: the shortest way to a fulfilled order in one line, the other
/// ways with solid arrows, and what a `Catch` leads to with dotted ones. The states
/// that end an execution are drawn as one.
fn draw(machine: &Value) -> String {
    let states = machine["States"].as_object().unwrap();
    let (mut solid, mut dotted) = (Vec::new(), Vec::<(&str, Vec<&str>)>::new());
    for (from, state) in states {
        for to in ways_on(state) {
            let ends = ["Fail", "Succeed"].map(Some).contains(&states[to]["Type"].as_str());
            let way = (from.as_str(), if ends { "Closed" } else { to });
            if !solid.contains(&way) {
                solid.push(way);
            }
        }
        if state["End"] == true {
            solid.push((from, FULFILLED));
        }
        for catch in state["Catch"].as_array().into_iter().flatten() {
            let to = catch["Next"].as_str().unwrap();
            let known = dotted.iter().position(|(target, _)| *target == to);
            let known = known.unwrap_or_else(|| {
                dotted.push((to, Vec::new()));
                dotted.len() - 1
            });
            if to != from && !dotted[known].1.contains(&from.as_str()) {
                dotted[known].1.push(from);
            }
        }
    }
    let line = shortest_way(machine["StartAt"].as_str().unwrap(), &solid);
    solid.retain(|(from, to)| !line.windows(2).any(|pair| pair == [*from, *to]));
    let mut drawing = format!("flowchart LR\n  {}\n", line.join(" --> "));
    for from in states.keys() {
        let to: Vec<_> = solid.iter().filter(|(start, _)| start == from).map(|way| way.1).collect();
        if !to.is_empty() {
            writeln!(drawing, "  {from} --> {}", to.join(" & ")).unwrap();
        }
    }
    for (to, from) in dotted {
        writeln!(drawing, "  {} -.-> {to}", from.join(" & ")).unwrap();
    }
    drawing
}

const FULFILLED: &str = "Fulfilled";

/// The states that may follow without an error.
fn ways_on(state: &Value) -> Vec<&str> {
    let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
    choices.chain([&state["Default"], &state["Next"]]).filter_map(Value::as_str).collect()
}

/// The shortest way from a state to a fulfilled order.
fn shortest_way<'a>(start: &'a str, ways: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut reached = VecDeque::from([vec![start]]);
    while let Some(way) = reached.pop_front() {
        let last = way[way.len() - 1];
        if last == FULFILLED {
            return way;
        }
        for (_, to) in ways.iter().filter(|(from, to)| *from == last && !way.contains(to)) {
            reached.push_back([way.as_slice(), &[*to]].concat());
        }
    }
    panic!("no way leads to a fulfilled order")
}
