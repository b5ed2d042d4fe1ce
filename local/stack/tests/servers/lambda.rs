//! The Lambda host with real worker processes.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{host, host_on, host_with_idle_time, probe};
use bytes::Bytes;
use local_stack::clock::ClockSettings;
use local_stack::lambda::{EventRetries, FunctionSettings, InvokeError};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_worker_answers_an_invocation_and_is_reused() {
    let hosted = host(probe());
    let (first, answer) = hosted.invoke(json!({ "do": "pid" })).await;
    let (second, again) = hosted.invoke(json!({ "do": "pid" })).await;
    assert_eq!(first.function_error, None);
    assert_eq!(answer["pid"], again["pid"]);
    assert_eq!((&answer["handled"], &again["handled"]), (&json!(1), &json!(2)));
    assert_ne!(first.request_id, second.request_id);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_worker_that_stays_idle_ends_and_the_next_invocation_gets_another() {
    let hosted = host_with_idle_time(probe(), Duration::from_millis(1));
    let gate = Gate::open().await;
    hosted.invoke(json!({ "do": "hold", "url": gate.url })).await;
    let (mut held, _) = gate.listener.accept().await.expect("the worker");
    let read = held.read(&mut [0]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "the connection closes when the process ends");
    let (_, answer) = hosted.invoke(json!({ "do": "pid" })).await;
    assert_eq!(answer["handled"], 1);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn an_answer_of_any_size_above_the_limit_is_an_error_of_the_function() {
    let hosted = host(probe());
    for bytes in [6_291_557, 20_000_000] {
        let (outcome, error) = hosted.invoke(json!({ "do": "size", "bytes": bytes })).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge", "{bytes}");
    }
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn every_name_of_a_function_works_and_an_unknown_name_is_not_found() {
    let hosted = host(probe());
    let arn = "arn:aws:lambda:us-east-1:000000000000:function";
    for name in [
        "process-payment",
        "ProcessPaymentFunction",
        "process-payment:live",
        &format!("{arn}:process-payment"),
        "process-payment:$LATEST",
        &format!("{arn}:ProcessPaymentFunction:1"),
    ] {
        let outcome = hosted.host.invoke(name, Bytes::from("{}")).await;
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
    for name in ["unknown", "process-payment:3", "process-payment:green"] {
        let refused = hosted.host.invoke(name, Bytes::from("{}")).await.map(|_| ());
        let function = format!("{arn}:{name}");
        assert_eq!(refused, Err(InvokeError::NotFound { function }));
    }
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_function_sees_lambdas_headers_and_environment_and_no_variable_of_the_user() {
    let hosted = host(probe());
    let (outcome, headers) = hosted.invoke(json!({ "do": "headers" })).await;
    let headers = headers.as_array().expect("a list");
    let header = |name: &str| {
        let found =
            headers.iter().filter_map(Value::as_str).find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("{name} is missing")).trim_start_matches(": ").to_owned()
    };
    assert_eq!(header("lambda-runtime-aws-request-id"), outcome.request_id);
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let arn = header("lambda-runtime-invoked-function-arn");
    assert_eq!(arn, "arn:aws:lambda:us-east-1:000000000000:function:process-payment");
    let deadline: i64 = header("lambda-runtime-deadline-ms").parse().expect("a number");
    let left = deadline - local_stack::clock::wall_clock().as_millisecond();
    assert!((20_000..=30_000).contains(&left), "{left} ms are left of 30 s");

    let (_, environment) = hosted.invoke(json!({ "do": "environment" })).await;
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "process-payment");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
    let key = environment["AWS_ACCESS_KEY_ID"].as_str().expect("an access key");
    assert!(key.starts_with("ASIA"), "temporary credentials: {key}");
    assert_eq!(environment["ORDERS_TABLE"], "Orders");
    let runtime_api = environment["AWS_LAMBDA_RUNTIME_API"].as_str().expect("a text");
    runtime_api.parse::<SocketAddr>().expect("a host and a port without a scheme");
    for users in ["PATH", "HOME", "USER", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment[users], Value::Null, "{users} leaked in");
    }
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_function_that_fails_answers_with_its_own_error() {
    let hosted = host(probe());
    let (outcome, error) = hosted.invoke(json!({ "do": "fail" })).await;
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(error, json!({ "errorType": "Asked", "errorMessage": "to fail" }));
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_process_that_ends_answers_exit_error_and_the_next_invocation_gets_another() {
    async fn check(event: Value, reason: &str) {
        let hosted = host(probe());
        let (outcome, error) = hosted.invoke(event).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(error["errorType"], "Runtime.ExitError");
        let expected = format!("RequestId: {} Error: {reason}", outcome.request_id);
        let message = error["errorMessage"].as_str().expect("a text");
        assert!(message.starts_with(&expected), "{message}");
        let (outcome, answer) = hosted.invoke(json!({ "do": "pid" })).await;
        assert_eq!((outcome.function_error, &answer["handled"]), (None, &json!(1)));
        hosted.host.shutdown().await;
    }
    check(json!({ "do": "exit", "code": 1 }), "Runtime exited with error: exit status 1").await;
    check(json!({ "do": "exit", "code": 0 }), "Runtime exited without providing a reason").await;
    check(json!({ "do": "abort" }), "Runtime exited with error: signal: aborted").await;
}

#[tokio::test]
async fn a_missing_binary_is_a_function_error() {
    let binary = "/nowhere/bootstrap".into();
    let hosted = host(FunctionSettings { binary, ..probe() });
    let (outcome, error) = hosted.invoke(json!({})).await;
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
}

#[tokio::test]
async fn the_time_limit_kills_the_worker_and_returns_timed_out() {
    let hosted = host(FunctionSettings { timeout: Duration::from_millis(300), ..probe() });
    let (_, first) = hosted.invoke(json!({ "do": "pid" })).await;
    let (outcome, error) = hosted.invoke(json!({ "do": "hang" })).await;
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let expected =
        format!("RequestId: {} Error: Task timed out after 0.30 seconds", outcome.request_id);
    assert_eq!(error["errorMessage"], expected);
    assert!(is_gone(&first["pid"]), "the worker outlived its time limit");
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn concurrent_invocations_use_separate_workers_and_are_throttled_at_the_limit() {
    let hosted = host(FunctionSettings { max_concurrency: 2, ..probe() });
    let gate = Gate::open().await;
    let event = Bytes::from(json!({ "do": "call", "url": gate.url }).to_string());
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let (host, event) = (Arc::clone(&hosted.host), event.clone());
            tokio::spawn(async move { host.invoke("process-payment", event).await })
        })
        .collect();
    let waiting = [gate.entered().await, gate.entered().await];
    let refused = hosted.host.invoke("process-payment", Bytes::from("{}")).await.map(|_| ());
    assert_eq!(refused, Err(InvokeError::Throttled));
    drop(waiting);
    for call in calls {
        let outcome = call.await.expect("the task").expect("an accepted invocation");
        assert_eq!(outcome.function_error, None);
    }
    assert_eq!(hosted.invoke(json!({ "do": "echo" })).await.0.function_error, None);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn killing_by_order_kills_only_the_worker_that_runs_that_order() {
    let hosted = host(probe());
    let gate = Gate::open().await;
    let mut calls = Vec::new();
    let mut waiting = Vec::new();
    for order in ["ord_a", "ord_b"] {
        let event = json!({ "do": "call", "url": gate.url, "orderId": order }).to_string();
        let host = Arc::clone(&hosted.host);
        calls.push(tokio::spawn(async move { host.invoke("process-payment", event.into()).await }));
        waiting.push(gate.entered().await);
    }
    hosted.host.kill_worker_for_order("ord_a");
    hosted.host.kill_worker_for_order("ord_unknown");
    let killed = calls.remove(0).await.expect("the task").expect("an accepted invocation");
    let error: Value = serde_json::from_slice(&killed.payload).expect("JSON");
    let expected = format!(
        "RequestId: {} Error: Runtime exited with error: signal: killed",
        killed.request_id
    );
    assert_eq!(error, json!({ "errorType": "Runtime.ExitError", "errorMessage": expected }));
    drop(waiting);
    let other = calls.remove(0).await.expect("the task").expect("an accepted invocation");
    assert_eq!(other.function_error, None);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn shutdown_leaves_neither_idle_nor_busy_workers() {
    let hosted = host(probe());
    let (_, idle) = hosted.invoke(json!({ "do": "pid" })).await;
    let gate = Gate::open().await;
    let event = json!({ "do": "call", "url": gate.url }).to_string();
    let host = Arc::clone(&hosted.host);
    let call = tokio::spawn(async move { host.invoke("process-payment", event.into()).await });
    let _waiting = gate.entered().await;
    hosted.host.shutdown().await;
    assert!(is_gone(&idle["pid"]));
    assert!(!call.is_finished(), "the shutdown was reported as a function error");
    let mut later = Box::pin(hosted.host.invoke("process-payment", Bytes::from("{}")));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut later).await.is_err());
    call.abort();
}

#[tokio::test]
async fn an_invocation_continues_after_its_caller_has_gone() {
    let hosted = host(FunctionSettings { max_concurrency: 1, ..probe() });
    let gate = Gate::open().await;
    let event = json!({ "do": "call", "url": gate.url }).to_string();
    let host = Arc::clone(&hosted.host);
    let call = tokio::spawn(async move { host.invoke("process-payment", event.into()).await });
    let waiting = gate.entered().await;
    call.abort();
    let _ = call.await;
    assert!(hosted.clock.pending().contains_key("an invocation"), "the clock would skip over it");
    drop(waiting);
    while hosted.clock.pending().contains_key("an invocation") {
        tokio::task::yield_now().await;
    }
    let (_, answer) = hosted.invoke(json!({ "do": "pid" })).await;
    assert_eq!(answer["handled"], 2, "the worker survived");
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn the_output_of_a_function_is_stored_by_invocation() {
    let hosted = host(probe());
    let (outcome, _) = hosted.invoke(json!({ "do": "print", "text": "canary" })).await;
    hosted.host.shutdown().await;
    let mut texts: Vec<_> = hosted
        .host
        .logs()
        .for_request(&outcome.request_id)
        .into_iter()
        .map(|line| line.text)
        .collect();
    texts.sort();
    assert_eq!(texts, ["canary on stderr", "canary on stdout"]);
    assert_eq!(hosted.host.logs().find("canary").len(), 2);
    assert_eq!(hosted.host.logs().find("sparrow"), []);
}

#[tokio::test]
async fn invocations_count_for_the_order_in_the_payload() {
    let hosted = host(probe());
    hosted.invoke(json!({ "orderId": "ord_1" })).await;
    hosted.invoke(json!({ "orderId": "ord_1", "do": "exit" })).await;
    hosted.invoke(json!({ "requestContext": {} })).await;
    let counts = hosted.counters.for_order("ord_1");
    assert_eq!(counts.invocations, 2);
    assert_eq!(counts.invocations_by_function["process-payment"], 2);
    hosted.host.shutdown().await;
}

#[tokio::test]
async fn a_planned_fault_applies_to_its_invocation() {
    async fn check(kind: &str, expected: &str) {
        let hosted = host(FunctionSettings { timeout: Duration::from_millis(200), ..probe() });
        let fault = json!([{ "at": "function.process-payment", "calls": { "from": 2, "to": 2 }, "kind": kind }]);
        hosted.faults.add_json(&fault).expect("a plan");
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            let event = Bytes::from(json!({ "orderId": "ord_1" }).to_string());
            outcomes.push(match hosted.host.invoke("process-payment", event).await {
                Ok(outcome) if outcome.function_error.is_none() => "answered".to_owned(),
                Ok(outcome) => error_type(&outcome.payload),
                Err(error) => error.code().to_owned(),
            });
        }
        assert_eq!(outcomes, ["answered", expected, "answered"], "{kind}");
        hosted.host.shutdown().await;
    }
    check("kill", "Runtime.ExitError").await;
    check("drop-answer", "Runtime.ExitError").await;
    check("hang", "Sandbox.Timedout").await;
    check("throttle", "TooManyRequestsException").await;
    check("500", "ServiceException").await;
    check("500-with-effect", "ServiceException").await;
    check("down", "SdkClientException").await;
}

#[tokio::test]
async fn an_event_is_retried_twice_when_the_function_fails() {
    let retries = EventRetries::default();
    let skipped = check_attempts(retries, 3).await;
    assert!(skipped >= jiff::SignedDuration::from_mins(3));
}

#[tokio::test]
async fn an_event_is_not_retried_when_the_function_allows_no_retry_or_less_time() {
    let day = jiff::SignedDuration::from_hours(24);
    check_attempts(EventRetries { max_attempts: 0, max_age: day }, 1).await;
    let seconds = jiff::SignedDuration::from_secs(90);
    check_attempts(EventRetries { max_attempts: 2, max_age: seconds }, 2).await;
}

/// Sends an event that fails always, and returns how far the clock has skipped ahead.
async fn check_attempts(retries: EventRetries, expected: u64) -> jiff::SignedDuration {
    let clock = ClockSettings { speed: NonZeroU32::MIN, skip: true, start: None };
    let hosted = host_on(clock, FunctionSettings { retries, ..probe() });
    let hold = hosted.clock.busy("the test");
    let event = json!({ "do": "exit", "orderId": "ord_1" }).to_string();
    hosted.host.invoke_async("process-payment", event.into()).expect("an accepted invocation");
    let later = hosted.clock.now().saturating_add(jiff::SignedDuration::from_hours(1));
    let sleep = hosted.clock.sleep_until(later.expect("a time"));
    drop(hold);
    drop(sleep.await);
    assert_eq!(hosted.counters.for_order("ord_1").invocations, expected, "{retries:?}");
    let skipped = hosted.clock.skipped();
    hosted.host.shutdown().await;
    skipped
}

fn error_type(payload: &[u8]) -> String {
    let error: Value = serde_json::from_slice(payload).expect("JSON");
    error["errorType"].as_str().unwrap_or_default().to_owned()
}

/// Whether the process is gone and reaped.
fn is_gone(pid: &Value) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

/// A server that holds its callers until the test releases them.
struct Gate {
    url: String,
    listener: TcpListener,
}

impl Gate {
    async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        Self { url: format!("http://{address}/"), listener }
    }

    /// Waits for a caller. Dropping the returned stream releases the caller.
    async fn entered(&self) -> tokio::net::TcpStream {
        let (mut stream, _) = self.listener.accept().await.expect("a caller");
        let mut request = [0; 256];
        let read = stream.read(&mut request).await.expect("a request");
        assert!(read > 0);
        stream
    }
}
