//! `POST /webhooks/stripe` and `POST /webhooks/easypost`: what the providers tell
//! of their own accord.
//!
//! A webhook is a hint: it makes the reconciler look now. Nothing that it says is
//! believed but the ids by which the order is found; the truth is looked up at
//! the provider. So a repeated, late or reordered one changes nothing, and one
//! that is lost only costs time.
//!
//! Read [`signature`] for whom we listen to, and [`told`] for what we read.

mod signature;
pub(crate) mod told;

use aws::ProviderMode;
use domain::conflict::MAX_ATTEMPTS;
use domain::ports::SaveResult;
use domain::{Order, OrderId, Private, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow};
use told::{Subject, Told};

/// What the providers sign with, and in which mode they are used.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The gateway's secrets; two while one replaces the other.
    pub stripe: Vec<Private<String>>,
    /// The carrier's.
    pub easypost: Vec<Private<String>>,
    /// Events of the other mode are not for us.
    pub mode: ProviderMode,
}

/// The answer to a webhook, also to one that changes nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Received {
    /// Always `true`: there is no need to send it again.
    received: bool,
}

/// `POST /webhooks/stripe`
pub(crate) async fn stripe<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    let body = request.body()?;
    let header = request.header("stripe-signature").unwrap_or_default();
    signature::stripe(header, &body, &api.webhooks.stripe, request.at)?;
    listen(api, &told::by_stripe(&body)?, request.at).await
}

/// `POST /webhooks/easypost`
pub(crate) async fn easypost<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    let body = request.body()?;
    let header = request.header("x-hmac-signature").unwrap_or_default();
    signature::easypost(header, &body, &api.webhooks.easypost)?;
    listen(api, &told::by_easypost(&body)?, request.at).await
}

/// Has the reconciler look at the order that this is about, if it is one of ours.
async fn listen<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    told: &Told,
    at: Timestamp,
) -> Result<Reply, Problem> {
    let received = || Ok(Reply::json(200, &Received { received: true }));
    // One that does not say its mode is known by its signature alone.
    let is_for_us = told.mode.is_none_or(|mode| mode == api.webhooks.mode);
    let Some(subject) = told.subject.as_ref().filter(|_| is_for_us) else { return received() };
    let Some(id) = find(api, subject).await? else { return received() };
    for _ in 0..MAX_ATTEMPTS {
        let Some(before) = api.orders.load(&id).await? else { return received() };
        if !is_about(subject, &before) || is_at_work(&before) {
            return received();
        }
        let Some(after) = before.with_webhook(&told.id, at) else { return received() };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            return received();
        }
    }
    Err(Problem::unavailable("the order kept changing; send the event again", "contended"))
}

/// The order that says so itself, or the one that has stored this id.
async fn find<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    subject: &Subject,
) -> Result<Option<OrderId>, Problem> {
    Ok(match subject {
        Subject::Payment { order: Some(id), .. } | Subject::Shipment { order: Some(id), .. } => {
            Some(id.clone())
        }
        Subject::Payment { intent, .. } => api.orders.by_payment_intent(intent).await?,
        Subject::Shipment { shipment, .. } => api.orders.by_shipment(shipment).await?,
    })
}

/// Whether it is this order's own payment or parcel.
fn is_about(subject: &Subject, order: &Order) -> bool {
    match subject {
        Subject::Payment { intent, .. } => order.payment.intent_id.as_ref() == Some(intent),
        Subject::Shipment { shipment, .. } => {
            order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == *shipment)
        }
    }
}

/// Whether a step has it in hand. That step asks the provider itself, and its
/// next write would move the look to another time anyway: a hint would change
/// nothing but the version under it.
fn is_at_work(order: &Order) -> bool {
    !order.status.is_closed() && order.task_token.is_none()
}
