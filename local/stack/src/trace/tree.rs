//! The tree of a trace: which event belongs to which state, and which state is nested in
//! which.
//!
//! An event belongs to the state of the event before it in its chain. A state is nested
//! in the Parallel or Map state whose start leads to it; otherwise it is a sibling of the
//! state that led to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use asl::{EventType, HistoryEvent};

use super::describe::{call, duration, error_name, is_entry, is_exit, is_schedule, result};
use crate::stepfunctions::{event_detail, is_failure};

/// All states that were entered.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The nodes that are not nested.
    roots: Vec<usize>,
    /// The node of each event, by the event's id.
    owners: BTreeMap<u64, usize>,
}

/// One entry of one state.
#[derive(Debug)]
struct Node {
    /// The node that it is nested in, and in which of its branches.
    parent: Option<(usize, usize)>,
    /// The indices of its events in the history, its entry first.
    events: Vec<usize>,
    /// The nodes nested in it: one list for each branch or item, in starting order.
    branches: Vec<Vec<usize>>,
}

/// A line of the trace with the lines below it.
struct Line {
    text: String,
    children: Vec<Line>,
}

impl Tree {
    pub(super) fn from_history(history: &[HistoryEvent]) -> Self {
        let mut tree = Self::default();
        let types: BTreeMap<u64, EventType> =
            history.iter().map(|event| (event.id, event.event_type)).collect();
        let mut last = None;
        for (index, event) in history.iter().enumerate() {
            let previous_id = event.previous_event_id;
            let predecessor = tree.owners.get(&previous_id).copied();
            // A redrive follows the end of the execution, which belongs to no state. It
            // continues in the last state.
            let predecessor =
                predecessor.or(last.filter(|_| event.event_type == EventType::ExecutionRedriven));
            if is_entry(event) {
                let nested = types.get(&previous_id).copied().is_some_and(opens_branch);
                let parent = predecessor.and_then(|node| tree.parent_of_next(node, nested));
                tree.enter(index, event.id, parent);
            } else if let Some(owner) =
                predecessor.and_then(|node| tree.owner_of(event, node, history))
            {
                tree.nodes[owner].events.push(index);
                tree.owners.insert(event.id, owner);
            }
            last = tree.owners.get(&event.id).copied().or(last);
        }
        tree
    }

    /// Returns the parent of the state that follows this node: that of the node, or the
    /// node itself with a new branch.
    fn parent_of_next(&mut self, node: usize, nested: bool) -> Option<(usize, usize)> {
        if !nested {
            return self.nodes[node].parent;
        }
        let branches = &mut self.nodes[node].branches;
        branches.push(Vec::new());
        Some((node, branches.len() - 1))
    }

    fn enter(&mut self, index: usize, event_id: u64, parent: Option<(usize, usize)>) {
        let node = self.nodes.len();
        self.nodes.push(Node { parent, events: vec![index], branches: Vec::new() });
        match parent {
            Some((parent, branch)) => self.nodes[parent].branches[branch].push(node),
            None => self.roots.push(node),
        }
        self.owners.insert(event_id, node);
    }

    /// Finds the node of an event. An event of a Parallel or Map state follows an event
    /// of a state nested in it.
    fn owner_of(
        &self,
        event: &HistoryEvent,
        predecessor: usize,
        history: &[HistoryEvent],
    ) -> Option<usize> {
        let state_type = container_type(event.event_type);
        let mut node = predecessor;
        loop {
            let entry = self.nodes[node].events.first().and_then(|&first| history.get(first))?;
            if state_type.is_none_or(|name| entry.event_type.as_str().starts_with(name)) {
                return Some(node);
            }
            node = self.nodes[node].parent?.0;
        }
    }

    /// Writes the tree. `waits` are the seconds waited after an event, by its index.
    pub(super) fn write(
        &self,
        history: &[HistoryEvent],
        waits: &BTreeMap<usize, i64>,
        text: &mut String,
    ) {
        write(&self.lines(&self.roots, history, waits), "", text);
    }

    fn lines(
        &self,
        nodes: &[usize],
        history: &[HistoryEvent],
        waits: &BTreeMap<usize, i64>,
    ) -> Vec<Line> {
        nodes.iter().map(|&node| self.line(&self.nodes[node], history, waits)).collect()
    }

    fn line(&self, node: &Node, history: &[HistoryEvent], waits: &BTreeMap<usize, i64>) -> Line {
        let mut children: Vec<_> = attempts(node, history, waits)
            .into_iter()
            .map(|text| Line { text, children: Vec::new() })
            .collect();
        let text = heading(node, history);
        let unit = if text.ends_with("(Map)") { "item" } else { "branch" };
        children.extend(node.branches.iter().enumerate().map(|(number, branch)| Line {
            text: format!("{unit} {}", number + 1),
            children: self.lines(branch, history, waits),
        }));
        Line { text, children }
    }
}

fn write(lines: &[Line], indent: &str, text: &mut String) {
    for (number, line) in lines.iter().enumerate() {
        let last = number + 1 == lines.len();
        let (branch, rail) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{indent}{branch}{}", line.text);
        write(&line.children, &format!("{indent}{rail}"), text);
    }
}

/// Returns a state's name and type, and for a task what it calls.
fn heading(node: &Node, history: &[HistoryEvent]) -> String {
    let mut events = node.events.iter().map(|&index| &history[index]);
    let entry = events.next();
    let name = entry.and_then(|entry| event_detail(entry, "stateEnteredEventDetails", "name"));
    let name = name.unwrap_or_default();
    let state_type = entry.and_then(|event| event.event_type.as_str().strip_suffix("StateEntered"));
    let state_type = state_type.unwrap_or_default();
    match events.find(|event| is_schedule(event.event_type)).and_then(call) {
        Some(call) => format!("{name} ({state_type}: {call})"),
        None => format!("{name} ({state_type})"),
    }
}

/// Describes what happened in a state, one line for each attempt, wait and result.
fn attempts(node: &Node, history: &[HistoryEvent], waits: &BTreeMap<usize, i64>) -> Vec<String> {
    let mut lines = Vec::new();
    let attempts =
        node.events.iter().filter(|&&index| is_schedule(history[index].event_type)).count();
    let mut attempt = 0;
    for (position, &index) in node.events.iter().enumerate() {
        let event = &history[index];
        attempt += usize::from(is_schedule(event.event_type));
        let prefix = if attempts > 1 { format!("attempt {attempt}: ") } else { String::new() };
        let waited = waits.get(&index).map(|&seconds| duration(seconds));
        let line = describe(event, &prefix, waited.as_deref());
        let exits = node.events.get(position + 1).is_some_and(|&next| is_exit(&history[next]));
        let caught = if exits && is_failure(event.event_type) { ", caught" } else { "" };
        lines.extend(line.map(|line| format!("{line}{caught}")));
    }
    lines
}

fn describe(event: &HistoryEvent, prefix: &str, waited: Option<&str>) -> Option<String> {
    let event_type = event.event_type;
    if is_failure(event_type) {
        let retry = waited.map(|waited| format!(", retried after {waited}"));
        return Some(format!("{prefix}{}{}", error_name(event), retry.unwrap_or_default()));
    }
    match event_type {
        EventType::LambdaFunctionSucceeded
        | EventType::TaskSucceeded
        | EventType::ActivitySucceeded => Some(format!("{prefix}{}", result(event))),
        EventType::TaskSubmitted => {
            let waited = waited.map(|waited| format!(" {waited}")).unwrap_or_default();
            Some(format!("{prefix}waited{waited} for the callback"))
        }
        EventType::WaitStateEntered => waited.map(|waited| format!("waited {waited}")),
        EventType::ExecutionRedriven => Some("redriven".to_owned()),
        EventType::TaskStateAborted
        | EventType::WaitStateAborted
        | EventType::ParallelStateAborted
        | EventType::MapStateAborted => Some("aborted".to_owned()),
        _ => None,
    }
}

/// Whether the state entered next is nested in this event's state.
const fn opens_branch(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::ParallelStateStarted
            | EventType::MapStateStarted
            | EventType::MapIterationStarted
    )
}

/// Returns the type of the state that an event of a Parallel or Map state belongs to.
fn container_type(event_type: EventType) -> Option<&'static str> {
    let name = event_type.as_str();
    let parallel = name.starts_with("ParallelState").then_some("Parallel");
    parallel.or_else(|| name.starts_with("Map").then_some("Map"))
}
