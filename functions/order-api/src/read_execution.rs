//! `GET /orders/{orderId}/execution`: the states that the order's executions have
//! entered, read from their histories. For operators. An order that was restarted has
//! several executions; together they are its story.

use domain::ports::{ExecutionView, StateVisit};
use domain::{ExecutionName, Timestamp};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{etag, order_lookup, schema};

/// The maximum number of executions that are read, each with its history.
const MAX_EXECUTIONS: u32 = 8;

/// The latest execution of an order, and all of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Execution)]
pub(crate) struct ExecutionResponse {
    #[schema(value_type = schema::ExecutionStatusSchema)]
    status: String,
    #[schema(value_type = schema::TimestampSchema)]
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    stopped_at: Option<Timestamp>,
    /// In the order in which the execution entered them.
    states: Vec<StateVisitResponse>,
    /// Every execution of the order, oldest first; of a restarted order, the latest 8.
    executions: Vec<NamedExecutionResponse>,
}

/// One of the executions of an order.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedExecution)]
pub(crate) struct NamedExecutionResponse {
    /// The order id, and for the nth restart `-rn`.
    #[schema(pattern = "^ord_[0-9a-f]{32}(-r[0-9]+)?$")]
    name: String,
    #[schema(value_type = schema::ExecutionStatusSchema)]
    status: String,
    #[schema(value_type = schema::TimestampSchema)]
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    stopped_at: Option<Timestamp>,
    /// In the order in which the execution entered them.
    states: Vec<StateVisitResponse>,
}

/// A visit of the execution to a state.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StateVisit)]
pub(crate) struct StateVisitResponse {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[schema(value_type = schema::TimestampSchema)]
    entered_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    exited_at: Option<Timestamp>,
    /// How often the task was tried; 0 for a state without a task.
    attempts: u32,
    /// The error of the last failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

impl NamedExecutionResponse {
    fn new(name: &ExecutionName, execution: ExecutionView) -> Self {
        Self {
            name: name.to_string(),
            status: execution.status,
            started_at: execution.started_at,
            stopped_at: execution.stopped_at,
            states: execution.states.into_iter().map(StateVisitResponse::from).collect(),
        }
    }
}

impl From<StateVisit> for StateVisitResponse {
    fn from(visit: StateVisit) -> Self {
        Self {
            name: visit.name,
            kind: visit.kind,
            entered_at: visit.entered_at,
            exited_at: visit.exited_at,
            attempts: visit.attempts,
            error: visit.error,
        }
    }
}

/// Returns the executions of the order; 404 when none exists.
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersOperate])?;
    let order = order_lookup::load_visible(api, &caller, id).await?;
    let mut executions = Vec::new();
    let latest = order.restart_count();
    for n in latest.saturating_sub(MAX_EXECUTIONS - 1)..=latest {
        let name = order.order_id.restart_execution(n);
        if let Some(execution) = api.workflow.read(&name).await? {
            executions.push(NamedExecutionResponse::new(&name, execution));
        }
    }
    let latest = executions.last().cloned().ok_or_else(Problem::not_found)?;
    let body = ExecutionResponse {
        status: latest.status,
        started_at: latest.started_at,
        stopped_at: latest.stopped_at,
        states: latest.states,
        executions,
    };
    let tag = etag::of(None, &body);
    Ok(etag::conditional(request, &tag, Response::json(StatusCode::OK, &body)))
}
