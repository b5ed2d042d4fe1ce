//! A client of a running stack: what a customer, an operator and a bookkeeper
//! do, over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use emulators::emulator::ControlAction;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::http::request::Builder;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::Ledger;
use crate::urls::Urls;

/// A client of the stack at these addresses.
#[derive(Debug, Clone)]
pub struct Client {
    urls: Urls,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The body; null when it is not JSON.
    pub body: Value,
}

impl Reply {
    /// The body of an answer that says yes; what the API said, otherwise.
    pub fn accepted(self, what: &str) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let said = ["detail", "title", "message"].iter().find_map(|key| self.body[key].as_str());
        bail!("{what} was answered {}: {}", self.status, said.unwrap_or("no reason given"))
    }
}

const CUSTOMER: &str = "Bearer dev:customer-1:orders/write,orders/read";
const OPERATOR: &str = "Bearer dev:operator-1:orders/operate,orders/read,inventory/write";

/// One of several operators, counted from 1.
fn operator(number: u32) -> String {
    format!("Bearer dev:operator-{number}:orders/operate,orders/read")
}

/// Longer than the API's own limit of 30 s.
const PATIENCE: Duration = Duration::from_secs(40);

impl Client {
    /// A client of the stack at these addresses.
    pub fn new(urls: Urls) -> Self {
        Self { urls, http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// Places an order.
    pub async fn place(&self, order: &Value, key: &str) -> Result<Reply> {
        let request = post(&format!("{}/orders", self.urls.api)).header("authorization", CUSTOMER);
        self.send(request.header("idempotency-key", key), Some(order)).await
    }

    /// Reads an order as its customer does.
    pub async fn order(&self, id: &str) -> Result<Value> {
        let request = Request::get(format!("{}/orders/{id}", self.urls.api));
        let reply = self.send(request.header("authorization", CUSTOMER), None).await?;
        reply.accepted("reading the order")
    }

    /// Cancels an order as its customer does.
    pub async fn cancel(&self, id: &str) -> Result<Reply> {
        let request = Request::post(format!("{}/orders/{id}/cancel", self.urls.api));
        self.send(request.header("authorization", CUSTOMER), None).await
    }

    /// Says something to an order as an operator does: `review`, `resume`.
    pub async fn operate(&self, id: &str, what: &str, body: &Value) -> Result<Reply> {
        self.operate_as(1, id, what, body).await
    }

    /// The same, as the operator of this number.
    pub async fn operate_as(
        &self,
        number: u32,
        id: &str,
        what: &str,
        body: &Value,
    ) -> Result<Reply> {
        let request = post(&format!("{}/orders/{id}/{what}", self.urls.api));
        self.send(request.header("authorization", operator(number)), Some(body)).await
    }

    /// Delivers a webhook: these bytes, with this signature.
    pub async fn deliver(
        &self,
        path: &str,
        (header, signature): (&str, &str),
        body: Vec<u8>,
    ) -> Result<Reply> {
        let request = post(&format!("{}{path}", self.urls.api)).header(header, signature);
        self.send_bytes(request, body.into()).await
    }

    /// Puts goods on a shelf.
    pub async fn restock(&self, sku: &str, quantity: u32, key: &str) -> Result<Reply> {
        let request = post(&format!("{}/inventory/{sku}/restock", self.urls.api))
            .header("authorization", OPERATOR)
            .header("idempotency-key", key);
        self.send(request, Some(&json!({ "quantity": quantity }))).await
    }

    /// Says what is sold under a SKU, and how many there are to begin with.
    pub async fn list(&self, item: &Value) -> Result<Reply> {
        let mut body = item.clone();
        let sku = body.as_object_mut().and_then(|fields| fields.remove("sku"));
        let sku = sku.as_ref().and_then(Value::as_str).context("an item of the stock has a sku")?;
        let request = Request::put(format!("{}/inventory/{sku}", self.urls.api))
            .header("content-type", JSON)
            .header("authorization", OPERATOR);
        self.send(request, Some(&body)).await
    }

    /// What both providers' books say about an order.
    pub async fn ledger(&self, order_id: &str) -> Result<Ledger> {
        let gateway = self.book(&self.urls.gateway, order_id).await?;
        let carrier = self.book(&self.urls.carrier, order_id).await?;
        let minor = |name: &str| gateway["totals"][name].as_i64().unwrap_or_default();
        let number = |name: &str| carrier["totals"][name].as_u64().unwrap_or_default();
        Ok(Ledger {
            authorized: minor("authorized"),
            captured: minor("captured"),
            voided: minor("voided"),
            refunded: minor("refunded"),
            labels: number("labels"),
            label_refunds: number("labelRefunds"),
        })
    }

    async fn book(&self, provider: &str, order_id: &str) -> Result<Value> {
        let url = format!("{provider}/_ledger?order={order_id}");
        self.send(Request::get(url), None).await?.accepted("reading a ledger")
    }

    /// The money of all orders: what was captured and not refunded, by order.
    pub async fn net_by_order(&self) -> Result<BTreeMap<String, i64>> {
        let url = format!("{}/_ledger", self.urls.gateway);
        let book = self.send(Request::get(url), None).await?.accepted("reading a ledger")?;
        let net = |of: &Value| {
            let minor = |name: &str| of[name].as_i64().unwrap_or_default();
            minor("captured") - minor("refunded")
        };
        let orders = book["orders"].as_object().into_iter().flatten();
        Ok(orders.map(|(id, of)| (id.clone(), net(of))).collect())
    }

    /// Has something happen in the world that no call of the API does.
    pub async fn act(&self, act: &ControlAction) -> Result<Reply> {
        let provider = match act {
            ControlAction::RejectRefund { .. } | ControlAction::UpdateTracker { .. } => {
                &self.urls.carrier
            }
            _ => &self.urls.gateway,
        };
        self.send(post(&format!("{provider}/_acts")), Some(&json!(act))).await
    }

    /// Lets these things go wrong: each fault goes to the server that its point belongs to.
    pub async fn plan(&self, faults: &[Value], order_id: Option<&str>) -> Result<()> {
        for fault in faults {
            let mut fault = fault.clone();
            let at = fault["at"].as_str().context("a fault has a point, `at`")?.to_owned();
            if let (Some(id), Some(fields)) = (order_id, fault.as_object_mut()) {
                fields.insert("order".to_owned(), json!(id));
            }
            let url = format!("{}/_faults", self.server_of(&at));
            let reply = self.send(post(&url), Some(&json!([fault]))).await?;
            reply.accepted(&format!("the fault at {at}"))?;
        }
        Ok(())
    }

    /// Lets everything work again.
    pub async fn clear_faults(&self) -> Result<()> {
        for server in [&self.urls.gateway, &self.urls.carrier, &self.urls.aws] {
            let reply = self.send(Request::delete(format!("{server}/_faults")), None).await?;
            reply.accepted("clearing the faults")?;
        }
        Ok(())
    }

    fn server_of(&self, point: &str) -> &str {
        match point.split('.').next() {
            Some("gateway") => &self.urls.gateway,
            Some("carrier") => &self.urls.carrier,
            _ => &self.urls.aws,
        }
    }

    /// Calls Step Functions, such as `StopExecution`.
    pub async fn states(&self, operation: &str, body: &Value) -> Result<Value> {
        self.ask_states(operation, body).await?.accepted(operation)
    }

    /// The same, for a call that may be refused.
    pub async fn ask_states(&self, operation: &str, body: &Value) -> Result<Reply> {
        let request = Request::post(&self.urls.aws)
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .header("content-type", "application/x-amz-json-1.0");
        self.send(request, Some(body)).await
    }

    async fn send(&self, request: Builder, body: Option<&Value>) -> Result<Reply> {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send_bytes(request, body).await
    }

    async fn send_bytes(&self, request: Builder, body: Bytes) -> Result<Reply> {
        let request = request.body(Full::new(body)).context("not an address")?;
        let answered = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let response = answered.context("no answer in time")?.context("is the stack running?")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

const JSON: &str = "application/json";

fn post(url: &str) -> Builder {
    Request::post(url).header("content-type", JSON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_api_said() {
        let reply = Reply { status: 422, body: json!({"detail": "there is no such SKU"}) };
        let error = reply.accepted("the order").unwrap_err().to_string();
        assert_eq!(error, "the order was answered 422: there is no such SKU");
    }
}
