//! Event sources in a complete stack: schedules, status changes of executions and
//! webhooks, and workers that die while they call Step Functions. The tests use their own
//! template, with the probe as every function.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use emulators::webhooks::{easypost_signature, stripe_signature};
use jiff::{SignedDuration, Timestamp};
use local_stack::clock::{BusyGuard, ClockSettings};
use local_stack::dynamodb::Caller;
use local_stack::functions::Binaries;
use local_stack::stack::{EASYPOST_WEBHOOK_SECRET, Ports, STRIPE_WEBHOOK_SECRET, Settings, Stack};
use serde_json::{Value, json};

use crate::client::post;

const START: &str = "2026-11-23T04:00:30Z";

fn template(environment: &str) -> String {
    format!(
        "
Globals: {{HttpApi: {{Auth: {{DefaultAuthorizer: Tokens}}}}}}
Resources:
  OrderWorkflow:
    Type: AWS::Serverless::StateMachine
    Properties: {{DefinitionUri: flow.json}}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {{AttributeName: orderId, AttributeType: S}}
        - {{AttributeName: open, AttributeType: S}}
        - {{AttributeName: checkAt, AttributeType: S}}
      KeySchema: [{{AttributeName: orderId, KeyType: HASH}}]
      GlobalSecondaryIndexes:
        - IndexName: open
          KeySchema:
            - {{AttributeName: open, KeyType: HASH}}
            - {{AttributeName: checkAt, KeyType: RANGE}}
          Projection: {{ProjectionType: KEYS_ONLY}}
  ReconcileOrdersFunction:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: reconcile-orders}}}}
    Properties:
      Environment: {{Variables: {{{environment}}}}}
      Events:
        EveryMinute:
          Type: Schedule
          Properties: {{Schedule: rate(1 minute), Name: !Sub \"${{AWS::StackName}}-open-orders\"}}
        CompareBooks:
          Type: Schedule
          Properties: {{Schedule: rate(1 day), Name: !Sub \"${{AWS::StackName}}-compare-books\"}}
        ExecutionEnded:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.states]
              detail-type: [Step Functions Execution Status Change]
              detail: {{stateMachineArn: [!Ref OrderWorkflow], status: [SUCCEEDED, FAILED]}}
  OrderApiFunction:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: order-api}}}}
    Properties:
      Environment: {{Variables: {{PRINT_EVENTS: yes}}}}
      Events:
        Stripe:
          Type: HttpApi
          Properties: {{Method: POST, Path: /webhooks/stripe, Auth: {{Authorizer: NONE}}}}
        EasyPost:
          Type: HttpApi
          Properties: {{Method: POST, Path: /webhooks/easypost, Auth: {{Authorizer: NONE}}}}
"
    )
}

/// A workspace with the template of these tests.
struct TestBed {
    folder: tempfile::TempDir,
}

impl TestBed {
    fn new() -> Self {
        Self::with("PRINT_EVENTS: yes")
    }

    /// Sets the environment of the function that receives the events.
    fn with(environment: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("a successful write");
        };
        write("template.yaml", template(environment));
        let choice = json!([{ "Variable": "$.fail", "IsPresent": true, "Next": "Failed" }]);
        let flow = json!({ "StartAt": "Choose", "States": {
            "Choose": { "Type": "Choice", "Choices": choice, "Default": "Succeeded" },
            "Succeeded": { "Type": "Succeed" },
            "Failed": { "Type": "Fail", "Error": "Asked", "Cause": "to fail" },
        } });
        write("flow.json", flow.to_string());
        Self { folder }
    }

    async fn stack(&self) -> Stack {
        let settings = Settings::temporary(self.folder.path(), probes());
        Stack::start(settings.with_clock(clock(START))).await.expect("the stack starts")
    }

    /// A stack that keeps its state in the folder.
    async fn persistent_stack(&self, start: &str) -> Stack {
        let (root, state) = (self.folder.path(), self.folder.path().join("state"));
        let settings =
            Settings::persistent(root, probes(), Ports::default(), clock(start), state, false);
        Stack::start(settings).await.expect("the stack starts")
    }
}

fn clock(start: &str) -> ClockSettings {
    let start = start.parse().expect("a time");
    ClockSettings { speed: NonZeroU32::MIN, skip: true, start: Some(start) }
}

fn probes() -> Binaries {
    let program = Path::new(env!("CARGO_BIN_EXE_probe-function"));
    let names = ["reconcile-orders", "order-api"];
    Binaries::new(names.map(|name| (name.to_owned(), PathBuf::from(program))))
}

/// Lets the clock skip ahead to a time, stopping at everything that is due before.
async fn until(stack: &Stack, time: &str) -> BusyGuard {
    let sleep = stack.clock().sleep_until(time.parse().expect("a time"));
    let fired = tokio::time::timeout(Duration::from_mins(1), sleep).await;
    fired
        .unwrap_or_else(|_| panic!("the clock never reaches {time}: {:?}", stack.clock().pending()))
}

/// Shuts the stack down. Returns the events that a function received, oldest first.
async fn events(stack: Stack, function: &str) -> Vec<Value> {
    let lambda = Arc::clone(stack.lambda());
    stack.shutdown().await; // After this, all output has been read.
    let lines = lambda.logs().find("").into_iter().filter(|line| line.function == function);
    lines.map(|line| serde_json::from_str(&line.text).expect("an event is JSON")).collect()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["detail-type"] == kind).collect()
}

/// The rule and the time of each tick.
fn ticks(events: &[Value]) -> Vec<(&str, &str)> {
    of_kind(events, "Scheduled Event")
        .into_iter()
        .map(|event| {
            let rule = event["resources"][0].as_str().expect("a rule");
            let time = event["time"].as_str().expect("a time");
            (rule.rsplit('/').next().expect("a name"), time)
        })
        .collect()
}

async fn start(stack: &Stack, name: &str, input: &Value) {
    let machine = stack.step_functions().state_machine_arn();
    let body = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
    stack.step_functions().api("StartExecution", body).await.expect("the execution starts");
}

async fn put(stack: &Stack, item: Value) {
    let put = json!({ "TableName": "Orders", "Item": item });
    stack.dynamodb().call("PutItem", &put, Caller::Other).await.expect("a successful write");
}

#[tokio::test]
async fn schedules_use_the_stacks_clock_and_the_open_orders_schedule_ticks_on_demand() {
    let stack = TestBed::new().stack().await;
    let busy = until(&stack, "2026-11-24T10:00:10Z").await;
    put(&stack, json!({ "orderId": { "S": "ord_1" } })).await;
    drop(busy);
    drop(until(&stack, "2026-11-25T12:00:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    let (open, compare) = ("local-open-orders", "local-compare-books");
    let expected = [
        (open, "2026-11-23T04:01:00Z"),
        (compare, "2026-11-24T00:00:00Z"),
        (open, "2026-11-24T10:01:00Z"),
        (compare, "2026-11-25T00:00:00Z"),
    ];
    assert_eq!(ticks(&events), expected);
}

#[tokio::test]
async fn a_restarted_stack_continues_its_schedules() {
    let test_bed = TestBed::new();
    let first = test_bed.persistent_stack(START).await;
    let item = json!({
        "orderId": { "S": "ord_1" }, "open": { "S": "7" },
        "checkAt": { "S": "2026-11-23T18:30:00.000Z" },
    });
    let busy = until(&first, "2026-11-23T04:01:30Z").await;
    put(&first, item).await;
    drop(busy);
    drop(until(&first, "2026-11-23T06:00:00Z").await);
    let seen = events(first, "reconcile-orders").await;
    let times: Vec<_> = ticks(&seen).into_iter().map(|(_, time)| time).collect();
    assert_eq!(times, ["2026-11-23T04:01:00Z", "2026-11-23T04:02:00Z"]);

    let second = test_bed.persistent_stack("2026-11-23T06:00:10Z").await;
    drop(until(&second, "2026-11-23T18:30:30Z").await);
    let seen = events(second, "reconcile-orders").await;
    let times: Vec<_> = ticks(&seen).into_iter().map(|(_, time)| time).collect();
    assert_eq!(times, ["2026-11-23T06:01:00Z", "2026-11-23T18:30:00Z"]);
}

#[tokio::test]
async fn the_end_of_an_execution_is_sent_to_the_function_of_the_rule() {
    let stack = TestBed::new().stack().await;
    start(&stack, "ord_1", &json!({ "orderId": "ord_1" })).await;
    start(&stack, "ord_2", &json!({ "orderId": "ord_2", "fail": true })).await;
    drop(until(&stack, "2026-11-23T04:10:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    let mut changes: Vec<_> = of_kind(&events, "Step Functions Execution Status Change")
        .into_iter()
        .map(|event| {
            let detail = &event["detail"];
            assert_eq!(event["resources"][0], detail["executionArn"]);
            assert!(detail["stopDate"].as_i64() >= detail["startDate"].as_i64());
            let field = |name: &str| detail[name].as_str().unwrap_or("-").to_owned();
            ["name", "status", "input", "error"].map(field)
        })
        .collect();
    changes.sort();
    let input = |order: &str, more: &str| format!("{{\"orderId\":\"{order}\"{more}}}");
    let succeeded = ["ord_1", "SUCCEEDED", &input("ord_1", ""), "-"].map(str::to_owned);
    let failed = ["ord_2", "FAILED", &input("ord_2", ",\"fail\":true"), "Asked"];
    assert_eq!(changes, [succeeded, failed.map(str::to_owned)]);
}

#[tokio::test]
async fn the_clock_waits_until_the_function_has_received_the_status_change() {
    let stack = TestBed::new().stack().await;
    let began = stack.clock().now();
    let mut progress_events = stack.step_functions().subscribe();
    start(&stack, "ord_1", &json!({})).await;
    // The delivery must finish before this timer fires.
    let later = stack.clock().sleep_until(began + SignedDuration::from_secs(10));
    while let Ok(watched) = progress_events.recv().await {
        if matches!(watched.progress.event, local_stack::stepfunctions::ProgressEvent::Ended { .. })
        {
            break;
        }
    }
    drop(progress_events);
    drop(later.await);
    let events = events(stack, "reconcile-orders").await;
    assert_eq!(of_kind(&events, "Step Functions Execution Status Change").len(), 1);
}

#[tokio::test]
async fn a_planned_fault_drops_a_status_change() {
    let stack = TestBed::new().stack().await;
    let lost = json!([{ "at": "events.status-change", "kind": "drop", "order": "ord_1" }]);
    stack.faults().add_json(&lost).expect("a plan");
    for name in ["ord_1", "ord_1-r1", "ord_2"] {
        start(&stack, name, &json!({})).await;
    }
    drop(until(&stack, "2026-11-23T04:10:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    let changes = of_kind(&events, "Step Functions Execution Status Change");
    let names: Vec<_> = changes.iter().map(|event| &event["detail"]["name"]).collect();
    assert_eq!(names, ["ord_2"]);
}

#[tokio::test]
async fn an_event_is_retried_twice_and_then_dropped_when_the_function_fails() {
    let stack = TestBed::with("PRINT_EVENTS: yes, FAIL_FIRST: 1000").stack().await;
    let busy = until(&stack, "2026-11-24T00:30:00Z").await;
    let before = stack.lambda().logs().find("Status Change").len();
    start(&stack, "ord_1", &json!({})).await;
    drop(busy);
    drop(until(&stack, "2026-11-24T00:40:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    assert_eq!(before, 0);
    let changes = of_kind(&events, "Step Functions Execution Status Change");
    assert_eq!(changes.len(), 3);
    assert!(
        changes.iter().all(|event| event["id"] == changes[0]["id"]),
        "all three are the same event"
    );
}

/// The webhooks of both providers reach their routes without a token, and the signed bytes
/// arrive unchanged.
#[tokio::test]
async fn webhooks_arrive_without_a_token_and_byte_for_byte() {
    let stack = TestBed::new().stack().await;
    let urls = stack.urls();
    let form = "amount=2599&currency=usd&payment_method=pm_card_visa&capture_method=manual\
                &description=caf%C3%A9&metadata[order_id]=ord_1";
    let created = post(format!("{}/v1/payment_intents", urls.stripe))
        .header("authorization", "Bearer sk_test_local")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await;
    assert_eq!(created.status, 200, "{:?}", created.body);
    label(&urls.easypost).await;
    drop(until(&stack, "2026-11-23T04:10:00Z").await);
    let events = events(stack, "order-api").await;
    let keys: Vec<_> = events.iter().map(|event| event["routeKey"].as_str()).collect();
    assert_eq!(keys, [Some("POST /webhooks/stripe"), Some("POST /webhooks/easypost")]);

    let (stripe, easypost) = (&events[0], &events[1]);
    let signature = stripe["headers"]["stripe-signature"].as_str().expect("a signature");
    let second = signature.strip_prefix("t=").and_then(|rest| rest.split(',').next());
    let second: i64 = second.and_then(|second| second.parse().ok()).expect("a time");
    let at = Timestamp::from_second(second).expect("a time");
    let body = body(stripe);
    assert!(body.windows(5).any(|part| part == "café".as_bytes()), "the body is not only ASCII");
    assert_eq!(signature, stripe_signature(STRIPE_WEBHOOK_SECRET, at, &body));
    let epoch = stripe["requestContext"]["timeEpoch"].as_i64().expect("a time");
    assert!(
        (0..=300).contains(&(epoch / 1000 - second)),
        "the signature is recent: {epoch}, {second}"
    );
    assert_eq!(stripe["requestContext"]["authorizer"], Value::Null);

    let signature = easypost["headers"]["x-hmac-signature"].as_str();
    let body = self::body(easypost);
    assert_eq!(signature, Some(&*easypost_signature(EASYPOST_WEBHOOK_SECRET, &body)));
    let webhook: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(webhook["description"], "tracker.created");
}

/// The body of an event, decoded.
fn body(event: &Value) -> Vec<u8> {
    let text = event["body"].as_str().expect("a body");
    if event["isBase64Encoded"] == true {
        return STANDARD.decode(text).expect("base64");
    }
    text.as_bytes().to_vec()
}

/// Buys a label for an order.
async fn label(carrier: &str) {
    let send = |path: String, body: Value| async move {
        let request = post(path).header("authorization", "Basic RVpUS2xvY2FsOg==");
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await;
        assert!(answer.status < 300, "{:?}", answer.body);
        answer.json()
    };
    let address = json!({
        "name": "A", "street1": "417 Montgomery Street", "city": "San Francisco", "state": "CA",
        "zip": "94104", "country": "US", "phone": "4155550100",
    });
    let shipment = json!({ "shipment": {
        "reference": "ord_1", "to_address": address, "from_address": address,
        "parcel": { "weight": 15.4 },
    } });
    let shipment = send(format!("{carrier}/v2/shipments"), shipment).await;
    let url = format!("{carrier}/v2/shipments/{}/buy", shipment["id"].as_str().expect("an id"));
    send(url, json!({ "rate": { "id": shipment["rates"][0]["id"] } })).await;
}

#[tokio::test]
async fn the_reconcilers_calls_count_for_no_order() {
    let stack = TestBed::new().stack().await;
    let event = json!({ "orderId": "ord_1" }).to_string();
    stack.lambda().invoke("reconcile-orders", event.into()).await.expect("an accepted invocation");
    let create = |key: &'static str| {
        let form = "amount=2599&currency=usd&metadata[order_id]=ord_1";
        let url = format!("{}/v1/payment_intents", stack.urls().stripe);
        post(url).header("authorization", key).body(form).send()
    };
    create("Bearer rk_test_local_reconcile_orders").await;
    let counts = stack.counters().for_order("ord_1");
    assert_eq!((counts.invocations, counts.payment_calls), (0, 0));
    create("Bearer sk_test_local_process_payment").await;
    assert_eq!(stack.counters().for_order("ord_1").payment_calls, 1);
    stack.shutdown().await;
}

/// The worker dies after its writes and before `StartExecution` has an effect.
#[tokio::test]
async fn a_kill_at_start_execution_kills_the_calling_worker_before_an_execution_starts() {
    let stack = TestBed::new().stack().await;
    let kill = json!([{ "at": "states.start", "kind": "kill", "calls": { "from": 1, "to": 1 } }]);
    stack.faults().add_json(&kill).expect("a plan");
    let machine = stack.step_functions().state_machine_arn();
    let event = json!({
        "do": "aws", "target": "AWSStepFunctions.StartExecution",
        "body": { "stateMachineArn": machine, "name": "ord_1", "input": "{}" },
    });
    let ask = || stack.lambda().invoke("order-api", event.to_string().into());
    let idle =
        stack.lambda().invoke("order-api", "{}".into()).await.expect("an accepted invocation");
    assert_eq!(idle.function_error, None);

    let killed = ask().await.expect("an accepted invocation");
    let error: Value = serde_json::from_slice(&killed.payload).expect("JSON");
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let arn = stack.step_functions().execution_arn("ord_1");
    let describe = json!({ "executionArn": arn });
    let unknown = stack.step_functions().api("DescribeExecution", describe.clone()).await;
    assert_eq!(unknown.expect_err("nothing was started").code, "ExecutionDoesNotExist");

    let again = ask().await.expect("an accepted invocation");
    assert_eq!(again.function_error, None);
    stack
        .step_functions()
        .api("DescribeExecution", describe)
        .await
        .expect("the execution exists now");
    stack.shutdown().await;
}

#[tokio::test]
async fn a_subscriber_can_act_at_the_time_of_a_write() {
    let stack = TestBed::new().stack().await;
    let mut writes = stack.order_writes();
    let busy = stack.clock().busy("the test");
    let event = json!({
        "do": "aws", "target": "DynamoDB_20120810.PutItem",
        "body": { "TableName": "Orders", "Item": { "orderId": { "S": "ord_1" } } },
    });
    stack
        .lambda()
        .invoke("order-api", event.to_string().into())
        .await
        .expect("an accepted invocation");
    let refused = json!({
        "TableName": "Orders", "Key": { "orderId": { "S": "ord_1" } },
        "ConditionExpression": "attribute_not_exists(orderId)",
    });
    stack
        .dynamodb()
        .call("UpdateItem", &refused, Caller::Other)
        .await
        .expect_err("the item exists");
    let day_after = stack.clock().now() + SignedDuration::from_hours(24);
    let sleep = stack.clock().sleep_until(day_after);
    drop(busy);

    let written = writes.recv().await.expect("it was written");
    assert_eq!(written.order_id, "ord_1");
    assert_eq!(written.writer, Caller::Function("order-api".to_owned()));
    // The clock could skip a day ahead, but the guard in the message holds it.
    tokio::task::yield_now().await;
    let passed = stack.clock().now().duration_since(written.at);
    assert!(
        passed < SignedDuration::from_mins(1),
        "{passed} passed before the subscriber could act"
    );
    drop(written);
    drop(sleep.await);
    let none = writes.try_recv();
    assert!(none.is_err(), "a rejected write is not published: {none:?}");
    stack.shutdown().await;
}
