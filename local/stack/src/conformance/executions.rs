//! Recorded executions: run, and held against what was recorded.

use serde_json::{Map, Value, json};

use super::compare::{Pair, pair_histories};
use super::drive;
use super::report::{Group, Part, Verdict};
use super::vectors::{Event, Recording, Strange};

/// Runs a recording and pairs what it came to with what AWS recorded.
pub(super) fn judge(recording: &Recording) -> Verdict {
    let group = Group::Tier {
        tier: recording.tier.clone(),
        query_language: recording.query_language.clone(),
    };
    let mut verdict =
        Verdict { name: recording.name.clone(), group, parts: Vec::new(), skipped: None };
    match drive::run(recording) {
        Err(refused) => verdict.skipped = Some(refused.0),
        Ok(run) => match run.unanswered.filter(|_| !recording.mocks_complete) {
            Some(missing) => verdict.skipped = Some(missing),
            None => verdict.parts = pairs(recording, run.outcome, &run.history),
        },
    }
    verdict
}

/// A recording that is not understood counts as one that disagrees.
pub(super) fn refuse(strange: &Strange) -> Verdict {
    let Strange { name, tier, query_language, why } = strange;
    let group = Group::Tier { tier: tier.clone(), query_language: query_language.clone() };
    let skipped = Some(format!("it is not understood: {why}"));
    Verdict { name: name.clone(), group, parts: Vec::new(), skipped }
}

fn pairs(recording: &Recording, outcome: Value, history: &[Value]) -> Vec<(Part, Pair)> {
    let mut parts = vec![(Part::Outcome, outcomes(recording, outcome))];
    if let Some(recorded) = recorded_history(recording) {
        // Where the recording broke off before the end, it is the beginning that counts.
        let open = recording.has_flag("no_final_status_recorded");
        let kept = if open { recorded.len().min(history.len()) } else { history.len() };
        let sorted = recording.has_flag("parallel_history_sorted_by_localstack");
        parts.push((Part::History, pair_histories(&recorded, &history[..kept], sorted)));
    }
    parts
}

/// Status, output, error and cause, of which a recording without a status has none.
fn outcomes(recording: &Recording, mut actual: Value) -> Pair {
    let mut recorded = recording.expected.clone();
    recorded.remove("describe");
    if recorded.get("status").is_none_or(Value::is_null) {
        recorded.remove("status");
        actual = json!({});
    }
    let mut recorded = Value::Object(recorded);
    open_placeholders(recording, &mut recorded);
    Pair { recorded, actual }
}

fn recorded_history(recording: &Recording) -> Option<Vec<Value>> {
    let events = recording.expected_history.as_ref()?;
    let mut events: Vec<Value> = events.iter().map(event).collect();
    if recording.has_flag("history_recorded_reversed") {
        events.reverse();
    }
    for event in &mut events {
        open_placeholders(recording, event);
    }
    Some(events)
}

fn event(event: &Event) -> Value {
    let details = match &event.details {
        Value::Null => Value::Object(Map::new()),
        details => details.clone(),
    };
    json!({"id": event.id, "prev": event.prev, "type": event.kind, "details": details})
}

/// Three kinds of text stand for what was not kept and do not look like it: the name of
/// a detail in place of the detail (`stateExitedEventDetails.output`), the word in place
/// of a random number, and a placeholder within a placeholder (`<<task_token>:1>`).
fn open_placeholders(recording: &Recording, value: &mut Value) {
    let random = recording.has_flag("random");
    match value {
        Value::String(text) if text.ends_with("EventDetails.output") => {
            *value = json!("<output>");
        }
        Value::String(text) if random && text.ends_with("NumberGenerated") => {
            *value = json!("<number>");
        }
        Value::String(text) if text.starts_with("<<") && text.ends_with('>') => {
            *text = format!("<{}>", text.replace(['<', '>'], ""));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| open_placeholders(recording, item)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| open_placeholders(recording, field));
        }
        _ => {}
    }
}
