//! `GET /board`: how many orders are in each state of the workflow, for operators.
//!
//! The numbers come from the indexes, without reading the orders; only an order that
//! compensates is read, because its facts say how far it got.

use std::collections::BTreeMap;

use domain::order::Attention;
use domain::ports::OpenOrder;
use domain::steps::{self, State};
use domain::{Status, Timestamp};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{etag, schema};

/// The maximum number of compensating orders that are read. Of more, the rest is counted
/// in the state in which compensation begins.
const MAX_COMPENSATING_ORDERS: usize = 100;

/// The number of orders in each state, now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Board)]
pub(crate) struct BoardResponse {
    /// The time of the counts, not covered by the `ETag`.
    #[schema(value_type = schema::TimestampSchema)]
    as_of: Timestamp,
    /// The states of the workflow that hold orders, in the order of the workflow.
    states: Vec<StateCount>,
    /// The orders that are not closed, by status.
    statuses: Vec<StatusCount>,
    /// The orders that need attention; closed orders can be among them.
    attention: Vec<AttentionCount>,
    /// The orders that were closed today in UTC, by status.
    closed_today: Vec<StatusCount>,
}

/// The number of orders in a state of the workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct StateCount {
    #[schema(value_type = schema::StateSchema)]
    name: State,
    orders: u64,
}

/// The number of orders with a status.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusCount {
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    orders: u64,
}

/// The number of orders that need attention for a reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttentionCount {
    #[schema(value_type = schema::AttentionSchema)]
    kind: Attention,
    orders: u64,
}

/// Returns the counts, or 304 when they are those that the client has.
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    Caller::authorize(request, &[Scope::OrdersOperate])?;
    let orders = &api.orders;
    let today = request.at.day();
    let (open, closed, review, backorder, operator) = tokio::try_join!(
        orders.open_orders(),
        orders.closed_on(&today),
        orders.attention_count(Attention::Review),
        orders.attention_count(Attention::Backorder),
        orders.attention_count(Attention::Operator),
    )?;
    let open: Vec<_> = open.into_iter().filter(|order| !order.status.is_closed()).collect();
    let attention_of = |kind: &Attention| match kind {
        Attention::Review => review,
        Attention::Backorder => backorder,
        Attention::Operator => operator,
    };
    let body = BoardResponse {
        as_of: request.at,
        states: state_counts(&states_of(api, &open).await?),
        statuses: status_counts(false, &count(open.iter().map(|order| order.status))),
        attention: Attention::ALL
            .iter()
            .map(|kind| AttentionCount { kind: *kind, orders: attention_of(kind) })
            .collect(),
        closed_today: status_counts(true, &closed),
    };
    let counts = (&body.states, &body.statuses, &body.attention, &body.closed_today);
    let tag = etag::of(None, &counts);
    Ok(etag::conditional(request, &tag, Response::json(StatusCode::OK, &body)))
}

/// The number of these orders in each state.
async fn states_of<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    open: &[OpenOrder],
) -> Result<BTreeMap<State, u64>, Problem> {
    // An order that waits for an operator waits there whether it compensates or not.
    let (compensating, others): (Vec<_>, Vec<_>) =
        open.iter().partition(|order| order.compensates && order.status != Status::NeedsAttention);
    let mut counts = count(others.iter().filter_map(|order| State::holding(order.status)));
    let ids: Vec<_> = compensating.iter().map(|order| order.order_id.clone()).collect();
    let (read, rest) = ids.split_at(ids.len().min(MAX_COMPENSATING_ORDERS));
    if !read.is_empty() {
        let loaded = api.orders.load_all(read).await?;
        for state in loaded.iter().filter_map(domain::Order::current_state) {
            *counts.entry(state).or_default() += 1;
        }
    }
    if !rest.is_empty() {
        let more = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        *counts.entry(State::CancelShipment).or_default() += more;
    }
    Ok(counts)
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    items.fold(BTreeMap::new(), |mut counts, item| {
        *counts.entry(item).or_default() += 1;
        counts
    })
}

/// Every state in which an order can be, in the order of the workflow.
fn state_counts(counts: &BTreeMap<State, u64>) -> Vec<StateCount> {
    steps::rows()
        .filter(|(_, row)| matches!(row.kind.state_type(), "Task" | "Wait"))
        .map(|(name, _)| StateCount { name, orders: counts.get(&name).copied().unwrap_or(0) })
        .collect()
}

/// Every closed or every other status.
fn status_counts(closed: bool, counts: &BTreeMap<Status, u64>) -> Vec<StatusCount> {
    Status::ALL
        .iter()
        .copied()
        .filter(|status| status.is_closed() == closed)
        .map(|status| StatusCount { status, orders: counts.get(&status).copied().unwrap_or(0) })
        .collect()
}
