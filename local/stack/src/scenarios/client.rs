//! A client of a running stack: what a customer, an operator and a bookkeeper
//! do, over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Ledger;

/// The addresses of a running stack.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Urls {
    /// The web page and the API.
    pub api: String,
    /// The AWS endpoint.
    pub aws: String,
    /// The gateway.
    pub gateway: String,
    /// The carrier.
    pub carrier: String,
}

/// A client of the stack at these addresses.
#[derive(Debug, Clone)]
pub struct Client {
    urls: Urls,
    http: reqwest::Client,
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

const CUSTOMER: &str = "Bearer dev:customer-1:orders:write,orders:read";
const OPERATOR: &str = "Bearer dev:operator-1:orders:operate,orders:read,inventory:write";

/// Longer than the API's own limit of 30 s.
const PATIENCE: Duration = Duration::from_secs(40);

impl Client {
    /// A client of the stack at these addresses.
    pub fn new(urls: Urls) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { urls, http })
    }

    /// Places an order.
    pub async fn place(&self, order: &Value, key: &str) -> Result<Reply> {
        let request = self.http.post(format!("{}/orders", self.urls.api)).json(order);
        self.send(request.header("authorization", CUSTOMER).header("idempotency-key", key)).await
    }

    /// Reads an order as its customer does.
    pub async fn order(&self, id: &str) -> Result<Value> {
        let request = self.http.get(format!("{}/orders/{id}", self.urls.api));
        self.send(request.header("authorization", CUSTOMER)).await?.accepted("reading the order")
    }

    /// Cancels an order as its customer does.
    pub async fn cancel(&self, id: &str) -> Result<Reply> {
        let request = self.http.post(format!("{}/orders/{id}/cancel", self.urls.api));
        self.send(request.header("authorization", CUSTOMER)).await
    }

    /// Says something to an order as an operator does: `review`, `resume`.
    pub async fn operate(&self, id: &str, what: &str, body: &Value) -> Result<Reply> {
        let request = self.http.post(format!("{}/orders/{id}/{what}", self.urls.api)).json(body);
        self.send(request.header("authorization", OPERATOR)).await
    }

    /// Puts goods on a shelf.
    pub async fn restock(&self, sku: &str, quantity: u32, key: &str) -> Result<Reply> {
        let url = format!("{}/inventory/{sku}/restock", self.urls.api);
        let request = self.http.post(url).json(&json!({ "quantity": quantity }));
        self.send(request.header("authorization", OPERATOR).header("idempotency-key", key)).await
    }

    /// Says what is sold under a SKU, and how many there are to begin with.
    pub async fn list(&self, item: &Value) -> Result<Reply> {
        let mut body = item.clone();
        let sku = body.as_object_mut().and_then(|fields| fields.remove("sku"));
        let sku = sku.as_ref().and_then(Value::as_str).context("an item of the stock has a sku")?;
        let request = self.http.put(format!("{}/inventory/{sku}", self.urls.api)).json(&body);
        self.send(request.header("authorization", OPERATOR)).await
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
        self.send(self.http.get(url)).await?.accepted("reading a ledger")
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
            let reply = self.send(self.http.post(url).json(&json!([fault]))).await?;
            reply.accepted(&format!("the fault at {at}"))?;
        }
        Ok(())
    }

    /// Lets everything work again.
    pub async fn clear_faults(&self) -> Result<()> {
        for server in [&self.urls.gateway, &self.urls.carrier, &self.urls.aws] {
            let reply = self.send(self.http.delete(format!("{server}/_faults"))).await?;
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
        self.aws(&format!("AWSStepFunctions.{operation}"), body).await
    }

    /// Calls an operation of the AWS endpoint by its target.
    async fn aws(&self, target: &str, body: &Value) -> Result<Value> {
        let request = self
            .http
            .post(&self.urls.aws)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string());
        self.send(request).await?.accepted(target)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Reply> {
        let response = request.send().await.context("is the stack running?")?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok(Reply { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
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
