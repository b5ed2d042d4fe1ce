//! `GET /orders/{orderId}/execution`: the states that the order's execution has
//! been in, read from its history, for an operator and for the web page.

use domain::Timestamp;
use domain::ports::{ExecutionView, StateVisit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow, orders, schema};

/// An execution of the state machine.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Execution)]
pub(crate) struct RunView {
    #[schema(value_type = schema::ExecutionWord)]
    status: String,
    #[schema(value_type = schema::MomentText)]
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MomentText)]
    stopped_at: Option<Timestamp>,
    /// The states that it was in, in the order in which it entered them.
    states: Vec<VisitView>,
}

/// A state that the execution was in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StateVisit)]
pub(crate) struct VisitView {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[schema(value_type = schema::MomentText)]
    entered_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MomentText)]
    exited_at: Option<Timestamp>,
    /// How often its task was tried; 0 for a state without one.
    attempts: u32,
    /// The error of the last attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

impl From<ExecutionView> for RunView {
    fn from(run: ExecutionView) -> Self {
        Self {
            status: run.status,
            started_at: run.started_at,
            stopped_at: run.stopped_at,
            states: run.states.into_iter().map(VisitView::from).collect(),
        }
    }
}

impl From<StateVisit> for VisitView {
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

/// Shows the execution that owns the order; 404 when there is none.
pub(crate) async fn show<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let order = orders::visible(api, &caller, id).await?;
    let execution = api.workflow.read(&order.execution).await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::json(200, &RunView::from(execution)))
}
