//! `POST /orders/{orderId}/resume`: an operator decides about an order that is
//! stuck. Where the facts forbid an action, it is refused.

use domain::answer::Action;
use serde_json::json;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::review::LONGEST_NOTE;
use crate::{Api, Inventory, Orders, Workflow, answers, body, form};

/// Records the decision, then tells the wait; to acknowledge tells nobody.
pub(crate) async fn decide<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let body = body::read(request, None)?;
    let (action, refund, note) = form::read(&body, |form| {
        let choices = [
            ("capture", Action::Capture),
            ("compensate", Action::Compensate),
            ("acknowledge", Action::Acknowledge),
        ];
        let action = form.required("action", form::word(&choices));
        let refund = form.optional("refund", form::flag);
        let note = form.optional("note", form::text(LONGEST_NOTE));
        Some((action?, refund?.unwrap_or(false), note?))
    })?;
    let id = answers::order_id(id)?;
    let by = caller.id.as_str();
    let order = answers::record_and_send(api, &id, |order| {
        order.resume(action, refund, by, note.as_deref(), request.at)
    })
    .await?;
    let answer = json!({"orderId": order.order_id, "status": order.status, "action": action});
    Ok(Reply::json(200, &answer))
}
