//! `POST /orders/{orderId}/review`: a person approves or rejects an order. Once:
//! the first decision on record counts.

use domain::answer::Decision;
use serde_json::json;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow, answers, body, form};

/// A note has at most this many characters.
pub(crate) const LONGEST_NOTE: usize = 500;

/// Records the decision, then tells the wait.
pub(crate) async fn decide<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let body = body::read(request, None)?;
    let (decision, note) = form::read(&body, |form| {
        let choices = [("approve", Decision::Approve), ("reject", Decision::Reject)];
        let decision = form.required("decision", form::word(&choices));
        let note = form.optional("note", form::text(LONGEST_NOTE));
        Some((decision?, note?))
    })?;
    let id = answers::order_id(id)?;
    let by = caller.id.as_str();
    let order = answers::record_and_send(api, &id, |order| {
        order.decide_review(decision, by, note.as_deref(), request.at)
    })
    .await?;
    let answer = json!({"orderId": order.order_id, "status": order.status, "decision": decision});
    Ok(Reply::json(200, &answer))
}
