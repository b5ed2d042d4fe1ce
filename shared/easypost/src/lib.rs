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
use domain::account::AccountProblem;
use domain::ports::{
    ApiKey, ApiKeySource, CallOutcome, Method, NoApiKey, ProviderMode, Request, Response,
    ShippingProvider, ShippingRejection, Transport, TransportError,
};
use domain::shipment::{Parcel, ProviderShipment, ShipFrom};
use domain::{Private, RateId, ShipmentId};
use serde_json::{Value, json};

pub use self::webhook::EasyPostWebhooks;

/// The outcome of a call to EasyPost.
type Outcome<T> = CallOutcome<T, ShippingRejection>;

/// One EasyPost account that ships from one address.
#[derive(Debug, Clone)]
pub struct EasyPost<T, K> {
    transport: T,
    base_url: String,
    api_key: K,
    ship_from: Option<Private<ShipFrom>>,
}

impl<T: Transport, K: ApiKeySource> EasyPost<T, K> {
    /// The account of this API key. `base_url` has no trailing slash.
    /// Without an address to ship from it creates no shipment.
    pub fn new(transport: T, base_url: impl Into<String>, api_key: K) -> Self {
        Self { transport, base_url: base_url.into(), api_key, ship_from: None }
    }

    /// The same account, with the address that parcels are shipped from.
    #[must_use]
    pub fn shipping_from(self, ship_from: ShipFrom) -> Self {
        Self { ship_from: Some(Private::new(ship_from)), ..self }
    }

    async fn post(
        &self,
        path: &str,
        body: &Value,
        classify: impl Fn(&Response, ProviderMode) -> Outcome<ProviderShipment> + Send + Sync,
    ) -> Outcome<ProviderShipment> {
        let body = body.to_string().into_bytes();
        self.send(Method::Post, path, body, classify).await
    }

    async fn get<D>(
        &self,
        path: &str,
        classify: impl Fn(&Response, ProviderMode) -> Outcome<D> + Send + Sync,
    ) -> Outcome<D> {
        self.send(Method::Get, path, Vec::new(), classify).await
    }

    /// Sends a request, and repeats it if its key was replaced. A request with a rejected key
    /// has no effect, so the repeat cannot act twice.
    async fn send<D>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        classify: impl Fn(&Response, ProviderMode) -> Outcome<D> + Send + Sync,
    ) -> Outcome<D> {
        let key = match self.api_key.current().await {
            Ok(key) => key,
            Err(reason) => return no_key(reason),
        };
        let headers = match method {
            Method::Post => vec![("content-type", "application/json".to_owned())],
            Method::Get => Vec::new(),
        };
        let request =
            Request { method, url: format!("{}/v2/{path}", self.base_url), headers, body };
        let sent = self.send_with(&key, request.clone()).await;
        let first = outcome(sent, |response| classify(response, key.mode));
        let is_rejected = matches!(
            &first,
            CallOutcome::Rejected(ShippingRejection::Account(AccountProblem::KeyRejected))
        );
        if !is_rejected {
            return first;
        }
        match self.api_key.replacement(&key).await {
            Ok(Some(replacement)) => {
                let sent = self.send_with(&replacement, request).await;
                outcome(sent, |response| classify(response, replacement.mode))
            }
            Ok(None) | Err(NoApiKey::Unavailable(_)) => first,
            Err(reason) => no_key(reason),
        }
    }

    async fn send_with(
        &self,
        key: &ApiKey,
        mut request: Request,
    ) -> Result<Response, TransportError> {
        // Basic authentication: the API key is the user name, the password is empty.
        let credentials = STANDARD.encode(format!("{}:", key.secret.expose()));
        request.headers.push(("authorization", format!("Basic {credentials}")));
        self.transport.send(request).await
    }
}

fn outcome<D>(
    response: Result<Response, TransportError>,
    classify: impl FnOnce(&Response) -> Outcome<D>,
) -> Outcome<D> {
    match response {
        Ok(response) => classify(&response),
        Err(TransportError::NotSent(reason)) => CallOutcome::NotSent(reason),
        Err(TransportError::NoResponse(reason)) => CallOutcome::Unknown(reason),
    }
}

fn no_key<D>(reason: NoApiKey) -> Outcome<D> {
    match reason {
        NoApiKey::Problem(problem) => CallOutcome::Rejected(ShippingRejection::Account(problem)),
        NoApiKey::Unavailable(reason) => CallOutcome::NotSent(reason),
    }
}

impl<T: Transport, K: ApiKeySource> ShippingProvider for EasyPost<T, K> {
    async fn create(&self, parcel: &Parcel) -> Outcome<ProviderShipment> {
        let Some(ship_from) = &self.ship_from else {
            let why = "no address to ship from is set".to_owned();
            return CallOutcome::Rejected(ShippingRejection::Misconfigured(why));
        };
        let body = request::create_shipment(parcel, ship_from.expose());
        self.post("shipments", &body, response::classify_rated).await
    }

    async fn buy(&self, id: &ShipmentId, rate: &RateId) -> Outcome<ProviderShipment> {
        let (path, body) = (format!("shipments/{id}/buy"), json!({ "rate": { "id": rate } }));
        self.post(&path, &body, response::classify_shipment).await
    }

    async fn rerate(&self, id: &ShipmentId) -> Outcome<ProviderShipment> {
        let path = format!("shipments/{id}/rerate");
        self.post(&path, &json!({}), response::classify_rated).await
    }

    async fn refund(&self, id: &ShipmentId) -> Outcome<ProviderShipment> {
        let path = format!("shipments/{id}/refund");
        self.post(&path, &json!({}), response::classify_shipment).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> Outcome<ProviderShipment> {
        self.get(&format!("shipments/{id}"), response::classify_shipment).await
    }
}
