//! Which event belongs to which state, and which state is inside of which.
//!
//! An event belongs to the state that the event before it in its chain belongs to.
//! A state is inside of the Parallel or Map state whose start leads to it, and
//! otherwise beside the state that led to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use asl::{EventType, HistoryEvent};

use super::{called, duration, entered, is_entry, is_exit, is_schedule, named, told, waits};
use crate::stepfunctions::is_failure;

/// All states that were entered.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The nodes that are inside of no other.
    roots: Vec<usize>,
    /// To which node an event, by its id, belongs.
    owners: BTreeMap<u64, usize>,
}

/// One entry of one state.
#[derive(Debug)]
struct Node {
    /// The node that it is inside of, and in which of its walks.
    place: Option<(usize, usize)>,
    /// Indices of its events in the history, its entry first.
    events: Vec<usize>,
    /// The nodes inside of it: one walk for each branch or item, as they began.
    walks: Vec<Vec<usize>>,
}

/// A line of the transcript, and what is told below it.
struct Line {
    text: String,
    below: Vec<Line>,
}

impl Tree {
    pub(super) fn grow(history: &[HistoryEvent]) -> Self {
        let mut tree = Self::default();
        let types: BTreeMap<u64, EventType> =
            history.iter().map(|event| (event.id, event.event_type)).collect();
        let mut last = None;
        for (index, event) in history.iter().enumerate() {
            let before = event.previous_event_id;
            let led = tree.owners.get(&before).copied();
            // A redrive follows from the end of the execution, which belongs to no
            // state, and goes on in the state that was the last.
            let led = led.or(last.filter(|_| event.event_type == EventType::ExecutionRedriven));
            if is_entry(event) {
                let opens = types.get(&before).copied().is_some_and(opens_inside);
                let place = led.and_then(|led| tree.place(led, opens));
                tree.enter(index, event.id, place);
            } else if let Some(owner) = led.and_then(|led| tree.owner_of(event, led, history)) {
                tree.nodes[owner].events.push(index);
                tree.owners.insert(event.id, owner);
            }
            last = tree.owners.get(&event.id).copied().or(last);
        }
        tree
    }

    /// Where a state is that this node led to: beside it, or in a new walk inside.
    fn place(&mut self, led: usize, opens: bool) -> Option<(usize, usize)> {
        if !opens {
            return self.nodes[led].place;
        }
        let walks = &mut self.nodes[led].walks;
        walks.push(Vec::new());
        Some((led, walks.len() - 1))
    }

    fn enter(&mut self, index: usize, id: u64, place: Option<(usize, usize)>) {
        let node = self.nodes.len();
        self.nodes.push(Node { place, events: vec![index], walks: Vec::new() });
        match place {
            Some((parent, walk)) => self.nodes[parent].walks[walk].push(node),
            None => self.roots.push(node),
        }
        self.owners.insert(id, node);
    }

    /// What happens to a Parallel or a Map state follows from something inside of it.
    fn owner_of(
        &self,
        event: &HistoryEvent,
        led: usize,
        history: &[HistoryEvent],
    ) -> Option<usize> {
        let kind = outer_kind(event.event_type);
        let mut node = led;
        loop {
            let entry = self.nodes[node].events.first().and_then(|&first| history.get(first))?;
            if kind.is_none_or(|kind| entry.event_type.as_str().starts_with(kind)) {
                return Some(node);
            }
            node = self.nodes[node].place?.0;
        }
    }

    pub(super) fn write(&self, history: &[HistoryEvent], text: &mut String) {
        let waits: BTreeMap<usize, i64> = waits(history).collect();
        write(&self.lines(&self.roots, history, &waits), "", text);
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
        let mut below: Vec<_> = happened(node, history, waits)
            .into_iter()
            .map(|text| Line { text, below: Vec::new() })
            .collect();
        let text = head(node, history);
        let unit = if text.ends_with("(Map)") { "item" } else { "branch" };
        below.extend(node.walks.iter().enumerate().map(|(place, walk)| Line {
            text: format!("{unit} {}", place + 1),
            below: self.lines(walk, history, waits),
        }));
        Line { text, below }
    }
}

fn write(lines: &[Line], indent: &str, text: &mut String) {
    for (place, line) in lines.iter().enumerate() {
        let last = place + 1 == lines.len();
        let (branch, rail) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{indent}{branch}{}", line.text);
        write(&line.below, &format!("{indent}{rail}"), text);
    }
}

/// A state's name, what it is, and for a task what it calls.
fn head(node: &Node, history: &[HistoryEvent]) -> String {
    let mut events = node.events.iter().map(|&index| &history[index]);
    let entry = events.next();
    let name = entry.and_then(entered).unwrap_or_default();
    let kind = entry.and_then(|event| event.event_type.as_str().strip_suffix("StateEntered"));
    let kind = kind.unwrap_or_default();
    match events.find(|event| is_schedule(event.event_type)).and_then(called) {
        Some(call) => format!("{name} ({kind}: {call})"),
        None => format!("{name} ({kind})"),
    }
}

/// What happened in a state, one line each.
fn happened(node: &Node, history: &[HistoryEvent], waits: &BTreeMap<usize, i64>) -> Vec<String> {
    let mut lines = Vec::new();
    let attempts =
        node.events.iter().filter(|&&index| is_schedule(history[index].event_type)).count();
    let mut attempt = 0;
    for (place, &index) in node.events.iter().enumerate() {
        let event = &history[index];
        attempt += usize::from(is_schedule(event.event_type));
        let number = if attempts > 1 { format!("attempt {attempt}: ") } else { String::new() };
        let waited = waits.get(&index).map(|&seconds| duration(seconds));
        let line = what(event, &number, waited.as_deref());
        let left = node.events.get(place + 1).is_some_and(|&next| is_exit(&history[next]));
        let caught = if left && is_failure(event.event_type) { ", caught" } else { "" };
        lines.extend(line.map(|line| format!("{line}{caught}")));
    }
    lines
}

fn what(event: &HistoryEvent, number: &str, waited: Option<&str>) -> Option<String> {
    let event_type = event.event_type;
    if is_failure(event_type) {
        let again = waited.map(|waited| format!(", again after {waited}"));
        return Some(format!("{number}{}{}", named(event), again.unwrap_or_default()));
    }
    match event_type {
        EventType::LambdaFunctionSucceeded
        | EventType::TaskSucceeded
        | EventType::ActivitySucceeded => Some(format!("{number}{}", told(event))),
        EventType::TaskSubmitted => {
            let waited = waited.map(|waited| format!(" for {waited}"));
            Some(format!("{number}waited to be answered{}", waited.unwrap_or_default()))
        }
        EventType::WaitStateEntered => waited.map(|waited| format!("waited {waited}")),
        EventType::ExecutionRedriven => Some("redriven".to_owned()),
        EventType::TaskStateAborted
        | EventType::WaitStateAborted
        | EventType::ParallelStateAborted
        | EventType::MapStateAborted => Some("stopped in the middle".to_owned()),
        _ => None,
    }
}

/// Whether the next entry that follows is inside of this event's state.
fn opens_inside(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::ParallelStateStarted
            | EventType::MapStateStarted
            | EventType::MapIterationStarted
    )
}

/// The kind of state that such an event belongs to, where it is not the state of
/// the event that led to it.
fn outer_kind(event_type: EventType) -> Option<&'static str> {
    let name = event_type.as_str();
    let outer = name.starts_with("ParallelState").then_some("Parallel");
    outer.or_else(|| name.starts_with("Map").then_some("Map"))
}
