//! Hostile requests: the markers in every part of a request that a stranger, a customer or
//! an operator can send, and in the inputs of functions. Every response is searched.

use std::time::Duration;

use local_stack::stack::Stack;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::canary::{self, CARD, Search};

const CUSTOMER: &str = "Bearer dev:customer-1:orders/write,orders/read";
const STRANGER: &str = "Bearer dev:customer-2:orders/write,orders/read";
const OPERATOR: &str = "Bearer dev:operator-1:orders/operate,orders/read,inventory/write";
const TIMEOUT: Duration = Duration::from_mins(1);

/// An HTTP/1.1 request that is written byte for byte, so that it may be malformed.
#[derive(Clone)]
struct RawRequest {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl RawRequest {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: vec![], body: vec![] }
    }

    fn authorized(self, authorization: &str) -> Self {
        self.header("authorization", authorization)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string().into_bytes())
    }

    fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sends the request, and returns the response with its head.
    async fn send(&self, address: &str) -> String {
        let address = address.trim_start_matches("http://");
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {address}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
            self.method,
            self.path,
            lines.collect::<String>(),
            self.body.len()
        );
        let mut response = Vec::new();
        let exchange = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // The server may reject the request and close the connection before the whole
            // body is sent.
            let _rejected_early = stream.write_all(&self.body).await;
            let _closed_early = stream.read_to_end(&mut response).await;
        };
        tokio::time::timeout(TIMEOUT, exchange).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }
}

/// Sends a GET request, and returns the response with its head.
pub(crate) async fn get(address: &str, path: &str, key: &str) -> String {
    RawRequest::new("GET", path).authorized(key).send(address).await
}

/// All hostile requests, for one stack.
pub(crate) struct HostileRequests {
    api: String,
    aws: String,
    api_requests: Vec<RawRequest>,
    invocations: Vec<RawRequest>,
}

impl HostileRequests {
    /// The requests to a stack with these functions.
    pub(crate) fn new(stack: &Stack, functions: &[String]) -> Self {
        let urls = stack.urls();
        let api_requests = [orders(), paths(), decisions(), webhooks()].concat();
        Self { api: urls.api, aws: urls.aws, api_requests, invocations: invocations(functions) }
    }

    pub(crate) fn count(&self) -> usize {
        self.api_requests.len() + self.invocations.len()
    }

    /// Sends all requests, and searches every response.
    pub(crate) async fn send_all(&self, search: &mut Search) {
        for (address, requests) in [(&self.api, &self.api_requests), (&self.aws, &self.invocations)]
        {
            for request in requests {
                let response = request.send(address).await;
                let RawRequest { method, path, .. } = request;
                assert!(response.starts_with("HTTP/1.1 "), "{method} {path}: {response}");
                search.search("responses", &response);
            }
        }
    }
}

fn order() -> Value {
    let mut order = json!({
        "shippingAddress": {"state": "CA", "postalCode": "94107", "country": "US"},
        "items": [{"sku": "MUG-01", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    });
    canary::put_into(&mut order);
    order
}

fn place(body: &Value, key: &str) -> RawRequest {
    RawRequest::new("POST", "/orders")
        .authorized(CUSTOMER)
        .header("idempotency-key", key)
        .json(body)
}

/// Orders that the API rejects, or accepts and fails later.
fn orders() -> Vec<RawRequest> {
    [malformed_orders(), unusual_orders(), orders_with_an_invalid_field()].concat()
}

/// Bodies that are no orders, and requests with invalid headers.
fn malformed_orders() -> Vec<RawRequest> {
    vec![
        place(&json!(canary::NOTE), "k1"),
        place(&json!([order()]), "k2"),
        place(&json!(null), "k3").bytes(format!("{{\"name\": {}", canary::NOTE).into_bytes()),
        place(&json!(null), "k4").bytes([b"\xff\xfe".as_slice(), canary::NOTE.as_bytes()].concat()),
        place(&order(), "k5").header("content-type", canary::NOTE),
        place(&order(), canary::NOTE),
        place(&order(), CARD),
        place(&order(), "k6").authorized(canary::NOTE),
        RawRequest::new("POST", "/orders")
            .authorized(canary::NOTE)
            .header("idempotency-key", "k7")
            .json(&order()),
        RawRequest::new("POST", "/orders").header("idempotency-key", "k8").json(&order()),
        place(&json!({"note": canary::NOTE.repeat(2_000)}), "k9"),
        place(&json!(null), "k10").bytes(
            format!("{}{:?}{}", "[".repeat(500), canary::NOTE, "]".repeat(500)).into_bytes(),
        ),
    ]
}

/// Orders that are valid JSON, but repeated, unknown or not as expected.
fn unusual_orders() -> Vec<RawRequest> {
    // Two different requests with the same idempotency key.
    let mut all = vec![place(&order(), "twice")];
    let mut other = order();
    other["items"][0]["quantity"] = json!(2);
    all.push(place(&other, "twice"));
    // Stripe's error message quotes an unknown payment method.
    other["paymentMethod"] = json!("pm_card_canaryplumage");
    all.push(place(&other, "unknown card"));
    other["expectedTotal"] = json!({"amount": 1, "currency": "USD"});
    all.push(place(&other, "another total"));
    let mut keyed = order();
    keyed[canary::NOTE] = json!(canary::NOTE);
    keyed["customer"]["canaria.mailbird@example.com"] = json!(1);
    all.push(place(&keyed, "unknown fields"));
    all
}

/// Orders with one field after another replaced by each invalid value.
fn orders_with_an_invalid_field() -> Vec<RawRequest> {
    let mut all = Vec::new();
    for field in [
        "/customer/name",
        "/customer/email",
        "/customer/phone",
        "/shippingAddress/street1",
        "/shippingAddress/city",
        "/shippingAddress/country",
        "/shippingAddress/postalCode",
        "/items/0/sku",
        "/items/0/quantity",
        "/paymentMethod",
        "/paymentCustomer",
        "/shippingService",
    ] {
        for wrong in [
            json!(format!("{}\u{0}", canary::NOTE)),
            json!(format!("{} <script>alert(1)</script> ${{jndi:ldap://x}}", canary::NOTE)),
            json!(CARD),
            json!("4242 4242 4242 4242"),
            json!(format!("my card is {CARD}, thanks")),
            json!({ "name": canary::NOTE }),
        ] {
            let mut bad = order();
            *bad.pointer_mut(field).unwrap() = wrong;
            all.push(place(&bad, &format!("bad {}", all.len())));
        }
    }
    all
}

/// Markers in paths, queries and headers.
fn paths() -> Vec<RawRequest> {
    let encoded = "canaria.mailbird%40example.com";
    let mut all = Vec::new();
    for path in [
        format!("/orders/{encoded}"),
        format!("/orders/{encoded}/cancel"),
        format!("/orders/{encoded}/review"),
        format!("/orders/{encoded}/execution"),
        format!("/orders?cursor={encoded}"),
        format!("/orders?status={encoded}"),
        format!("/orders?attention={encoded}"),
        format!("/orders?{encoded}={CARD}"),
        format!("/inventory/{encoded}"),
        format!("/inventory/{CARD}/restock"),
        format!("/{encoded}"),
        format!("/console/{encoded}"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            for authorization in [CUSTOMER, OPERATOR] {
                let request = RawRequest::new(method, path.clone()).authorized(authorization);
                all.push(
                    request.header("idempotency-key", "k").json(&json!({"note": canary::NOTE})),
                );
            }
        }
    }
    all.push(
        RawRequest::new("GET", "/orders").authorized(CUSTOMER).header("x-canary", canary::NOTE),
    );
    all.push(RawRequest::new("GET", "/orders").authorized(CUSTOMER).header("cookie", canary::NOTE));
    all.push(
        RawRequest::new("GET", "/orders").authorized(CUSTOMER).header("user-agent", canary::NOTE),
    );
    for list in ["attention=OPERATOR", "attention=REVIEW", "attention=BACKORDER", "open=true"] {
        all.push(RawRequest::new("GET", format!("/orders?{list}")).authorized(OPERATOR));
    }
    // Another customer's list contains none of these orders.
    all.push(RawRequest::new("GET", "/orders").authorized(STRANGER));
    all
}

/// Decisions about orders that do not exist or do not wait.
fn decisions() -> Vec<RawRequest> {
    let order = "/orders/ord_00000000000050008000000000000000";
    let mut all = Vec::new();
    for (operation, body) in [
        ("review", json!({"decision": "approve", "note": canary::NOTE})),
        ("review", json!({"decision": canary::NOTE})),
        ("resume", json!({"action": "capture", "note": canary::NOTE})),
        ("resume", json!({"action": canary::NOTE, "refund": canary::NOTE})),
        ("review", json!({"decision": "approve", "note": CARD})),
    ] {
        for authorization in [CUSTOMER, OPERATOR] {
            let request = RawRequest::new("POST", format!("{order}/{operation}"));
            all.push(request.authorized(authorization).json(&body));
        }
    }
    let item = json!({"title": canary::NOTE, "unitPrice": CARD, "weightGrams": canary::NOTE});
    all.push(RawRequest::new("PUT", "/inventory/CANARY-01").authorized(OPERATOR).json(&item));
    all
}

/// Webhooks without a valid signature.
fn webhooks() -> Vec<RawRequest> {
    let event = json!({"type": canary::NOTE, "data": {"object": order()}});
    let mut all = Vec::new();
    for (path, header) in
        [("/webhooks/stripe", "stripe-signature"), ("/webhooks/easypost", "x-hmac-signature")]
    {
        for signature in ["", "t=1,v1=00", "hmac-sha256-hex=00", canary::NOTE] {
            all.push(RawRequest::new("POST", path).header(header, signature).json(&event));
        }
        let garbage = canary::NOTE.as_bytes().to_vec();
        all.push(RawRequest::new("POST", path).header(header, "t=1,v1=00").bytes(garbage));
    }
    all
}

/// Malformed inputs of each function.
fn invocations(functions: &[String]) -> Vec<RawRequest> {
    let mut all = Vec::new();
    for function in functions {
        for input in [
            json!(canary::NOTE),
            json!({"orderId": canary::NOTE}),
            json!({"orderId": CARD, "operation": canary::NOTE}),
            json!({"orderId": "ord_00000000000050008000000000000000", "operation": canary::NOTE}),
            json!({
                "orderId": "ord_00000000000050008000000000000000",
                "operation": "cancel",
                "execution": canary::NOTE,
                "enteredAt": canary::NOTE,
                "failed": {canary::NOTE: {"Error": canary::NOTE, "Cause": canary::NOTE}},
            }),
            order(),
        ] {
            let path = format!("/2015-03-31/functions/{function}/invocations");
            all.push(RawRequest::new("POST", path).header("x-amz-log-type", "Tail").json(&input));
        }
    }
    all
}
