//! `POST /orders/{orderId}/resume`: an operator decides about an order that needs
//! attention. The domain refuses an action that the order's facts forbid.

use domain::decision::OperatorAction;
use domain::order::DecisionError;
use domain::settlement::{Claims, LabelClaim, MoneyClaim};
use domain::{Order, OrderId, Status, Timestamp};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::schema::MAX_NOTE_LENGTH;
use crate::validation::{Fields, Invalid};
use crate::{decisions, order_lookup, request_body, schema, validation};

/// An operator's decision about an order that needs attention.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResumeRequest {
    #[schema(value_type = schema::OperatorActionSchema)]
    action: OperatorAction,
    /// Permits that captured money is refunded. `compensate` of a captured order requires it.
    #[schema(nullable = false)]
    refund: Option<bool>,
    /// Only with `settle`, which requires `money`, `label` or both.
    #[schema(value_type = Option<schema::MoneyClaimSchema>, nullable = false)]
    money: Option<MoneyClaim>,
    /// Only with `settle`.
    #[schema(value_type = Option<schema::LabelClaimSchema>, nullable = false)]
    label: Option<LabelClaim>,
    /// Stored with the decision; for operators only. Required with `settle`.
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

/// Records the decision, then sends it to the waiting task. Nothing waits for what is decided
/// about a closed order.
pub(crate) async fn resume<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersOperate])?;
    let body = request_body::parse(request, None)?;
    let decision = validation::object(&body, ResumeRequest::read)?;
    let id = order_lookup::parse_id(id)?;
    let by = caller.id.as_str();
    let order =
        decisions::record_and_send(api, &id, |order| decision.apply(order, by, request.at)).await?;
    let (status, action) = (order.status, decision.action);
    let body = ResumeResponse { order_id: order.order_id, status, action };
    Ok(Response::json(StatusCode::OK, &body))
}

impl ResumeRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let action = fields.required("action", validation::choice);
        let refund = fields.optional("refund", validation::boolean);
        let money = fields.optional("money", validation::choice);
        let label = fields.optional("label", validation::choice);
        let note = fields.optional("note", validation::text(MAX_NOTE_LENGTH));
        let request =
            Self { action: action?, refund: refund?, money: money?, label: label?, note: note? };
        request.check_settlement(fields)?;
        Ok(request)
    }

    /// The rules between `settle` and the fields that go with it.
    fn check_settlement(&self, fields: &mut Fields<'_>) -> Result<(), Invalid> {
        if self.action != OperatorAction::Settle {
            let claim = self.money.map(|_| "money").or(self.label.map(|_| "label"));
            return claim.map_or(Ok(()), |name| fields.refuse(name, "only goes with `settle`"));
        }
        if self.money.is_none() && self.label.is_none() {
            return fields.refuse("money", "is required with `settle`, or `label` is");
        }
        if self.money == Some(MoneyClaim::Captured) && self.refund == Some(true) {
            return fields.refuse("refund", "contradicts `captured`: the money is kept");
        }
        if self.note.is_none() {
            return fields.refuse("note", "is required with `settle`");
        }
        Ok(())
    }

    fn apply(&self, order: &Order, by: &str, at: Timestamp) -> Result<Order, DecisionError> {
        let (refund, note) = (self.refund.unwrap_or(false), self.note.as_deref());
        if self.action == OperatorAction::Settle {
            let claims = Claims { money: self.money, label: self.label };
            return order.settle(claims, refund, by, note.unwrap_or_default(), at);
        }
        order.apply_operator_action(self.action, refund, by, note, at)
    }
}
