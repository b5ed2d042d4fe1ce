//! `POST /orders/{orderId}/resume`: an operator decides about an order that needs
//! attention. The domain refuses an action that the order's facts forbid.

use domain::decision::OperatorAction;
use domain::{OrderId, Status};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::schema::MAX_NOTE_LENGTH;
use crate::{decisions, order_lookup, request_body, schema, validation};

/// An operator's decision about an order that needs attention.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResumeRequest {
    #[schema(value_type = schema::OperatorActionSchema)]
    action: OperatorAction,
    /// Confirms that captured money is refunded; `compensate` of a captured order requires it.
    #[schema(nullable = false)]
    refund: Option<bool>,
    /// Stored with the decision; for operators only.
    #[schema(schema_with = schema::plain_text::<MAX_NOTE_LENGTH>)]
    note: Option<String>,
}

/// A recorded decision.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResumedOrder)]
pub(crate) struct ResumeResponse {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    #[schema(value_type = schema::OperatorActionSchema)]
    action: OperatorAction,
}

/// Records the decision, then sends it to the waiting task. `acknowledge` sends nothing.
pub(crate) async fn resume<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersOperate])?;
    let body = request_body::parse(request, None)?;
    let ResumeRequest { action, refund, note } = validation::object(&body, |fields| {
        let action = fields.required("action", validation::choice);
        let refund = fields.optional("refund", validation::boolean);
        let note = fields.optional("note", validation::text(MAX_NOTE_LENGTH));
        Ok(ResumeRequest { action: action?, refund: refund?, note: note? })
    })?;
    let id = order_lookup::parse_id(id)?;
    let (by, refund) = (caller.id.as_str(), refund.unwrap_or(false));
    let order = decisions::record_and_send(api, &id, |order| {
        order.apply_operator_action(action, refund, by, note.as_deref(), request.at)
    })
    .await?;
    let body = ResumeResponse { order_id: order.order_id, status: order.status, action };
    Ok(Response::json(StatusCode::OK, &body))
}
