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
    let skip = place.map_or(Ok(0), |place| place.parse()).map_err(unreadable)?;
    let size = page::size(request.max_results);
    let with_data = request.include_execution_data.unwrap_or(true);
    let (events, more) = driver
        .read(record.id, |live| cut(live.execution.history(), reverse, skip, size, with_data))
        .await?;
    let mut answer = json!({ "events": events });
    if more {
        answer["nextToken"] = json!(page::token(&list, &(skip + size).to_string()));
    }
    Ok(answer)
}

fn unreadable(_: std::num::ParseIntError) -> AwsError {
    errors::invalid_token().into()
}

/// One page of events, and whether more follow.
fn cut(
    history: &[HistoryEvent],
    reverse: bool,
    skip: usize,
    size: usize,
    with_data: bool,
) -> (Vec<Value>, bool) {
    let shown = |event: &HistoryEvent| shown(event, with_data);
    let events = if reverse {
        history.iter().rev().skip(skip).take(size).map(shown).collect()
    } else {
        history.iter().skip(skip).take(size).map(shown).collect()
    };
    (events, history.len() > skip.saturating_add(size))
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
