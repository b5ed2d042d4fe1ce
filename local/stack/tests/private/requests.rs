//! Hostile requests: the canary in every part of a request that a stranger, a
//! customer or an operator can send, and in the inputs of functions. Every answer is
//! searched.

use std::time::Duration;

use local_stack::stack::Stack;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::canary::{self, CARD, Searched};

const CUSTOMER: &str = "Bearer dev:customer-1:orders/write,orders/read";
const STRANGER: &str = "Bearer dev:customer-2:orders/write,orders/read";
const OPERATOR: &str = "Bearer dev:operator-1:orders/operate,orders/read,inventory/write";
const PATIENCE: Duration = Duration::from_mins(1);

/// One request, as it is written on the wire.
struct Sent {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: vec![], body: vec![] }
    }

    fn by(self, who: &str) -> Self {
        self.header("authorization", who)
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

    /// The whole answer, head and body.
    async fn to(&self, address: &str) -> String {
        let address = address.trim_start_matches("http://");
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {address}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
            self.method,
            self.path,
            lines.collect::<String>(),
            self.body.len()
        );
        let mut answer = Vec::new();
        let exchange = async {
            let mut line = TcpStream::connect(address).await.unwrap();
            line.write_all(head.as_bytes()).await.unwrap();
            // It may be refused, and the line closed, before all of it is sent.
            let _refused_early = line.write_all(&self.body).await;
            let _closed_early = line.read_to_end(&mut answer).await;
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Reads what stands at an address.
pub(crate) async fn get(address: &str, path: &str, key: &str) -> String {
    Sent::new("GET", path).by(key).to(address).await
}

/// All hostile requests, to a stack.
pub(crate) struct Hostile {
    api: String,
    aws: String,
    api_requests: Vec<Sent>,
    invocations: Vec<Sent>,
}

impl Hostile {
    pub(crate) fn new(stack: &Stack) -> Self {
        let urls = stack.urls();
        let api_requests = [orders(), paths(), answers(), webhooks()].into_iter().flatten();
        let api_requests = api_requests.collect();
        Self { api: urls.api, aws: urls.aws, api_requests, invocations: invocations() }
    }

    pub(crate) fn count(&self) -> usize {
        self.api_requests.len() + self.invocations.len()
    }

    /// Sends them all, and reads every answer.
    pub(crate) async fn send_all(&self, searched: &mut Searched) {
        for (address, requests) in [(&self.api, &self.api_requests), (&self.aws, &self.invocations)]
        {
            for sent in requests {
                let answer = sent.to(address).await;
                assert!(answer.starts_with("HTTP/1.1 "), "{} {}: {answer}", sent.method, sent.path);
                searched.read("answers", &answer);
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

fn place(body: &Value, key: &str) -> Sent {
    Sent::new("POST", "/orders").by(CUSTOMER).header("idempotency-key", key).json(body)
}

/// Orders that are refused, or accepted and refused later.
fn orders() -> Vec<Sent> {
    let mut all = vec![
        place(&json!(canary::NOTE), "k1"),
        place(&json!([order()]), "k2"),
        place(&json!(null), "k3").bytes(format!("{{\"name\": {}", canary::NOTE).into_bytes()),
        place(&json!(null), "k4").bytes([b"\xff\xfe".as_slice(), canary::NOTE.as_bytes()].concat()),
        place(&order(), "k5").header("content-type", canary::NOTE),
        place(&order(), canary::NOTE),
        place(&order(), CARD),
        place(&order(), "k6").by(canary::NOTE),
        Sent::new("POST", "/orders")
            .by(canary::NOTE)
            .header("idempotency-key", "k7")
            .json(&order()),
        Sent::new("POST", "/orders").header("idempotency-key", "k8").json(&order()),
        place(&json!({"note": canary::NOTE.repeat(2_000)}), "k9"),
        place(&json!(null), "k10").bytes(
            format!("{}{:?}{}", "[".repeat(500), canary::NOTE, "]".repeat(500)).into_bytes(),
        ),
        // One request, then another under the same key.
        place(&order(), "twice"),
    ];
    let mut other = order();
    other["items"][0]["quantity"] = json!(2);
    all.push(place(&other, "twice"));
    // The gateway quotes what it does not know.
    other["paymentMethod"] = json!("pm_card_canaryplumage");
    all.push(place(&other, "unknown card"));
    other["expectedTotal"] = json!({"amount": 1, "currency": "USD"});
    all.push(place(&other, "another total"));
    let mut keyed = order();
    keyed[canary::NOTE] = json!(canary::NOTE);
    keyed["customer"]["canaria.mailbird@example.com"] = json!(1);
    all.push(place(&keyed, "unknown fields"));
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

/// The canary where names of things stand.
fn paths() -> Vec<Sent> {
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
            for who in [CUSTOMER, OPERATOR] {
                let sent = Sent::new(method, path.clone()).by(who);
                all.push(sent.header("idempotency-key", "k").json(&json!({"note": canary::NOTE})));
            }
        }
    }
    all.push(Sent::new("GET", "/orders").by(CUSTOMER).header("x-canary", canary::NOTE));
    all.push(Sent::new("GET", "/orders").by(CUSTOMER).header("cookie", canary::NOTE));
    all.push(Sent::new("GET", "/orders").by(CUSTOMER).header("user-agent", canary::NOTE));
    for list in ["attention=OPERATOR", "attention=REVIEW", "attention=BACKORDER", "open=true"] {
        all.push(Sent::new("GET", format!("/orders?{list}")).by(OPERATOR));
    }
    // Another customer's list has none of these orders.
    all.push(Sent::new("GET", "/orders").by(STRANGER));
    all
}

/// What people say about orders that are not there, or do not wait.
fn answers() -> Vec<Sent> {
    let order = "/orders/ord_00000000000050008000000000000000";
    let mut all = Vec::new();
    for (what, body) in [
        ("review", json!({"decision": "approve", "note": canary::NOTE})),
        ("review", json!({"decision": canary::NOTE})),
        ("resume", json!({"action": "capture", "note": canary::NOTE})),
        ("resume", json!({"action": canary::NOTE, "refund": canary::NOTE})),
        ("review", json!({"decision": "approve", "note": CARD})),
    ] {
        for who in [CUSTOMER, OPERATOR] {
            all.push(Sent::new("POST", format!("{order}/{what}")).by(who).json(&body));
        }
    }
    let item = json!({"title": canary::NOTE, "unitPrice": CARD, "weightGrams": canary::NOTE});
    all.push(Sent::new("PUT", "/inventory/CANARY-01").by(OPERATOR).json(&item));
    all
}

/// Webhooks that nobody of ours has signed.
fn webhooks() -> Vec<Sent> {
    let event = json!({"type": canary::NOTE, "data": {"object": order()}});
    let mut all = Vec::new();
    for (path, header) in
        [("/webhooks/stripe", "stripe-signature"), ("/webhooks/easypost", "x-hmac-signature")]
    {
        for signature in ["", "t=1,v1=00", "hmac-sha256-hex=00", canary::NOTE] {
            all.push(Sent::new("POST", path).header(header, signature).json(&event));
        }
        let garbage = canary::NOTE.as_bytes().to_vec();
        all.push(Sent::new("POST", path).header(header, "t=1,v1=00").bytes(garbage));
    }
    all
}

/// Inputs of functions as nobody should give them.
fn invocations() -> Vec<Sent> {
    let mut all = Vec::new();
    for function in
        ["process-payment", "check-inventory", "initiate-shipping", "order-api", "reconcile-orders"]
    {
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
            all.push(Sent::new("POST", path).header("x-amz-log-type", "Tail").json(&input));
        }
    }
    all
}
