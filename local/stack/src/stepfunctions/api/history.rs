//! `GetExecutionHistory`: what an execution wrote down, page by page.

use std::sync::Arc;

use asl::HistoryEvent;
use asl::validate::api::errors;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, date, executions, page};
use crate::aws::AwsError;
use crate::stepfunctions::driver::Driver;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HistoryRequest {
    execution_arn: String,
    max_results: Option<i64>,
    reverse_order: Option<bool>,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

pub(super) async fn page(driver: &Arc<Driver>, request: &HistoryRequest) -> Answer {
    let record = executions::find(driver, &request.execution_arn).await?;
    let reverse = request.reverse_order.unwrap_or_default();
    let list = format!("{} {reverse}", request.execution_arn);
    let place = page::place(&list, request.next_token.as_deref())?;
    let first = place.map(|place| place.parse().map_err(unreadable)).transpose()?;
    let wanted = Wanted {
        first,
        size: page::size(request.max_results),
        reverse,
        with_data: request.include_execution_data.unwrap_or(true),
    };
    let (events, next) =
        driver.read(record.id, |live| cut(live.execution.history(), &wanted)).await?;
    let mut answer = json!({ "events": events });
    if let Some(next) = next {
        answer["nextToken"] = json!(page::token(&list, &next.to_string()));
    }
    Ok(answer)
}

fn unreadable(_: std::num::ParseIntError) -> AwsError {
    errors::invalid_token().into()
}

struct Wanted {
    /// The place of the first event in the history; the beginning, or the end when
    /// it is read backwards, where none is given. A place stays what it is while the
    /// history grows.
    first: Option<usize>,
    size: usize,
    reverse: bool,
    with_data: bool,
}

/// One page of events, and the place of the first one after it.
fn cut(history: &[HistoryEvent], wanted: &Wanted) -> (Vec<Value>, Option<usize>) {
    let shown = |event: &HistoryEvent| shown(event, wanted.with_data);
    if wanted.reverse {
        let end = wanted.first.map_or(history.len(), |first| first + 1).min(history.len());
        let start = end.saturating_sub(wanted.size);
        let page = history.get(start..end).unwrap_or_default();
        return (page.iter().rev().map(shown).collect(), start.checked_sub(1));
    }
    let start = wanted.first.unwrap_or_default().min(history.len());
    let end = start.saturating_add(wanted.size).min(history.len());
    let page = history.get(start..end).unwrap_or_default();
    (page.iter().map(shown).collect(), (end < history.len()).then_some(end))
}

/// An event as the API shows it.
pub(in crate::stepfunctions) fn shown(event: &HistoryEvent, with_data: bool) -> Value {
    let mut shown = Map::new();
    shown.insert("timestamp".to_owned(), date(event.timestamp));
    shown.insert("type".to_owned(), json!(event.event_type.as_str()));
    shown.insert("id".to_owned(), json!(event.id));
    shown.insert("previousEventId".to_owned(), json!(event.previous_event_id));
    if let Value::Object(details) = &event.details {
        let details =
            details.iter().map(|(name, value)| (name.clone(), detailed(value, with_data)));
        shown.extend(details);
    }
    Value::Object(shown)
}

/// The data of an event, which may be asked to be left out, and beside it whether
/// it was cut short, which it never is.
const DATA: [&str; 3] = ["input", "output", "assignedVariables"];

fn detailed(details: &Value, with_data: bool) -> Value {
    let Value::Object(fields) = details else { return details.clone() };
    let mut shown = fields.clone();
    for name in DATA {
        if !with_data {
            shown.shift_remove(name);
        } else if fields.contains_key(name) {
            shown.insert(format!("{name}Details"), json!({ "truncated": false }));
        }
    }
    Value::Object(shown)
}
