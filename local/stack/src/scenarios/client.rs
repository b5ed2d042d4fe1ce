//! An HTTP client of a running stack: the customer, the operators and the test controls.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use emulators::emulator::ControlAction;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::http::request::Builder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::action::Reader;
use super::ledger::Ledger;
use crate::urls::Urls;

/// A client of the stack at these addresses. A clone shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    urls: Urls,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

/// A response of the stack.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it is not JSON.
    pub body: Value,
}

impl Response {
    /// Returns the body of a 2xx response.
    ///
    /// # Errors
    /// Any other status; the error names the request, the status and the problem's detail.
    pub fn into_success(self, request: &str) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let detail = ["detail", "title", "message"].iter().find_map(|key| self.body[key].as_str());
        bail!("{request} returned {}: {}", self.status, detail.unwrap_or("no reason given"))
    }
}

const CUSTOMER: &str = "Bearer dev:customer-1:orders/write,orders/read";
const OPERATOR: &str = "Bearer dev:operator-1:orders/operate,orders/read,inventory/write";

/// The authorization of one of several operators, numbered from 1.
fn operator(number: u32) -> String {
    format!("Bearer dev:operator-{number}:orders/operate,orders/read")
}

/// Longer than the API's own limit of 30 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

const JSON: &str = "application/json";

impl Client {
    /// Creates a client of the stack at these addresses.
    pub fn new(urls: Urls) -> Self {
        Self { urls, http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Places an order as the customer.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn place_order(&self, order: &Value, idempotency_key: &str) -> Result<Response> {
        let request = post(&format!("{}/orders", self.urls.api)).header("authorization", CUSTOMER);
        self.send(request.header("idempotency-key", idempotency_key), Some(order)).await
    }

    /// Reads an order as its customer.
    ///
    /// # Errors
    /// The stack cannot be reached, or the API rejects the request.
    pub async fn order(&self, id: &str) -> Result<Value> {
        let request = Request::get(format!("{}/orders/{id}", self.urls.api));
        let response = self.send(request.header("authorization", CUSTOMER), None).await?;
        response.into_success("reading the order")
    }

    /// Reads this path of the API.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn read(&self, path: &str, by: Reader) -> Result<Response> {
        let authorization = match by {
            Reader::Customer => CUSTOMER,
            Reader::Operator => OPERATOR,
        };
        let request = Request::get(format!("{}{path}", self.urls.api));
        self.send(request.header("authorization", authorization), None).await
    }

    /// Cancels an order as its customer.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn cancel(&self, id: &str) -> Result<Response> {
        let request = Request::post(format!("{}/orders/{id}/cancel", self.urls.api));
        self.send(request.header("authorization", CUSTOMER), None).await
    }

    /// Sends an operator's request about an order; `operation` is `review` or `resume`.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn operate(&self, id: &str, operation: &str, body: &Value) -> Result<Response> {
        self.operate_as(1, id, operation, body).await
    }

    /// Sends the request of the operator with this number.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn operate_as(
        &self,
        number: u32,
        id: &str,
        operation: &str,
        body: &Value,
    ) -> Result<Response> {
        let request = post(&format!("{}/orders/{id}/{operation}", self.urls.api));
        self.send(request.header("authorization", operator(number)), Some(body)).await
    }

    /// Delivers a webhook with this signature header and body.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn deliver_webhook(
        &self,
        path: &str,
        (header, signature): (&str, &str),
        body: Vec<u8>,
    ) -> Result<Response> {
        let request = post(&format!("{}{path}", self.urls.api)).header(header, signature);
        self.send_bytes(request, body.into()).await
    }

    /// Adds stock as an operator.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn restock(
        &self,
        sku: &str,
        quantity: u32,
        idempotency_key: &str,
    ) -> Result<Response> {
        let request = post(&format!("{}/inventory/{sku}/restock", self.urls.api))
            .header("authorization", OPERATOR)
            .header("idempotency-key", idempotency_key);
        self.send(request, Some(&json!({ "quantity": quantity }))).await
    }

    /// Adds a product to the catalog with its initial stock.
    ///
    /// # Errors
    /// The product has no `sku`, or the stack cannot be reached.
    pub async fn add_product(&self, product: &Value) -> Result<Response> {
        let mut body = product.clone();
        let sku = body.as_object_mut().and_then(|fields| fields.remove("sku"));
        let sku = sku.as_ref().and_then(Value::as_str).context("a product has no sku")?;
        let request = Request::put(format!("{}/inventory/{sku}", self.urls.api))
            .header("content-type", JSON)
            .header("authorization", OPERATOR);
        self.send(request, Some(&body)).await
    }

    /// Reads an order's totals from both providers' ledgers.
    ///
    /// # Errors
    /// An emulator cannot be reached or rejects the request.
    pub async fn ledger(&self, order_id: &str) -> Result<Ledger> {
        let payment = self.provider_ledger(&self.urls.stripe, order_id).await?;
        let shipping = self.provider_ledger(&self.urls.easypost, order_id).await?;
        let minor = |name: &str| payment["totals"][name].as_i64().unwrap_or_default();
        let number = |name: &str| shipping["totals"][name].as_u64().unwrap_or_default();
        Ok(Ledger {
            authorized: minor("authorized"),
            captured: minor("captured"),
            voided: minor("voided"),
            refunded: minor("refunded"),
            labels: number("labels"),
            label_refunds: number("labelRefunds"),
        })
    }

    async fn provider_ledger(&self, provider: &str, order_id: &str) -> Result<Value> {
        let url = format!("{provider}/_ledger?order={order_id}");
        self.send(Request::get(url), None).await?.into_success("reading a ledger")
    }

    /// Retrieves a shipment from EasyPost.
    ///
    /// # Errors
    /// The emulator cannot be reached or rejects the request.
    pub async fn easypost_shipment(&self, id: &str) -> Result<Value> {
        let credentials = STANDARD.encode("EZTKhand:");
        let request = Request::get(format!("{}/v2/shipments/{id}", self.urls.easypost))
            .header("authorization", format!("Basic {credentials}"));
        self.send(request, None).await?.into_success("retrieving a shipment")
    }

    /// Triggers an event at a provider that no API call causes, such as a dispute.
    ///
    /// # Errors
    /// The emulator cannot be reached. An error status is a response.
    pub async fn control(&self, action: &ControlAction) -> Result<Response> {
        let provider = match action {
            ControlAction::RejectRefund { .. }
            | ControlAction::WaiveRefund { .. }
            | ControlAction::UpdateTracker { .. } => &self.urls.easypost,
            ControlAction::RevokeKey { key } if key.starts_with("EZ") => &self.urls.easypost,
            _ => &self.urls.stripe,
        };
        self.control_at(provider, action).await
    }

    /// Completes the submitted refund of the label of an order.
    ///
    /// # Errors
    /// As [`Client::control`].
    pub async fn complete_label_refund(&self, order: String) -> Result<Response> {
        self.control_at(&self.urls.easypost, &ControlAction::CompleteRefund { order }).await
    }

    /// Limits the calls per second at each provider.
    ///
    /// # Errors
    /// As [`Client::control`].
    pub async fn limit_rates(&self, stripe: u32, easypost: u32) -> Result<()> {
        for (provider, limit) in [(&self.urls.stripe, stripe), (&self.urls.easypost, easypost)] {
            let action = ControlAction::LimitRate { per_second: Some(limit) };
            self.control_at(provider, &action).await?.into_success("the rate limit")?;
        }
        Ok(())
    }

    async fn control_at(&self, provider: &str, action: &ControlAction) -> Result<Response> {
        self.send(post(&format!("{provider}/_acts")), Some(&json!(action))).await
    }

    /// Injects faults, each at the server that its point belongs to. With an order id,
    /// they affect only that order.
    ///
    /// # Errors
    /// A fault has no point `at`, or its server rejects it or cannot be reached.
    pub async fn inject_faults(&self, faults: &[Value], order_id: Option<&str>) -> Result<()> {
        for fault in faults {
            let mut fault = fault.clone();
            let point = fault["at"].as_str().context("a fault has no point `at`")?.to_owned();
            if let (Some(id), Some(fields)) = (order_id, fault.as_object_mut()) {
                fields.insert("order".to_owned(), json!(id));
            }
            let url = format!("{}/_faults", self.server_of(&point));
            let response = self.send(post(&url), Some(&json!([fault]))).await?;
            response.into_success(&format!("injecting the fault at {point}"))?;
        }
        Ok(())
    }

    /// Removes all injected faults.
    ///
    /// # Errors
    /// A server cannot be reached or rejects the request.
    pub async fn clear_faults(&self) -> Result<()> {
        for server in [&self.urls.stripe, &self.urls.easypost, &self.urls.aws] {
            let response = self.send(Request::delete(format!("{server}/_faults")), None).await?;
            response.into_success("clearing the faults")?;
        }
        Ok(())
    }

    /// Removes the injected faults that are limited to this order.
    ///
    /// # Errors
    /// A server cannot be reached or rejects the request.
    pub async fn clear_faults_of_order(&self, order_id: &str) -> Result<()> {
        for server in [&self.urls.stripe, &self.urls.easypost, &self.urls.aws] {
            let url = format!("{server}/_faults?order={order_id}");
            let response = self.send(Request::delete(url), None).await?;
            response.into_success("clearing the faults of an order")?;
        }
        Ok(())
    }

    fn server_of(&self, point: &str) -> &str {
        match point.split('.').next() {
            Some("gateway") => &self.urls.stripe,
            Some("carrier") => &self.urls.easypost,
            _ => &self.urls.aws,
        }
    }

    /// Calls the local panel, such as `GET` of `ledger`.
    ///
    /// # Errors
    /// The stack cannot be reached. An error status is a response.
    pub async fn panel(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let url = format!("{}/_local/{path}", self.urls.api);
        self.send(Request::builder().method(method).uri(url), body).await
    }

    /// Calls Step Functions, such as `DescribeExecution`, and returns the body.
    ///
    /// # Errors
    /// The endpoint cannot be reached or returns an error.
    pub async fn step_functions(&self, operation: &str, body: &Value) -> Result<Value> {
        self.try_step_functions(operation, body).await?.into_success(operation)
    }

    /// Calls Step Functions and returns the response, also when it is an error.
    ///
    /// # Errors
    /// The endpoint cannot be reached.
    pub async fn try_step_functions(&self, operation: &str, body: &Value) -> Result<Response> {
        let request = Request::post(&self.urls.aws)
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .header("content-type", "application/x-amz-json-1.0");
        self.send(request, Some(body)).await
    }

    /// Calls Secrets Manager, such as `PutSecretValue`.
    ///
    /// # Errors
    /// The endpoint cannot be reached.
    pub async fn secrets_manager(&self, operation: &str, body: &Value) -> Result<Response> {
        let request = Request::post(&self.urls.aws)
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1");
        self.send(request, Some(body)).await
    }

    async fn send(&self, request: Builder, body: Option<&Value>) -> Result<Response> {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send_bytes(request, body).await
    }

    async fn send_bytes(&self, request: Builder, body: Bytes) -> Result<Response> {
        let request = request.body(Full::new(body)).context("invalid address")?;
        let response = tokio::time::timeout(REQUEST_TIMEOUT, self.http.request(request)).await;
        let response =
            response.context("the request timed out")?.context("is the stack running?")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Response { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

fn post(url: &str) -> Builder {
    Request::post(url).header("content-type", JSON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_status_is_reported_with_the_detail_of_the_problem() {
        let response = Response { status: 422, body: json!({"detail": "unknown SKU"}) };
        let error = response.into_success("placing the order").unwrap_err().to_string();
        assert_eq!(error, "placing the order returned 422: unknown SKU");
    }
}
