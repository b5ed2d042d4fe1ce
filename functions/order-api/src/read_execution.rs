//! `GET /orders/{orderId}/execution`: the states that the order's execution has
//! entered, read from its history. For operators.

use domain::Timestamp;
use domain::ports::{ExecutionView, StateVisit};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{order_lookup, schema};

/// An execution of the state machine.
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
}

/// A visit of the execution to a state.
#[derive(Serialize, ToSchema)]
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

impl From<ExecutionView> for ExecutionResponse {
    fn from(execution: ExecutionView) -> Self {
        Self {
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

/// Returns the execution that owns the order; 404 when it does not exist.
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersOperate])?;
    let order = order_lookup::load_visible(api, &caller, id).await?;
    let execution = api.workflow.read(&order.execution).await?.ok_or_else(Problem::not_found)?;
    Ok(Response::json(StatusCode::OK, &ExecutionResponse::from(execution)))
}
