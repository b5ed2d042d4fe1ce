//! The HTTP servers over real sockets: what a client sees of each fault.

use std::any::Any;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::Emulator;
use emulators::exchange::HttpRequest;
use emulators::http::{BusyGuard, Clock, Hooks, SharedEmulator, WebhookEndpoint, serve};
use emulators::stripe::StripeEmulator;
use emulators::webhooks::{easypost_signature, stripe_signature};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::support::{
    ORDER, action_request, at, contract, contracts, create_request, easypost_request, id,
    retrieve_request, shipment_body,
};

/// A running server, and what its hooks recorded.
struct Server<P> {
    address: String,
    state: SharedEmulator<P>,
    now: Arc<AtomicI64>,
    busy: Arc<AtomicUsize>,
    killed_orders: mpsc::UnboundedReceiver<String>,
    journaled: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// Counts the calls in progress.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn start_server<P: Emulator>(emulator: P) -> Server<P> {
    start_server_with(emulator, None).await
}

async fn start_server_with<P: Emulator>(
    emulator: P,
    webhook: Option<WebhookEndpoint>,
) -> Server<P> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (state, now) = (SharedEmulator::new(emulator), Arc::new(AtomicI64::new(0)));
    let (busy, journaled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (kill_sender, killed_orders) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let hooks = Hooks {
        kill_caller: Arc::new(move |order| kill_sender.send(order.to_owned()).unwrap()),
        busy_guard: counting_guard(&busy),
        journal: {
            let journaled = Arc::clone(&journaled);
            Arc::new(move |_| {
                journaled.fetch_add(1, Ordering::SeqCst);
            })
        },
        webhook,
        sleep_until: None,
    };
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(listener, state.clone(), clock(&now), hooks, shutdown));
    Server { address, state, now, busy, killed_orders, journaled, stop, task }
}

fn counting_guard(busy: &Arc<AtomicUsize>) -> Arc<dyn Fn() -> BusyGuard + Send + Sync> {
    let busy = Arc::clone(busy);
    Arc::new(move || {
        busy.fetch_add(1, Ordering::SeqCst);
        Box::new(Busy(Arc::clone(&busy))) as Box<dyn Any + Send>
    })
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Arc::new(move || -> Timestamp { at(now.load(Ordering::SeqCst)) })
}

/// What a client reads until the connection ends.
#[derive(Debug)]
struct ClientResponse {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl ClientResponse {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl<P: Emulator> Server<P> {
    /// Sends a request on a new connection and reads to its end. An empty response or a reset
    /// is an error.
    async fn call(&self, request: &HttpRequest) -> std::io::Result<ClientResponse> {
        let mut stream = self.send(request).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(ClientResponse { status, head, body: bytes[split + 4..].to_vec() })
    }

    async fn send(&self, request: &HttpRequest) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut text = format!(
            "{} {} HTTP/1.1\r\n{}connection: close\r\n",
            request.method,
            request.path_and_query,
            if request.header_value("host").is_none() { "host: localhost\r\n" } else { "" },
        );
        for (name, value) in &request.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(text, "content-length: {}\r\n\r\n", request.body.len()).unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.write_all(&request.body).await.unwrap();
        stream
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = self.call(&HttpRequest::new(method, path).body(body)).await.unwrap();
        (response.status, response.json())
    }

    async fn add_fault(&self, fault: Value) {
        let (status, body) = self.control("POST", "/_faults", &json!([fault])).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Waits until no call is in progress. The server may notice the end of a connection a
    /// little later than the client.
    async fn idle(&self) {
        while self.busy.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

impl Server<StripeEmulator> {
    async fn create_intent(&self) -> String {
        id(&self.call(&create_request("pm_card_visa")).await.unwrap().json())
    }

    fn authorized(&self) -> i64 {
        self.state.lock().ledger().order(ORDER).totals.authorized
    }
}

fn fault(kind: &str) -> Value {
    json!({ "at": "gateway.confirm", "calls": { "from": 1, "to": 1 }, "kind": kind })
}

#[tokio::test]
async fn a_payment_made_over_http_appears_in_the_ledger() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    let confirmed = server
        .call(&action_request(&intent, "confirm", &[("expand[]", "latest_charge")]))
        .await
        .unwrap();
    assert_eq!((confirmed.status, &confirmed.json()["status"]), (200, &json!("requires_capture")));
    assert!(confirmed.head.contains("stripe-version: 2026-10-28.endive"), "{}", confirmed.head);
    assert!(confirmed.head.contains("content-type: application/json"));
    server.call(&action_request(&intent, "capture", &[])).await.unwrap();

    let (_, all) = server.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(
        all["totals"],
        json!({ "authorized": 2599, "captured": 2599, "voided": 0, "refunded": 0 })
    );
    let (_, one) = server.control("GET", "/_ledger?order=ord_1", &Value::Null).await;
    assert_eq!(
        one["calls"],
        json!({
            "gateway.capture": 1, "gateway.confirm": 1, "gateway.create": 1, "gateway.webhook": 3
        })
    );
    let (_, unknown_order) = server.control("GET", "/_ledger?order=ord_2", &Value::Null).await;
    assert_eq!(
        (&unknown_order["totals"]["captured"], &unknown_order["intents"]),
        (&json!(0), &json!([]))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_label_bought_over_http_appears_in_the_ledger() {
    let server = start_server(EasyPostEmulator::new(1)).await;
    let shipment =
        server.call(&easypost_request("POST", "/v2/shipments", &shipment_body())).await.unwrap();
    assert_eq!(shipment.status, 201);
    let shipment = shipment.json();
    let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
    let path = format!("/v2/shipments/{}/buy", id(&shipment));
    assert_eq!(server.call(&easypost_request("POST", &path, &rate)).await.unwrap().status, 200);
    let (_, ledger) = server.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(ledger["totals"], json!({ "labels": 1, "labelRefunds": 0 }));
    server.stop().await;
}

#[tokio::test]
async fn no_route_writes_the_ledger() {
    let server = start_server(StripeEmulator::new(1)).await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(server.control(method, "/_ledger", &json!({})).await.0, 405);
    }
    assert_eq!(server.control("GET", "/_secrets", &Value::Null).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn down_resets_the_connection_without_an_effect() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.add_fault(fault("down")).await;
    let confirm = action_request(&intent, "confirm", &[]);
    let refused = server.call(&confirm).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(server.authorized(), 0);
    assert_eq!(
        server.call(&confirm).await.unwrap().status,
        200,
        "the fault affects only the first call"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_dropped_response_leaves_the_effect_and_closes_the_connection() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.add_fault(fault("drop-answer")).await;
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let dropped = server.call(&confirm).await.unwrap_err();
    assert_eq!(dropped.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(server.authorized(), 2599);
    let again = server.call(&confirm).await.unwrap();
    assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
    assert_eq!(server.authorized(), 2599);
    server.stop().await;
}

#[tokio::test]
async fn kill_has_the_effect_and_then_kills_the_caller_of_the_order() {
    let mut server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.add_fault(fault("kill")).await;
    server.call(&action_request(&intent, "confirm", &[])).await.unwrap_err();
    assert_eq!(server.killed_orders.recv().await.as_deref(), Some(ORDER));
    assert_eq!(server.authorized(), 2599);
    server.stop().await;
}

#[tokio::test]
async fn a_hanging_call_never_answers_and_holds_the_clock_and_its_key_until_the_client_leaves() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.idle().await;
    server.add_fault(fault("hang")).await;
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let mut hanging = server.send(&confirm).await;
    // The second call conflicts once the first has arrived.
    let conflict = loop {
        let again = server.call(&confirm).await.unwrap();
        if again.status == 409 {
            break again;
        }
        assert_eq!(again.status, 200, "the second call arrived before the first");
    };
    assert!(conflict.head.contains("stripe-should-retry: true"));
    assert_eq!(server.busy.load(Ordering::SeqCst), 1);
    let mut byte = [0];
    let read =
        tokio::time::timeout(std::time::Duration::from_millis(50), hanging.read(&mut byte)).await;
    assert!(read.is_err(), "a hanging call got a response");

    drop(hanging);
    server.idle().await;
    assert_eq!(server.authorized(), 0);
    assert_eq!(server.call(&confirm).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_delayed_call_has_its_effect_at_once_and_its_response_after_the_delay() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    let mut late = fault("late");
    late["delayMs"] = json!(300);
    server.add_fault(late).await;
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let started = tokio::time::Instant::now();
    let (first, conflict) = tokio::join!(server.call(&confirm), async {
        while server.authorized() == 0 {
            tokio::task::yield_now().await;
        }
        server.call(&confirm).await.unwrap()
    });
    assert_eq!((first.unwrap().status, conflict.status), (200, 409));
    assert!(started.elapsed() >= std::time::Duration::from_millis(300));
    let after = server.call(&confirm).await.unwrap();
    assert!(after.head.contains("idempotent-replayed: true"));
    server.stop().await;
}

#[tokio::test]
async fn a_delayed_call_whose_client_leaves_keeps_its_effect_and_releases_its_key() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    let mut late = fault("late");
    late["delayMs"] = json!(600_000);
    server.add_fault(late).await;
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let client = server.send(&confirm).await;
    while server.authorized() == 0 {
        tokio::task::yield_now().await;
    }
    drop(client);
    server.idle().await;
    let again = server.call(&confirm).await.unwrap();
    assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
    server.stop().await;
}

#[tokio::test]
async fn responses_caused_by_a_fault_have_the_documented_bodies() {
    let Some(folder) = contracts() else { return };
    for (kind, file) in
        [("500", "api_error_500"), ("429", "rate_limit"), ("500-with-effect", "api_error_500")]
    {
        let server = start_server(StripeEmulator::new(1)).await;
        let intent = server.create_intent().await;
        server.add_fault(fault(kind)).await;
        let response = server.call(&action_request(&intent, "confirm", &[])).await.unwrap();
        let documented = contract(&folder, &format!("stripe/responses/{file}.json"));
        assert_eq!(
            (json!(response.status), response.json()),
            (documented["status"].clone(), documented["body"].clone())
        );
        let retry = documented["headers"]["stripe-should-retry"].as_str().unwrap();
        assert!(
            response.head.contains(&format!("stripe-should-retry: {retry}")),
            "{}",
            response.head
        );
        assert_eq!(server.authorized() > 0, kind == "500-with-effect");
        server.stop().await;
    }
}

#[tokio::test]
async fn garbage_is_a_success_status_with_an_unreadable_body() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.add_fault(fault("garbage")).await;
    let response = server.call(&action_request(&intent, "confirm", &[])).await.unwrap();
    assert_eq!(response.status, 200);
    assert!(
        serde_json::from_slice::<Value>(&response.body).is_err()
            && String::from_utf8(response.body).is_err()
    );
    assert_eq!(server.authorized(), 2599);
    server.stop().await;
}

#[tokio::test]
async fn faults_are_added_replaced_shown_and_cleared_over_http() {
    let server = start_server(StripeEmulator::new(1)).await;
    let get = json!({ "at": "gateway.get", "calls": { "from": 1 }, "kind": "down" });
    server.add_fault(fault("500")).await;
    let (status, both) = server.control("POST", "/_faults", &json!({ "faults": [get] })).await;
    assert_eq!((status, both["faults"].as_array().unwrap().len()), (200, 2));
    let (_, one) = server.control("PUT", "/_faults", &json!([get])).await;
    assert_eq!(
        one["faults"],
        json!([{ "at": "gateway.get", "calls": { "from": 1 }, "kind": "down", "met": 0 }])
    );
    server.call(&retrieve_request("pi_missing")).await.unwrap_err();
    let (_, met) = server.control("GET", "/_faults", &Value::Null).await;
    assert_eq!((&met["faults"][0]["met"], &met["met"]["down"]), (&json!(1), &json!(1)));

    let (status, wrong) =
        server.control("PUT", "/_faults", &json!([{ "at": "gateway.get", "kind": "sulk" }])).await;
    assert_eq!(status, 400);
    assert!(wrong["error"].as_str().unwrap().starts_with("faults[0].kind:"), "{wrong}");
    assert_eq!(
        server.control("GET", "/_faults", &Value::Null).await.1["faults"].as_array().unwrap().len(),
        1
    );
    let (_, none) = server.control("DELETE", "/_faults", &Value::Null).await;
    assert_eq!(none["faults"], json!([]));
    assert_eq!(server.call(&retrieve_request("pi_missing")).await.unwrap().status, 404);
    server.stop().await;
}

#[tokio::test]
async fn control_actions_are_performed_over_http_and_rejected_if_they_do_not_apply() {
    let server = start_server(StripeEmulator::new(1)).await;
    let lapse = json!({ "do": "lapse", "order": ORDER });
    let (status, error) = server.control("POST", "/_acts", &lapse).await;
    assert_eq!((status, &error["error"]), (409, &json!("order ord_1 has no money held")));
    let intent = server.create_intent().await;
    server.call(&action_request(&intent, "confirm", &[])).await.unwrap();
    assert_eq!(server.control("POST", "/_acts", &lapse).await.0, 200);
    assert_eq!(server.call(&retrieve_request(&intent)).await.unwrap().json()["status"], "canceled");
    assert_eq!(server.control("POST", "/_acts", &json!({ "do": "magic" })).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn each_request_reads_the_clock() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.call(&action_request(&intent, "confirm", &[])).await.unwrap();
    server.now.store(8 * 24 * 3_600, Ordering::SeqCst);
    let (_, ledger) = server.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(ledger["totals"]["voided"], 2599);
    assert_eq!(ledger["intents"][0]["status"], "canceled");
    server.stop().await;
}

#[tokio::test]
async fn every_input_is_journaled_and_a_body_that_is_too_large_is_rejected() {
    let server = start_server(StripeEmulator::new(1)).await;
    server.create_intent().await;
    server.add_fault(fault("500")).await;
    assert_eq!(server.journaled.load(Ordering::SeqCst), 2);
    let large = create_request("pm_card_visa").body(vec![b'a'; (1 << 20) + 1]);
    assert_eq!(server.call(&large).await.unwrap().status, 413);
    assert_eq!(server.journaled.load(Ordering::SeqCst), 2);
    server.stop().await;
}

#[tokio::test]
async fn shutdown_ends_hanging_calls_and_only_the_loopback_interface_is_served() {
    let server = start_server(StripeEmulator::new(1)).await;
    let intent = server.create_intent().await;
    server.add_fault(fault("hang")).await;
    let mut hanging = server.send(&action_request(&intent, "confirm", &[])).await;
    while server.state.lock().fault_plan().triggered_counts().is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
    let mut rest = Vec::new();
    assert_eq!(hanging.read_to_end(&mut rest).await.unwrap_or(0), 0);

    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let clock = clock(&Arc::new(AtomicI64::new(0)));
    let refused = serve(
        everywhere,
        SharedEmulator::new(StripeEmulator::new(1)),
        clock,
        Hooks::default(),
        async {},
    )
    .await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn concurrent_calls_with_one_idempotency_key_have_one_effect() {
    let server = Arc::new(start_server(StripeEmulator::new(1)).await);
    let intent = server.create_intent().await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (server, confirm) = (
                Arc::clone(&server),
                action_request(&intent, "confirm", &[]).header("idempotency-key", "c"),
            );
            tokio::spawn(async move { server.call(&confirm).await.unwrap().status })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(server.authorized(), 2599);
    assert_eq!(server.state.lock().ledger().order(ORDER).confirms, 1);
}

/// A webhook endpoint that responds to the first delivery with 500, and to later ones with 200.
async fn webhook_endpoint() -> (String, mpsc::UnboundedReceiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let (send, receive) = mpsc::unbounded_channel();
    let first = Mutex::new(true);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = one_message(&mut stream).await;
            let was_first = std::mem::replace(&mut *first.lock().unwrap(), false);
            let status = if was_first { "500 Sorry" } else { "200 OK" };
            let response =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(response.as_bytes()).await.unwrap();
            send.send(request).unwrap();
        }
    });
    (url, receive)
}

/// Reads one HTTP message, a request or a response.
async fn one_message(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length == Some(body.len()) {
            return (head.to_lowercase(), body.to_owned());
        }
    }
}

#[tokio::test]
async fn events_are_delivered_with_a_signature_and_retried_after_a_failure() {
    let (url, mut arrived) = webhook_endpoint().await;
    let webhook = WebhookEndpoint { url: url.clone(), secret: "whsec_test".to_owned() };
    let server = start_server_with(StripeEmulator::new(1), Some(webhook)).await;
    server.create_intent().await;
    let (first, second) = (arrived.recv().await.unwrap(), arrived.recv().await.unwrap());
    assert_eq!(first.1, second.1, "the delivery that got 500 is retried");
    let signature = stripe_signature("whsec_test", at(0), second.1.as_bytes());
    assert!(second.0.contains(&format!("stripe-signature: {signature}")), "{}", second.0);
    assert_eq!(serde_json::from_str::<Value>(&second.1).unwrap()["type"], "payment_intent.created");
    server.stop().await;
}

#[tokio::test]
async fn what_happens_while_missing_calls_is_delivered_too() {
    let (url, mut arrived) = webhook_endpoint().await;
    let webhook = WebhookEndpoint { url, secret: "s\u{e9}cret".to_owned() };
    let server = start_server_with(EasyPostEmulator::new(1), Some(webhook)).await;
    let shipment = server
        .call(&easypost_request("POST", "/v2/shipments", &shipment_body()))
        .await
        .unwrap()
        .json();
    let path = format!("/v2/shipments/{}", id(&shipment));
    let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
    server.call(&easypost_request("POST", &format!("{path}/buy"), &rate)).await.unwrap();
    server.call(&easypost_request("POST", &format!("{path}/refund"), &Value::Null)).await.unwrap();
    server.now.store(25 * 3_600, Ordering::SeqCst);
    let event = loop {
        let (head, body) = arrived.recv().await.unwrap();
        assert!(head.contains(&easypost_signature("s\u{e9}cret", body.as_bytes())), "{head}");
        let event: Value = serde_json::from_str(&body).unwrap();
        if event["description"] == "refund.successful" {
            break event;
        }
    };
    assert_eq!(event["result"]["shipment_id"], shipment["id"]);
    server.stop().await;
}

#[tokio::test]
async fn on_a_clock_that_skips_ahead_an_event_is_delivered_five_seconds_after_it_happened() {
    let (url, mut arrived) = webhook_endpoint().await;
    let (state, now) = (SharedEmulator::new(EasyPostEmulator::new(1)), Arc::new(AtomicI64::new(0)));
    let skipping = {
        let now = Arc::clone(&now);
        // An idle clock: it skips ahead to each requested time.
        Arc::new(move |due: Timestamp| {
            now.store(due.as_second() - at(0).as_second(), Ordering::SeqCst);
            Box::pin(std::future::ready(Box::new(()) as BusyGuard))
                as Pin<Box<dyn Future<Output = BusyGuard> + Send>>
        })
    };
    let webhook = Some(WebhookEndpoint { url, secret: "secret".to_owned() });
    let hooks = Hooks { webhook, sleep_until: Some(skipping), ..Hooks::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    {
        let mut easypost = state.lock();
        let shipment = easypost
            .handle(&easypost_request("POST", "/v2/shipments", &shipment_body()), at(0))
            .value();
        let path = format!("/v2/shipments/{}", id(&shipment));
        let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
        easypost.handle(&easypost_request("POST", &format!("{path}/buy"), &rate), at(0));
        easypost.handle(&easypost_request("POST", &format!("{path}/refund"), &Value::Null), at(0));
        easypost.take_events();
    }
    let task = tokio::spawn(serve(listener, state, clock(&now), hooks, std::future::pending()));
    let (_, body) = arrived.recv().await.unwrap();
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["description"], "refund.successful");
    assert_eq!(now.load(Ordering::SeqCst), 24 * 3_600 + 5, "five seconds after it happened");
    task.abort();
}

#[tokio::test]
async fn one_connection_carries_many_calls_until_a_fault_ends_it() {
    let server = start_server(StripeEmulator::new(1)).await;
    server
        .add_fault(json!({ "at": "gateway.create", "calls": { "from": 3 }, "kind": "drop-answer" }))
        .await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let call = create_request("pm_card_visa");
    let body = String::from_utf8(call.body.clone()).unwrap();
    for nth in 1..=3 {
        let head = "POST /v1/payment_intents HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk_test_x\r\n";
        stream
            .write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
            .await
            .unwrap();
        if nth < 3 {
            assert!(one_message(&mut stream).await.0.starts_with("http/1.1 200"));
        }
    }
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "closed without a response");
    assert_eq!(server.state.lock().ledger().intents().count(), 3);
    server.stop().await;
}

#[tokio::test]
async fn serving_a_restored_emulator_ends_the_calls_that_were_in_flight() {
    let first = start_server(StripeEmulator::new(1)).await;
    let intent = first.create_intent().await;
    first.add_fault(fault("hang")).await;
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let hanging = first.send(&confirm).await;
    while first.state.lock().in_flight().is_empty() {
        tokio::task::yield_now().await;
    }
    // The state after a kill: the emulator is unchanged and the connection is gone.
    let restored = first.state.lock().clone();
    drop(hanging);
    let second = start_server(restored).await;
    assert_eq!(second.call(&confirm).await.unwrap().status, 200);
    assert_eq!(
        second.journaled.load(Ordering::SeqCst),
        2,
        "the end of the first call, and the second call"
    );
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_request_that_another_site_causes_is_refused_without_effect() {
    let server = start_server(StripeEmulator::new(1)).await;
    let own = format!("http://{}", server.address);
    for (header, value) in [("host", "attacker.example"), ("origin", "https://attacker.example")] {
        for request in [HttpRequest::new("GET", "/_ledger"), create_request("pm_card_visa")] {
            let response = server.call(&request.header(header, value)).await.unwrap();
            assert_eq!(response.status, 403, "{header}: {value}");
            assert!(response.json()["error"].to_string().contains("attacker.example"));
        }
    }
    assert_eq!(server.state.lock().ledger().intents().count(), 0);
    let of_own_page = HttpRequest::new("GET", "/_ledger").header("host", &server.address);
    let response = server.call(&of_own_page.header("origin", &own)).await.unwrap();
    assert_eq!(response.status, 200);
    server.stop().await;
}
