//! `GetExecutionHistory`: the history events of an execution, page by page.

use std::sync::Arc;

use asl::HistoryEvent;
use asl::validate::api::errors;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::lookup::find_execution;
use super::page;
use super::response::{ApiResult, epoch_seconds};
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

pub(super) async fn get(driver: &Arc<Driver>, request: &HistoryRequest) -> ApiResult {
    let record = find_execution(driver, &request.execution_arn).await?;
    let reverse = request.reverse_order.unwrap_or_default();
    let list = format!("{} {reverse}", request.execution_arn);
    let position = page::position(&list, request.next_token.as_deref())?;
    let first = position.map(|text| text.parse().map_err(invalid_token)).transpose()?;
    let page = PageRequest {
        first,
        size: page::size(request.max_results),
        reverse,
        with_data: request.include_execution_data.unwrap_or(true),
    };
    let (events, next) =
        driver.read(record.id, |live| select(live.execution.history(), &page)).await?;
    let mut response = json!({ "events": events });
    if let Some(next) = next {
        response["nextToken"] = json!(page::next_token(&list, &next.to_string()));
    }
    Ok(response)
}

fn invalid_token(_: std::num::ParseIntError) -> AwsError {
    errors::invalid_token().into()
}

struct PageRequest {
    /// The index of the first event. Without one, the page begins with the first event, or
    /// with the last one in reverse order. Indexes stay valid while the history grows.
    first: Option<usize>,
    size: usize,
    reverse: bool,
    with_data: bool,
}

/// One page of events, and the index at which the next page begins.
fn select(history: &[HistoryEvent], request: &PageRequest) -> (Vec<Value>, Option<usize>) {
    let render = |event: &HistoryEvent| render(event, request.with_data);
    if request.reverse {
        let end = request.first.map_or(history.len(), |first| first + 1).min(history.len());
        let start = end.saturating_sub(request.size);
        let page = history.get(start..end).unwrap_or_default();
        return (page.iter().rev().map(render).collect(), start.checked_sub(1));
    }
    let start = request.first.unwrap_or_default().min(history.len());
    let end = start.saturating_add(request.size).min(history.len());
    let page = history.get(start..end).unwrap_or_default();
    (page.iter().map(render).collect(), (end < history.len()).then_some(end))
}

/// An event as the API returns it.
fn render(event: &HistoryEvent, with_data: bool) -> Value {
    let mut rendered = Map::new();
    rendered.insert("timestamp".to_owned(), epoch_seconds(event.timestamp));
    rendered.insert("type".to_owned(), json!(event.event_type.as_str()));
    rendered.insert("id".to_owned(), json!(event.id));
    rendered.insert("previousEventId".to_owned(), json!(event.previous_event_id));
    if let Value::Object(details) = &event.details {
        let details =
            details.iter().map(|(name, value)| (name.clone(), render_details(value, with_data)));
        rendered.extend(details);
    }
    Value::Object(rendered)
}

/// The fields that hold execution data. A request can exclude them; a response says beside each
/// whether it was truncated, which this service never does.
const DATA_FIELDS: [&str; 3] = ["input", "output", "assignedVariables"];

fn render_details(details: &Value, with_data: bool) -> Value {
    let Value::Object(fields) = details else { return details.clone() };
    let mut rendered = fields.clone();
    for name in DATA_FIELDS {
        if !with_data {
            rendered.shift_remove(name);
        } else if fields.contains_key(name) {
            rendered.insert(format!("{name}Details"), json!({ "truncated": false }));
        }
    }
    Value::Object(rendered)
}
