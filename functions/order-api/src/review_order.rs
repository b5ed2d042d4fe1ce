//! `POST /orders/{orderId}/review`: an operator approves or rejects an order. The
//! first recorded decision counts.

use domain::decision::ReviewDecision;
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

/// A decision about an order under review.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewRequest {
    #[schema(value_type = schema::ReviewDecisionSchema)]
    decision: ReviewDecision,
    /// Stored with the decision; for operators only.
    #[schema(schema_with = schema::plain_text::<MAX_NOTE_LENGTH>)]
    note: Option<String>,
}

/// A recorded decision.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReviewedOrder)]
pub(crate) struct ReviewResponse {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    #[schema(value_type = schema::ReviewDecisionSchema)]
    decision: ReviewDecision,
}

/// Records the decision, then sends it to the waiting task.
pub(crate) async fn review<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersOperate])?;
    let body = request_body::parse(request, None)?;
    let ReviewRequest { decision, note } = validation::object(&body, |fields| {
        let decision = fields.required("decision", validation::choice);
        let note = fields.optional("note", validation::text(MAX_NOTE_LENGTH));
        Ok(ReviewRequest { decision: decision?, note: note? })
    })?;
    let id = order_lookup::parse_id(id)?;
    let by = caller.id.as_str();
    let order = decisions::record_and_send(api, &id, |order| {
        order.decide_review(decision, by, note.as_deref(), request.at)
    })
    .await?;
    let body = ReviewResponse { order_id: order.order_id, status: order.status, decision };
    Ok(Response::json(StatusCode::OK, &body))
}
