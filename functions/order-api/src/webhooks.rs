//! `POST /webhooks/{provider}`: a provider reports that one of its objects changed.
//!
//! Only the ids in an event are used: to find the order, and to make the reconciler
//! inspect it now. The reconciler asks the provider for the truth, so a repeated,
//! late or reordered event changes nothing, and a lost one only costs time.
//!
//! The signatures and event shapes are in the providers' crates, behind
//! [`WebhookSource`].

use domain::conflict::MAX_ATTEMPTS;
use domain::ports::{
    SaveResult, WebhookEvent, WebhookRejection, WebhookRequest, WebhookSource, WebhookSubject,
};
use domain::{Order, OrderId, Timestamp};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::event::{Request, Response};
use crate::problem::{Problem, ProblemKind};

/// The response to a genuine event, also to one that changes nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Received)]
pub(crate) struct ReceivedResponse {
    /// Always `true`: the provider need not send the event again.
    received: bool,
}

impl From<WebhookRejection> for Problem {
    fn from(rejection: WebhookRejection) -> Self {
        let kind = match rejection {
            WebhookRejection::Unsigned | WebhookRejection::Forged | WebhookRejection::Stale => {
                ProblemKind::BadSignature
            }
            WebhookRejection::Malformed => ProblemKind::InvalidRequest,
        };
        Self::new(kind, rejection.to_string())
    }
}

/// Verifies an event and makes the reconciler inspect its order.
pub(crate) async fn receive<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    provider: &str,
) -> Result<Response, Problem> {
    let source = api.webhooks.get(provider).ok_or_else(Problem::not_found)?;
    let body = request.body()?;
    let webhook =
        WebhookRequest { headers: &request.headers, body: &body, received_at: request.at };
    if let Some(event) = verify(api, provider, source.as_ref(), &webhook).await? {
        record(api, &event, request.at).await?;
    }
    Ok(Response::json(StatusCode::OK, &ReceivedResponse { received: true }))
}

/// Verifies an event with the secrets that are known, and with those that are stored if
/// they are newer: the provider may sign with a secret that was rotated just now.
async fn verify<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    provider: &str,
    source: &dyn WebhookSource,
    webhook: &WebhookRequest<'_>,
) -> Result<Option<WebhookEvent>, Problem> {
    let keys = api.settings.webhook_keys(provider).await?;
    let result = source.receive(webhook, &keys);
    if result != Err(WebhookRejection::Forged) {
        return Ok(result?);
    }
    match api.settings.newer_webhook_keys(provider, &keys).await? {
        Some(newer) if !newer.secrets.is_empty() => Ok(source.receive(webhook, &newer)?),
        None if !keys.secrets.is_empty() => Ok(result?),
        _ => Err(no_secret(provider)),
    }
}

/// Nothing can be verified, so the provider must send the event again later.
fn no_secret(provider: &str) -> Problem {
    Problem::unavailable(
        "the webhook is not set up yet: send the event again",
        format!("no secret is stored for the webhooks of {provider}"),
    )
}

/// Records on the order that a webhook is pending, if the event is about an order of ours.
async fn record<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    event: &WebhookEvent,
    at: Timestamp,
) -> Result<(), Problem> {
    let Some(id) = find_order(api, &event.subject).await? else { return Ok(()) };
    for _ in 0..MAX_ATTEMPTS {
        let Some(before) = api.orders.load(&id).await? else { return Ok(()) };
        if !owns(&before, &event.subject) || is_step_running(&before) {
            return Ok(());
        }
        let Some(after) = before.with_webhook(event.id.as_str(), at) else { return Ok(()) };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            return Ok(());
        }
    }
    Err(Problem::contended("send the event again"))
}

/// The order that the event names, or the one that has stored the object's id.
async fn find_order<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    subject: &WebhookSubject,
) -> Result<Option<OrderId>, Problem> {
    Ok(match subject {
        WebhookSubject::Payment { order: Some(id), .. }
        | WebhookSubject::Shipment { order: Some(id), .. } => Some(id.clone()),
        WebhookSubject::Payment { intent, .. } => api.orders.by_payment_intent(intent).await?,
        WebhookSubject::Shipment { shipment, .. } => api.orders.by_shipment(shipment).await?,
    })
}

/// Whether this order has stored the object's id: an event may name any order.
fn owns(order: &Order, subject: &WebhookSubject) -> bool {
    match subject {
        WebhookSubject::Payment { intent, .. } => order.payment.intent_id.as_ref() == Some(intent),
        WebhookSubject::Shipment { shipment, .. } => {
            order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == *shipment)
        }
    }
}

/// Whether a workflow step is working on the order. The step asks the provider
/// itself, and its next write moves the reconciler's date anyway; a write from here
/// would only cause a version conflict.
fn is_step_running(order: &Order) -> bool {
    !order.status.is_closed() && order.task_token.is_none()
}
