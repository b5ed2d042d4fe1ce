//! The carrier over HTTPS: EasyPost's shipments.
//!
//! What this file promises is the sorting of answers into [`CallOutcome`]: an answer
//! that may hide a purchase is `Unknown`, never a refusal. EasyPost has no
//! idempotency keys, so a call is never sent twice from here; the one thing that
//! makes a repeat safe is that a shipment is bought once.
//!
//! Nothing of the carrier's texts is passed on, only its codes, because a text
//! may quote an address. [`wire`] is the JSON.

mod ids;
mod ledger;
mod webhook;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::{
    CallOutcome, Method, Request, Response, ShippingProvider, ShippingRejection, Transport,
    TransportError,
};
use domain::shipment::{Parcel, ProviderShipment, ShipFrom};
use domain::{Private, RateId, ShipmentId};
use serde_json::{Value, json};

pub use self::webhook::EasyPostWebhooks;
use self::wire::{ErrorBody, WireShipment};

/// How the carrier's answer to a call ends up.
type Answer = CallOutcome<ProviderShipment, ShippingRejection>;

/// EasyPost, for one account that sends from one place.
#[derive(Debug, Clone)]
pub struct EasyPost<T> {
    transport: T,
    base_url: String,
    api_key: Private<String>,
    from: Private<ShipFrom>,
}

impl<T: Transport> EasyPost<T> {
    /// The account of this key, at this address (without a slash at the end).
    pub fn new(
        transport: T,
        base_url: impl Into<String>,
        api_key: Private<String>,
        from: ShipFrom,
    ) -> Self {
        Self { transport, base_url: base_url.into(), api_key, from: Private::new(from) }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::Post, path, body.to_string().into_bytes(), whole).await
    }

    async fn call<D>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        read: impl FnOnce(&Response) -> CallOutcome<D, ShippingRejection> + Send,
    ) -> CallOutcome<D, ShippingRejection> {
        // Basic authentication: the key is the name, and there is no password.
        let credentials = STANDARD.encode(format!("{}:", self.api_key.expose()));
        let mut headers = vec![("authorization", format!("Basic {credentials}"))];
        if method == Method::Post {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let url = format!("{}/v2/{path}", self.base_url);
        match self.transport.send(Request { method, url, headers, body }).await {
            Ok(response) => read(&response),
            Err(TransportError::NotSent(why)) => CallOutcome::NotSent(why),
            Err(TransportError::NoResponse(why)) => CallOutcome::Unknown(why),
        }
    }
}

impl<T: Transport> ShippingProvider for EasyPost<T> {
    async fn create(&self, parcel: &Parcel) -> Answer {
        self.post("shipments", &wire::new_shipment(parcel, self.from.expose())).await
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Answer {
        self.post(&format!("shipments/{id}/buy"), &json!({ "rate": { "id": rate } })).await
    }

    async fn refund(&self, id: &ShipmentId) -> Answer {
        self.post(&format!("shipments/{id}/refund"), &json!({})).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> Answer {
        self.call(Method::Get, &format!("shipments/{id}"), Vec::new(), whole).await
    }
}

/// Sorts an answer that is to be a shipment.
fn whole(response: &Response) -> Answer {
    sort(response, |body| serde_json::from_slice::<WireShipment>(body).ok()?.parse())
}

/// Sorts an answer by what it says about the effect of the call.
fn sort<D>(
    response: &Response,
    read: impl FnOnce(&[u8]) -> Option<D>,
) -> CallOutcome<D, ShippingRejection> {
    let status = response.status;
    match status {
        200..=299 => match read(&response.body) {
            Some(done) => CallOutcome::Succeeded(done),
            None => CallOutcome::Unknown(format!("{status} that cannot be read")),
        },
        429 => CallOutcome::NotSent("answered 429".to_owned()),
        // It gave up on us, or on another request about the same shipment.
        408 | 409 => CallOutcome::Unknown(format!("answered {status}")),
        400..=499 => sort_refusal(response),
        _ => CallOutcome::Unknown(format!("answered {status}")),
    }
}

fn sort_refusal<D>(response: &Response) -> CallOutcome<D, ShippingRejection> {
    let status = response.status;
    let error: ErrorBody = serde_json::from_slice(&response.body).unwrap_or_default();
    let why = error.describe(status);
    match (status, error.code()) {
        (_, Some("SHIPMENT.POSTAGE.EXISTS")) => {
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
        }
        // The carrier behind EasyPost has not answered, or is still at it.
        (
            _,
            Some(
                "SHIPMENT.PURCHASE.IN_PROGRESS"
                | "SHIPMENT.POSTAGE.TIMED_OUT"
                | "SHIPMENT.POSTAGE.NO_RESPONSE",
            ),
        ) => CallOutcome::Unknown(why),
        (_, Some("RATE_LIMITED")) => CallOutcome::NotSent(why),
        (404, _) => CallOutcome::Rejected(ShippingRejection::NotFound),
        (400 | 422, _) => CallOutcome::Rejected(ShippingRejection::Rejected(why)),
        _ => CallOutcome::Rejected(ShippingRejection::Misconfigured(why)),
    }
}
