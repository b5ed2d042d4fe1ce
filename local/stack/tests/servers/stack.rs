//! A complete stack: it starts, serves every port, keeps its state, and leaves nothing
//! behind. The probe stands in for all functions.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use local_stack::clock::{ClockRate, ClockSettings};
use local_stack::dynamodb::Caller;
use local_stack::functions::{Binaries, read_template};
use local_stack::stack::{Ports, Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{Response, get, post};

fn probes() -> Binaries {
    let functions = read_template(&workspace::root()).expect("the template").functions();
    let program = |name| (name, PathBuf::from(env!("CARGO_BIN_EXE_probe-function")));
    let names = functions.expect("a valid template").into_iter().map(|function| function.binary);
    Binaries::new(names.map(program))
}

async fn fresh() -> Stack {
    Stack::start(Settings::temporary(&workspace::root(), probes())).await.expect("the stack starts")
}

fn skipping_clock() -> ClockSettings {
    ClockSettings { speed: NonZeroU32::MIN, skip: true, start: None }
}

fn kept(folder: &Path, fresh: bool) -> Settings {
    let ports = Ports::default();
    Settings::persistent(
        &workspace::root(),
        probes(),
        ports,
        skipping_clock(),
        folder.to_owned(),
        fresh,
    )
}

async fn read(url: String, token: &str) -> Response {
    get(url).header("authorization", token).send().await
}

#[tokio::test]
async fn every_server_answers_at_its_port() {
    let stack = fresh().await;
    let urls = stack.urls();
    let health = read(format!("{}/healthz", urls.api), "").await;
    assert_eq!(health.status, 200);
    for provider in [&urls.stripe, &urls.easypost] {
        let ledger = read(format!("{provider}/_ledger"), "").await;
        assert_eq!(ledger.status, 200, "{provider}");
    }
    let machine = stack.step_functions().state_machine_arn();
    let described = post(&urls.aws)
        .header("x-amz-target", "AWSStepFunctions.DescribeStateMachine")
        .body(json!({ "stateMachineArn": machine }).to_string())
        .send()
        .await
        .json();
    assert_eq!(described["name"], "OrderWorkflow");
    let definition = described["definition"].as_str().expect("a text");
    assert!(definition.contains("function:process-payment:1") && !definition.contains("${"));
    assert_eq!(stack.items("Orders").await.expect("the table is there"), Vec::<Value>::new());
    stack.shutdown().await;
}

#[tokio::test]
async fn every_port_refuses_requests_that_another_site_causes() {
    let stack = fresh().await;
    let urls = stack.urls();
    let paths =
        ["/healthz", "/orders", "/webhooks/stripe", "/_local/status", "/_faults", "/_ledger"];
    for url in [&urls.api, &urls.aws, &urls.stripe, &urls.easypost] {
        for path in paths {
            let send = |name, value| {
                let request = post(format!("{url}{path}")).header(name, value);
                request.header("authorization", "Bearer dev:alice:orders/write").send()
            };
            for (name, value) in [
                ("host", "attacker.example"),
                ("origin", "https://attacker.example"),
                ("origin", "http://127.0.0.1:1"),
                ("origin", "null"),
            ] {
                let refused = send(name, value).await;
                assert_eq!(refused.status, 403, "{url}{path} with {name}: {value}");
                let text = String::from_utf8_lossy(&refused.body).into_owned();
                assert!(text.contains("local stack"), "{text}");
            }
            let allowed = send("origin", url).await;
            assert_ne!(allowed.status, 403, "{url}{path} from its own page");
        }
    }
    stack.shutdown().await;
}

#[tokio::test]
async fn the_api_sends_a_request_to_its_function_as_an_event() {
    let stack = fresh().await;
    let api = stack.urls().api;
    let token = "Bearer dev:alice:orders/read";
    let event = read(format!("{api}/orders/ord_1?x=1"), token).await.json();
    assert_eq!(event["routeKey"], "GET /orders/{orderId}");
    assert_eq!(event["pathParameters"], json!({ "orderId": "ord_1" }));
    assert_eq!(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], "alice");
    let epoch = event["requestContext"]["timeEpoch"].as_i64().expect("a time");
    assert!(epoch <= stack.clock().now().as_millisecond(), "the time is the stack's");
    stack.shutdown().await;
}

#[tokio::test]
async fn requests_without_a_sufficient_token_do_not_reach_a_function() {
    async fn check(api: &str, token: &str, path: &str, status: u16, message: &str) {
        let refused = read(format!("{api}{path}"), token).await;
        assert_eq!(refused.status, status, "{path} with {token}");
        assert_eq!(refused.json(), json!({ "message": message }));
    }
    let stack = fresh().await;
    let api = stack.urls().api;
    check(&api, "", "/orders/ord_1", 401, "Unauthorized").await;
    check(&api, "Bearer nonsense", "/inventory", 401, "Unauthorized").await;
    check(&api, "Bearer dev:a:inventory/write", "/orders/ord_1", 403, "Forbidden").await;
    let inventory = read(format!("{api}/inventory"), "Bearer dev:a:orders/read").await;
    assert_eq!(inventory.status, 200, "one of two scopes is enough");
    stack.shutdown().await;
}

#[tokio::test]
async fn a_killed_function_is_a_500_and_a_large_body_a_413() {
    let stack = fresh().await;
    let url = format!("{}/orders", stack.urls().api);
    let fault = json!([{ "at": "function.order-api", "kind": "kill" }]);
    stack.faults().add_json(&fault).expect("a plan");
    let place = |body: String| {
        post(&url).header("authorization", "Bearer dev:a:orders/write").body(body).send()
    };
    let broken = place("{}".to_owned()).await;
    assert_eq!(broken.status, 500);
    assert_eq!(broken.json(), json!({ "message": "Internal Server Error" }));
    let refused = place(" ".repeat(10 * 1024 * 1024 + 1)).await;
    assert_eq!(refused.status, 413);
    stack.shutdown().await;
}

#[tokio::test]
async fn shutdown_leaves_no_process_and_no_file() {
    let stack = fresh().await;
    let invoked = stack.lambda().invoke("check-inventory", r#"{"do":"pid"}"#.into()).await;
    let answer: Value = serde_json::from_slice(&invoked.expect("it ran").payload).expect("JSON");
    let process = PathBuf::from(format!("/proc/{}", answer["pid"]));
    assert!(process.exists());
    let (folder, urls) = (stack.folder().to_owned(), stack.urls());
    assert!(folder.exists());
    stack.shutdown().await;
    assert!(!process.exists(), "a process is left");
    assert!(!folder.exists(), "{} is left", folder.display());
    for url in [urls.api, urls.aws, urls.stripe, urls.easypost] {
        let address = url.trim_start_matches("http://").to_owned();
        let opened = TcpListener::bind(&address).await;
        assert!(opened.is_ok(), "{address} is still in use");
    }
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_the_option_that_changes_it() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let folder = tempfile::tempdir().expect("a folder");
    let ports = Ports { aws: port, ..Ports::default() };
    let (root, path) = (workspace::root(), folder.path().to_owned());
    let settings = Settings::persistent(&root, probes(), ports, skipping_clock(), path, false);
    let error = Stack::start(settings).await.expect_err("the port is in use").to_string();
    let expected = format!(
        "port {port} (AWS endpoint) is in use: end the program that uses it, or choose another \
         port with --aws-port (0 takes a free one)"
    );
    assert_eq!(error, expected);
}

#[tokio::test]
async fn two_stacks_do_not_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Stack::start(kept(folder.path(), false)).await.expect("the stack starts");
    let error = Stack::start(kept(folder.path(), false)).await.expect_err("the folder is in use");
    assert!(error.to_string().contains("--state-dir"), "{error}");
    first.shutdown().await;
}

#[tokio::test]
async fn a_stack_that_was_sped_up_and_killed_continues_after_its_last_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ClockSettings::default();
    let first =
        Stack::start(kept(folder.path(), false).with_clock(clock)).await.expect("it starts");
    let speed = NonZeroU32::new(86_400).expect("positive");
    first.clock().set_rate(ClockRate { speed, skip: false });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let ended = first.clock().now();
    assert!(ended.duration_since(local_stack::clock::wall_clock()).as_secs() > 600);
    // The stored lead is that of the moment of the change: nothing is stored on the way out.
    first.shutdown().await;
    let second =
        Stack::start(kept(folder.path(), false).with_clock(clock)).await.expect("it starts");
    assert!(second.clock().now() >= ended, "the time went back");
    second.shutdown().await;
}

#[tokio::test]
async fn a_persistent_stack_continues_where_it_stopped_and_its_time_never_goes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Stack::start(kept(folder.path(), false)).await.expect("the stack starts");
    let item = json!({ "TableName": "Inventory", "Item": { "sku": { "S": "MUG" } } });
    first.dynamodb().call("PutItem", &item, Caller::Other).await.expect("it is written");
    let body = json!({ "faults": [{ "at": "gateway.create", "kind": "500" }] });
    let plan = format!("{}/_faults", first.urls().stripe);
    let planned = post(plan).body(body.to_string()).send().await;
    assert_eq!(planned.status, 200);
    let later = first.clock().now().saturating_add(SignedDuration::from_hours(72));
    drop(first.clock().sleep_until(later.expect("a time")).await);
    let ended = first.clock().now();
    first.shutdown().await;

    let second = Stack::start(kept(folder.path(), false)).await.expect("the stack starts");
    assert!(second.clock().now() >= ended, "the time went back");
    assert_eq!(second.items("Inventory").await.expect("they are there").len(), 1);
    let plan = read(format!("{}/_faults", second.urls().stripe), "").await.json();
    assert_eq!(plan["faults"][0]["at"], "gateway.create", "the emulator has replayed its journal");
    second.shutdown().await;

    let third = Stack::start(kept(folder.path(), true)).await.expect("the stack starts");
    assert_eq!(third.items("Inventory").await.expect("it is there"), Vec::<Value>::new());
    third.shutdown().await;
}
