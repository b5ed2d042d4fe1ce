//! EasyPost, the shipping provider: shipments, labels, webhooks and the ledger listing.
//!
//! The crate guarantees how each response becomes a [`CallOutcome`] (`response`): a call
//! that may have bought a label is `Unknown`, never `Rejected`. EasyPost has no
//! idempotency keys, so no call is ever repeated here. Buying is safe to repeat because a
//! shipment can be bought only once (<https://docs.easypost.com/docs/shipments>).
//!
//! EasyPost's messages are never passed on, only its codes, because a message may quote
//! an address.
//!
//! Start at [`EasyPost`], which implements the domain's ports; `request` and `wire` are
//! the JSON.

mod error;
mod ids;
mod ledger;
mod request;
mod response;
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

/// The outcome of a call to EasyPost.
type Outcome<T> = CallOutcome<T, ShippingRejection>;

/// One EasyPost account that ships from one address.
#[derive(Debug, Clone)]
pub struct EasyPost<T> {
    transport: T,
    base_url: String,
    api_key: Private<String>,
    ship_from: Private<ShipFrom>,
}

impl<T: Transport> EasyPost<T> {
    /// The account of this API key. `base_url` has no trailing slash.
    pub fn new(
        transport: T,
        base_url: impl Into<String>,
        api_key: Private<String>,
        ship_from: ShipFrom,
    ) -> Self {
        let (base_url, ship_from) = (base_url.into(), Private::new(ship_from));
        Self { transport, base_url, api_key, ship_from }
    }

    async fn post(&self, path: &str, body: &Value) -> Outcome<ProviderShipment> {
        let body = body.to_string().into_bytes();
        self.send(Method::Post, path, body, response::classify_shipment).await
    }

    async fn get<D>(
        &self,
        path: &str,
        classify: impl FnOnce(&Response) -> Outcome<D> + Send,
    ) -> Outcome<D> {
        self.send(Method::Get, path, Vec::new(), classify).await
    }

    async fn send<D>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        classify: impl FnOnce(&Response) -> Outcome<D> + Send,
    ) -> Outcome<D> {
        // Basic authentication: the API key is the user name, the password is empty.
        let credentials = STANDARD.encode(format!("{}:", self.api_key.expose()));
        let mut headers = vec![("authorization", format!("Basic {credentials}"))];
        if method == Method::Post {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let url = format!("{}/v2/{path}", self.base_url);
        match self.transport.send(Request { method, url, headers, body }).await {
            Ok(response) => classify(&response),
            Err(TransportError::NotSent(reason)) => CallOutcome::NotSent(reason),
            Err(TransportError::NoResponse(reason)) => CallOutcome::Unknown(reason),
        }
    }
}

impl<T: Transport> ShippingProvider for EasyPost<T> {
    async fn create(&self, parcel: &Parcel) -> Outcome<ProviderShipment> {
        self.post("shipments", &request::create_shipment(parcel, self.ship_from.expose())).await
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Outcome<ProviderShipment> {
        self.post(&format!("shipments/{id}/buy"), &json!({ "rate": { "id": rate } })).await
    }

    async fn refund(&self, id: &ShipmentId) -> Outcome<ProviderShipment> {
        self.post(&format!("shipments/{id}/refund"), &json!({})).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> Outcome<ProviderShipment> {
        self.get(&format!("shipments/{id}"), response::classify_shipment).await
    }
}
