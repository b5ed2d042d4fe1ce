//! The faces over real sockets: what a client on the other side sees of each fault.

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

use crate::support::{ORDER, at, contract, contracts, create, easypost, id, look, parcel, post};

/// A served model, and all that its hooks saw.
struct Served<P> {
    address: String,
    state: SharedEmulator<P>,
    now: Arc<AtomicI64>,
    busy: Arc<AtomicUsize>,
    killed: mpsc::UnboundedReceiver<String>,
    recorded: Arc<AtomicUsize>,
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

async fn served<P: Emulator>(provider: P) -> Served<P> {
    served_with(provider, None).await
}

async fn served_with<P: Emulator>(provider: P, webhook: Option<WebhookEndpoint>) -> Served<P> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (state, now) = (SharedEmulator::new(provider), Arc::new(AtomicI64::new(0)));
    let (busy, recorded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (kill, killed) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let hooks = Hooks {
        kill_caller: Arc::new(move |order| kill.send(order.to_owned()).unwrap()),
        busy_guard: counting(&busy),
        journal: {
            let recorded = Arc::clone(&recorded);
            Arc::new(move |_| {
                recorded.fetch_add(1, Ordering::SeqCst);
            })
        },
        webhook,
        sleep_until: None,
    };
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(listener, state.clone(), clock(&now), hooks, shutdown));
    Served { address, state, now, busy, killed, recorded, stop, task }
}

fn counting(busy: &Arc<AtomicUsize>) -> Arc<dyn Fn() -> BusyGuard + Send + Sync> {
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
struct Heard {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl<P: Emulator> Served<P> {
    /// Sends a call on a connection of its own and reads to its end. Nothing read, or a
    /// reset, is an error.
    async fn call(&self, call: &HttpRequest) -> std::io::Result<Heard> {
        let mut stream = self.sent(call).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Heard { status, head, body: bytes[split + 4..].to_vec() })
    }

    async fn sent(&self, call: &HttpRequest) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            call.method, call.path_and_query
        );
        for (name, value) in &call.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(text, "content-length: {}\r\n\r\n", call.body.len()).unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.write_all(&call.body).await.unwrap();
        stream
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let heard = self.call(&HttpRequest::new(method, path).body(body)).await.unwrap();
        (heard.status, heard.json())
    }

    async fn plan(&self, fault: Value) {
        let (status, body) = self.control("POST", "/_faults", &json!([fault])).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Waits until no call is in progress: the server's side of a connection may outlive the
    /// client's by a moment.
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

impl Served<StripeEmulator> {
    async fn created(&self) -> String {
        id(&self.call(&create("pm_card_visa")).await.unwrap().json())
    }

    fn authorized(&self) -> i64 {
        self.state.lock().ledger().order(ORDER).totals.authorized
    }
}

fn fault(kind: &str) -> Value {
    json!({ "at": "gateway.confirm", "calls": { "from": 1, "to": 1 }, "kind": kind })
}

#[tokio::test]
async fn an_order_is_paid_over_http_and_seen_in_the_ledger() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    let confirmed =
        served.call(&post(&intent, "confirm", &[("expand[]", "latest_charge")])).await.unwrap();
    assert_eq!((confirmed.status, &confirmed.json()["status"]), (200, &json!("requires_capture")));
    assert!(confirmed.head.contains("stripe-version: 2026-10-28.endive"), "{}", confirmed.head);
    assert!(confirmed.head.contains("content-type: application/json"));
    served.call(&post(&intent, "capture", &[])).await.unwrap();

    let (_, all) = served.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(
        all["totals"],
        json!({ "authorized": 2599, "captured": 2599, "voided": 0, "refunded": 0 })
    );
    let (_, one) = served.control("GET", "/_ledger?order=ord_1", &Value::Null).await;
    assert_eq!(
        one["calls"],
        json!({ "gateway.capture": 1, "gateway.confirm": 1, "gateway.create": 1 })
    );
    let (_, nobody) = served.control("GET", "/_ledger?order=ord_2", &Value::Null).await;
    assert_eq!((&nobody["totals"]["captured"], &nobody["intents"]), (&json!(0), &json!([])));
    served.stop().await;
}

#[tokio::test]
async fn a_label_is_bought_over_http_and_seen_in_the_ledger() {
    let served = served(EasyPostEmulator::new(1)).await;
    let shipment = served.call(&easypost("POST", "/v2/shipments", &parcel())).await.unwrap();
    assert_eq!(shipment.status, 201);
    let shipment = shipment.json();
    let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
    let path = format!("/v2/shipments/{}/buy", id(&shipment));
    assert_eq!(served.call(&easypost("POST", &path, &rate)).await.unwrap().status, 200);
    let (_, ledger) = served.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(ledger["totals"], json!({ "labels": 1, "labelRefunds": 0 }));
    served.stop().await;
}

#[tokio::test]
async fn nobody_can_write_the_ledger() {
    let served = served(StripeEmulator::new(1)).await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(served.control(method, "/_ledger", &json!({})).await.0, 405);
    }
    assert_eq!(served.control("GET", "/_secrets", &Value::Null).await.0, 404);
    served.stop().await;
}

#[tokio::test]
async fn down_resets_the_connection_and_nothing_was_processed() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.plan(fault("down")).await;
    let confirm = post(&intent, "confirm", &[]);
    let refused = served.call(&confirm).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(served.authorized(), 0);
    assert_eq!(served.call(&confirm).await.unwrap().status, 200, "the second call is not met");
    served.stop().await;
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_effect_and_closes_the_connection() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.plan(fault("drop-answer")).await;
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let dropped = served.call(&confirm).await.unwrap_err();
    assert_eq!(dropped.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(served.authorized(), 2599);
    let again = served.call(&confirm).await.unwrap();
    assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
    assert_eq!(served.authorized(), 2599);
    served.stop().await;
}

#[tokio::test]
async fn kill_has_the_effect_then_kills_the_caller_of_that_order() {
    let mut served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.plan(fault("kill")).await;
    served.call(&post(&intent, "confirm", &[])).await.unwrap_err();
    assert_eq!(served.killed.recv().await.as_deref(), Some(ORDER));
    assert_eq!(served.authorized(), 2599);
    served.stop().await;
}

#[tokio::test]
async fn a_hanging_call_answers_nobody_holds_the_clock_and_its_key_and_ends_with_its_client() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.idle().await;
    served.plan(fault("hang")).await;
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let mut hanging = served.sent(&confirm).await;
    // The second call is told of the first as soon as that has arrived.
    let conflict = loop {
        let again = served.call(&confirm).await.unwrap();
        if again.status == 409 {
            break again;
        }
        assert_eq!(again.status, 200, "the second came before the first");
    };
    assert!(conflict.head.contains("stripe-should-retry: true"));
    assert_eq!(served.busy.load(Ordering::SeqCst), 1);
    let mut nothing = [0];
    let silence =
        tokio::time::timeout(std::time::Duration::from_millis(50), hanging.read(&mut nothing))
            .await;
    assert!(silence.is_err(), "a hanging call got an answer");

    drop(hanging);
    served.idle().await;
    assert_eq!(served.authorized(), 0);
    assert_eq!(served.call(&confirm).await.unwrap().status, 200);
    served.stop().await;
}

#[tokio::test]
async fn a_late_answer_comes_after_its_delay_with_the_effect_had_at_once() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    let mut late = fault("late");
    late["delayMs"] = json!(300);
    served.plan(late).await;
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let begun = tokio::time::Instant::now();
    let (first, conflict) = tokio::join!(served.call(&confirm), async {
        while served.authorized() == 0 {
            tokio::task::yield_now().await;
        }
        served.call(&confirm).await.unwrap()
    });
    assert_eq!((first.unwrap().status, conflict.status), (200, 409));
    assert!(begun.elapsed() >= std::time::Duration::from_millis(300));
    let after = served.call(&confirm).await.unwrap();
    assert!(after.head.contains("idempotent-replayed: true"));
    served.stop().await;
}

#[tokio::test]
async fn a_late_call_whose_client_leaves_keeps_its_effect_and_frees_its_key() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    let mut late = fault("late");
    late["delayMs"] = json!(600_000);
    served.plan(late).await;
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let gone = served.sent(&confirm).await;
    while served.authorized() == 0 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    served.idle().await;
    let again = served.call(&confirm).await.unwrap();
    assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
    served.stop().await;
}

#[tokio::test]
async fn the_answers_that_need_a_fault_have_the_documented_bodies() {
    let Some(folder) = contracts() else { return };
    for (kind, response) in
        [("500", "api_error_500"), ("429", "rate_limit"), ("500-with-effect", "api_error_500")]
    {
        let served = served(StripeEmulator::new(1)).await;
        let intent = served.created().await;
        served.plan(fault(kind)).await;
        let heard = served.call(&post(&intent, "confirm", &[])).await.unwrap();
        let documented = contract(&folder, &format!("stripe/responses/{response}.json"));
        assert_eq!(
            (json!(heard.status), heard.json()),
            (documented["status"].clone(), documented["body"].clone())
        );
        let retry = documented["headers"]["stripe-should-retry"].as_str().unwrap();
        assert!(heard.head.contains(&format!("stripe-should-retry: {retry}")), "{}", heard.head);
        assert_eq!(served.authorized() > 0, kind == "500-with-effect");
        served.stop().await;
    }
}

#[tokio::test]
async fn garbage_is_a_success_that_no_client_can_read() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.plan(fault("garbage")).await;
    let heard = served.call(&post(&intent, "confirm", &[])).await.unwrap();
    assert_eq!(heard.status, 200);
    assert!(
        serde_json::from_slice::<Value>(&heard.body).is_err()
            && String::from_utf8(heard.body).is_err()
    );
    assert_eq!(served.authorized(), 2599);
    served.stop().await;
}

#[tokio::test]
async fn the_plan_is_added_to_replaced_shown_and_cleared() {
    let served = served(StripeEmulator::new(1)).await;
    let get = json!({ "at": "gateway.get", "calls": { "from": 1 }, "kind": "down" });
    served.plan(fault("500")).await;
    let (status, both) = served.control("POST", "/_faults", &json!({ "faults": [get] })).await;
    assert_eq!((status, both["faults"].as_array().unwrap().len()), (200, 2));
    let (_, one) = served.control("PUT", "/_faults", &json!([get])).await;
    assert_eq!(
        one["faults"],
        json!([{ "at": "gateway.get", "calls": { "from": 1 }, "kind": "down", "met": 0 }])
    );
    served.call(&look("pi_nobody")).await.unwrap_err();
    let (_, met) = served.control("GET", "/_faults", &Value::Null).await;
    assert_eq!((&met["faults"][0]["met"], &met["met"]["down"]), (&json!(1), &json!(1)));

    let (status, wrong) =
        served.control("PUT", "/_faults", &json!([{ "at": "gateway.get", "kind": "sulk" }])).await;
    assert_eq!(status, 400);
    assert!(wrong["error"].as_str().unwrap().starts_with("faults[0].kind:"), "{wrong}");
    assert_eq!(
        served.control("GET", "/_faults", &Value::Null).await.1["faults"].as_array().unwrap().len(),
        1
    );
    let (_, none) = served.control("DELETE", "/_faults", &Value::Null).await;
    assert_eq!(none["faults"], json!([]));
    assert_eq!(served.call(&look("pi_nobody")).await.unwrap().status, 404);
    served.stop().await;
}

#[tokio::test]
async fn acts_are_done_over_http_and_refused_where_nothing_fits() {
    let served = served(StripeEmulator::new(1)).await;
    let lapse = json!({ "do": "lapse", "order": ORDER });
    let (status, why) = served.control("POST", "/_acts", &lapse).await;
    assert_eq!((status, &why["error"]), (409, &json!("order ord_1 has no money held")));
    let intent = served.created().await;
    served.call(&post(&intent, "confirm", &[])).await.unwrap();
    assert_eq!(served.control("POST", "/_acts", &lapse).await.0, 200);
    assert_eq!(served.call(&look(&intent)).await.unwrap().json()["status"], "canceled");
    assert_eq!(served.control("POST", "/_acts", &json!({ "do": "magic" })).await.0, 400);
    served.stop().await;
}

#[tokio::test]
async fn the_clock_is_asked_at_each_call() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.call(&post(&intent, "confirm", &[])).await.unwrap();
    served.now.store(8 * 24 * 3_600, Ordering::SeqCst);
    let (_, ledger) = served.control("GET", "/_ledger", &Value::Null).await;
    assert_eq!(ledger["totals"]["voided"], 2599);
    assert_eq!(ledger["intents"][0]["status"], "canceled");
    served.stop().await;
}

#[tokio::test]
async fn every_input_is_recorded_and_a_body_too_large_is_refused_unread() {
    let served = served(StripeEmulator::new(1)).await;
    served.created().await;
    served.plan(fault("500")).await;
    assert_eq!(served.recorded.load(Ordering::SeqCst), 2);
    let large = create("pm_card_visa").body(vec![b'a'; (1 << 20) + 1]);
    assert_eq!(served.call(&large).await.unwrap().status, 413);
    assert_eq!(served.recorded.load(Ordering::SeqCst), 2);
    served.stop().await;
}

#[tokio::test]
async fn shutdown_ends_hanging_calls_too_and_no_other_interface_is_served() {
    let served = served(StripeEmulator::new(1)).await;
    let intent = served.created().await;
    served.plan(fault("hang")).await;
    let mut hanging = served.sent(&post(&intent, "confirm", &[])).await;
    while served.state.lock().fault_plan().triggered_counts().is_empty() {
        tokio::task::yield_now().await;
    }
    served.stop().await;
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
async fn concurrent_calls_under_one_key_have_one_effect() {
    let served = Arc::new(served(StripeEmulator::new(1)).await);
    let intent = served.created().await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (served, confirm) =
                (Arc::clone(&served), post(&intent, "confirm", &[]).header("idempotency-key", "c"));
            tokio::spawn(async move { served.call(&confirm).await.unwrap().status })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(served.authorized(), 2599);
    assert_eq!(served.state.lock().ledger().order(ORDER).confirms, 1);
}

/// A product that takes one webhook after the other; the first is answered with 500.
async fn product() -> (String, mpsc::UnboundedReceiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let (send, receive) = mpsc::unbounded_channel();
    let first = Mutex::new(true);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let heard = one_message(&mut stream).await;
            let was_first = std::mem::replace(&mut *first.lock().unwrap(), false);
            let status = if was_first { "500 Sorry" } else { "200 OK" };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            send.send(heard).unwrap();
        }
    });
    (url, receive)
}

/// Reads one message with a body, a request or an answer.
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
async fn events_are_delivered_signed_and_again_when_they_were_not_taken() {
    let (url, mut arrived) = product().await;
    let webhook = WebhookEndpoint { url: url.clone(), secret: "whsec_test".to_owned() };
    let served = served_with(StripeEmulator::new(1), Some(webhook)).await;
    served.created().await;
    let (first, second) = (arrived.recv().await.unwrap(), arrived.recv().await.unwrap());
    assert_eq!(first.1, second.1, "the event that got 500 comes again");
    let signature = stripe_signature("whsec_test", at(0), second.1.as_bytes());
    assert!(second.0.contains(&format!("stripe-signature: {signature}")), "{}", second.0);
    assert_eq!(serde_json::from_str::<Value>(&second.1).unwrap()["type"], "payment_intent.created");
    served.stop().await;
}

#[tokio::test]
async fn what_happens_while_nobody_calls_is_delivered_too() {
    let (url, mut arrived) = product().await;
    let webhook = WebhookEndpoint { url, secret: "s\u{e9}cret".to_owned() };
    let served = served_with(EasyPostEmulator::new(1), Some(webhook)).await;
    let shipment = served.call(&easypost("POST", "/v2/shipments", &parcel())).await.unwrap().json();
    let path = format!("/v2/shipments/{}", id(&shipment));
    let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
    served.call(&easypost("POST", &format!("{path}/buy"), &rate)).await.unwrap();
    served.call(&easypost("POST", &format!("{path}/refund"), &Value::Null)).await.unwrap();
    served.now.store(25 * 3_600, Ordering::SeqCst);
    let told = loop {
        let (head, body) = arrived.recv().await.unwrap();
        assert!(head.contains(&easypost_signature("s\u{e9}cret", body.as_bytes())), "{head}");
        let event: Value = serde_json::from_str(&body).unwrap();
        if event["description"] == "refund.successful" {
            break event;
        }
    };
    assert_eq!(told["result"]["shipment_id"], shipment["id"]);
    served.stop().await;
}

#[tokio::test]
async fn on_a_clock_that_leaps_an_event_is_told_five_seconds_after_it_happened() {
    let (url, mut arrived) = product().await;
    let (state, now) = (SharedEmulator::new(EasyPostEmulator::new(1)), Arc::new(AtomicI64::new(0)));
    let leaping = {
        let now = Arc::clone(&now);
        // A clock with nothing else to do: it leaps to whatever it is asked to wait for.
        Arc::new(move |due: Timestamp| {
            now.store(due.as_second() - at(0).as_second(), Ordering::SeqCst);
            Box::pin(std::future::ready(Box::new(()) as BusyGuard))
                as Pin<Box<dyn Future<Output = BusyGuard> + Send>>
        })
    };
    let webhook = Some(WebhookEndpoint { url, secret: "secret".to_owned() });
    let hooks = Hooks { webhook, sleep_until: Some(leaping), ..Hooks::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    {
        let mut carrier = state.lock();
        let shipment = carrier.handle(&easypost("POST", "/v2/shipments", &parcel()), at(0)).value();
        let path = format!("/v2/shipments/{}", id(&shipment));
        let rate = json!({ "rate": { "id": shipment["rates"][2]["id"] } });
        carrier.handle(&easypost("POST", &format!("{path}/buy"), &rate), at(0));
        carrier.handle(&easypost("POST", &format!("{path}/refund"), &Value::Null), at(0));
        carrier.take_events();
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
    let served = served(StripeEmulator::new(1)).await;
    served
        .plan(json!({ "at": "gateway.create", "calls": { "from": 3 }, "kind": "drop-answer" }))
        .await;
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    let call = create("pm_card_visa");
    let body = String::from_utf8(call.body.clone()).unwrap();
    for nth in 1..=3 {
        let head =
            "POST /v1/payment_intents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk_test_x\r\n";
        stream
            .write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
            .await
            .unwrap();
        if nth < 3 {
            assert!(one_message(&mut stream).await.0.starts_with("http/1.1 200"));
        }
    }
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "closed without an answer");
    assert_eq!(served.state.lock().ledger().intents().count(), 3);
    served.stop().await;
}

#[tokio::test]
async fn a_call_in_flight_when_the_stack_died_is_ended_when_it_is_served_again() {
    let first = served(StripeEmulator::new(1)).await;
    let intent = first.created().await;
    first.plan(fault("hang")).await;
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    let hanging = first.sent(&confirm).await;
    while first.state.lock().in_flight().is_empty() {
        tokio::task::yield_now().await;
    }
    // As a kill would leave it: the model as it was, the connection gone without a word.
    let left_behind = first.state.lock().clone();
    drop(hanging);
    let second = served(left_behind).await;
    assert_eq!(second.call(&confirm).await.unwrap().status, 200);
    assert_eq!(second.recorded.load(Ordering::SeqCst), 2, "the end of the first, and the second");
    second.stop().await;
    first.stop().await;
}
