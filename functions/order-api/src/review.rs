//! `POST /orders/{orderId}/review`: a person approves or rejects an order. Once:
//! the first decision on record counts.

use domain::decision::ReviewDecision;
use domain::{OrderId, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow, answers, body, form, schema};

/// A note has at most this many characters.
pub(crate) const LONGEST_NOTE: usize = 500;

/// What a person says about an order under review.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Review)]
pub(crate) struct ReviewBody {
    #[schema(value_type = schema::DecisionWord)]
    decision: ReviewDecision,
    /// Kept with the decision; for operators only.
    #[schema(schema_with = schema::plain::<LONGEST_NOTE>)]
    note: Option<String>,
}

/// A decision that is on record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReviewedOrder)]
pub(crate) struct ReviewView {
    #[schema(value_type = schema::OrderIdText)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    #[schema(value_type = schema::DecisionWord)]
    decision: ReviewDecision,
}

/// Records the decision, then tells the wait.
pub(crate) async fn decide<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let body = body::read(request, None)?;
    let ReviewBody { decision, note } = form::read(&body, |form| {
        let choices = [("approve", ReviewDecision::Approve), ("reject", ReviewDecision::Reject)];
        let decision = form.required("decision", form::word(&choices));
        let note = form.optional("note", form::text(LONGEST_NOTE));
        Some(ReviewBody { decision: decision?, note: note? })
    })?;
    let id = answers::order_id(id)?;
    let by = caller.id.as_str();
    let order = answers::record_and_send(api, &id, |order| {
        order.decide_review(decision, by, note.as_deref(), request.at)
    })
    .await?;
    let answer = ReviewView { order_id: order.order_id, status: order.status, decision };
    Ok(Reply::json(200, &answer))
}
