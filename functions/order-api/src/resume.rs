//! `POST /orders/{orderId}/resume`: an operator decides about an order that is
//! stuck. Where the facts forbid an action, it is refused.

use domain::decision::OperatorAction;
use domain::{OrderId, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::review::LONGEST_NOTE;
use crate::{Api, Inventory, Orders, Workflow, answers, body, form, schema};

/// What an operator says about an order that is stuck.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Resumption)]
pub(crate) struct ResumeBody {
    #[schema(value_type = schema::ActionWord)]
    action: OperatorAction,
    /// Agrees that captured money goes back; `compensate` of a captured order needs it.
    #[schema(nullable = false)]
    refund: Option<bool>,
    /// Kept with the decision; for operators only.
    #[schema(schema_with = schema::plain::<LONGEST_NOTE>)]
    note: Option<String>,
}

/// A decision that is on record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResumedOrder)]
pub(crate) struct ResumeView {
    #[schema(value_type = schema::OrderIdText)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    #[schema(value_type = schema::ActionWord)]
    action: OperatorAction,
}

/// Records the decision, then tells the wait; to acknowledge tells nobody.
pub(crate) async fn decide<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let body = body::read(request, None)?;
    let ResumeBody { action, refund, note } = form::read(&body, |form| {
        let choices = [
            ("capture", OperatorAction::Capture),
            ("compensate", OperatorAction::Compensate),
            ("acknowledge", OperatorAction::Acknowledge),
        ];
        let action = form.required("action", form::word(&choices));
        let refund = form.optional("refund", form::flag);
        let note = form.optional("note", form::text(LONGEST_NOTE));
        Some(ResumeBody { action: action?, refund: refund?, note: note? })
    })?;
    let id = answers::order_id(id)?;
    let by = caller.id.as_str();
    let order = answers::record_and_send(api, &id, |order| {
        order.apply_operator_action(
            action,
            refund.unwrap_or(false),
            by,
            note.as_deref(),
            request.at,
        )
    })
    .await?;
    let answer = ResumeView { order_id: order.order_id, status: order.status, action };
    Ok(Reply::json(200, &answer))
}
