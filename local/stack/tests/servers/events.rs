//! What invokes functions by itself, in a whole stack: schedules, the end of an
//! execution, webhooks; and the deaths of those who call Step Functions. The template
//! is this test's own, and its functions are the probe.

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

/// A workspace with this test's template, and a stack on it.
struct TestBed {
    folder: tempfile::TempDir,
}

impl TestBed {
    fn new() -> Self {
        Self::with("PRINT_EVENTS: yes")
    }

    /// With this environment for the function that the events invoke.
    fn with(environment: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("it is written");
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
        Stack::start(settings.with_clock(clock(START))).await.expect("it starts")
    }

    /// One that keeps its state in the folder.
    async fn kept(&self, start: &str) -> Stack {
        let (root, state) = (self.folder.path(), self.folder.path().join("state"));
        let settings =
            Settings::persistent(root, probes(), Ports::default(), clock(start), state, false);
        Stack::start(settings).await.expect("it starts")
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

/// Lets the clock run on, with everything that is due on the way.
async fn until(stack: &Stack, time: &str) -> BusyGuard {
    let sleep = stack.clock().sleep_until(time.parse().expect("a time"));
    let came = tokio::time::timeout(Duration::from_mins(1), sleep).await;
    came.unwrap_or_else(|_| panic!("{time} never comes: {:?}", stack.clock().pending()))
}

/// Ends the stack; every event that a function has got, oldest first.
async fn events(stack: Stack, function: &str) -> Vec<Value> {
    let lambda = Arc::clone(stack.lambda());
    stack.shutdown().await; // Now everything is read that was printed.
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
    stack.step_functions().api("StartExecution", body).await.expect("it is started");
}

async fn put(stack: &Stack, item: Value) {
    let put = json!({ "TableName": "Orders", "Item": item });
    stack.dynamodb().call("PutItem", &put, Caller::Other).await.expect("it is written");
}

#[tokio::test]
async fn schedules_tick_by_the_stacks_clock_and_those_of_open_orders_by_need() {
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
async fn a_stack_that_is_started_again_goes_on_looking() {
    let test_bed = TestBed::new();
    let first = test_bed.kept(START).await;
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

    let second = test_bed.kept("2026-11-23T06:00:10Z").await;
    drop(until(&second, "2026-11-23T18:30:30Z").await);
    let seen = events(second, "reconcile-orders").await;
    let times: Vec<_> = ticks(&seen).into_iter().map(|(_, time)| time).collect();
    assert_eq!(times, ["2026-11-23T06:01:00Z", "2026-11-23T18:30:00Z"]);
}

#[tokio::test]
async fn the_end_of_an_execution_is_told_to_the_function_of_the_rule() {
    let stack = TestBed::new().stack().await;
    start(&stack, "ord_1", &json!({ "orderId": "ord_1" })).await;
    start(&stack, "ord_2", &json!({ "orderId": "ord_2", "fail": true })).await;
    drop(until(&stack, "2026-11-23T04:10:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    let mut told: Vec<_> = of_kind(&events, "Step Functions Execution Status Change")
        .into_iter()
        .map(|event| {
            let detail = &event["detail"];
            assert_eq!(event["resources"][0], detail["executionArn"]);
            assert!(detail["stopDate"].as_i64() >= detail["startDate"].as_i64());
            let field = |name: &str| detail[name].as_str().unwrap_or("-").to_owned();
            ["name", "status", "input", "error"].map(field)
        })
        .collect();
    told.sort();
    let input = |order: &str, more: &str| format!("{{\"orderId\":\"{order}\"{more}}}");
    let succeeded = ["ord_1", "SUCCEEDED", &input("ord_1", ""), "-"].map(str::to_owned);
    let failed = ["ord_2", "FAILED", &input("ord_2", ",\"fail\":true"), "Asked"];
    assert_eq!(told, [succeeded, failed.map(str::to_owned)]);
}

#[tokio::test]
async fn the_clock_stands_until_the_function_has_been_told() {
    let stack = TestBed::new().stack().await;
    let began = stack.clock().now();
    let mut moves = stack.step_functions().subscribe();
    start(&stack, "ord_1", &json!({})).await;
    // What is told next to us must not be overtaken by what we wait for.
    let later = stack.clock().sleep_until(began + SignedDuration::from_secs(10));
    while let Ok(watched) = moves.recv().await {
        if matches!(watched.progress.step, local_stack::stepfunctions::Moved::Ended { .. }) {
            break;
        }
    }
    drop(moves);
    drop(later.await);
    let events = events(stack, "reconcile-orders").await;
    assert_eq!(of_kind(&events, "Step Functions Execution Status Change").len(), 1);
}

#[tokio::test]
async fn a_status_change_gets_lost_when_a_plan_says_so() {
    let stack = TestBed::new().stack().await;
    let lost = json!([{ "at": "events.status-change", "kind": "drop", "order": "ord_1" }]);
    stack.faults().add_json(&lost).expect("a plan");
    for name in ["ord_1", "ord_1-r1", "ord_2"] {
        start(&stack, name, &json!({})).await;
    }
    drop(until(&stack, "2026-11-23T04:10:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    let told = of_kind(&events, "Step Functions Execution Status Change");
    let names: Vec<_> = told.iter().map(|event| &event["detail"]["name"]).collect();
    assert_eq!(names, ["ord_2"]);
}

#[tokio::test]
async fn an_event_whose_function_fails_comes_twice_more_and_is_then_dropped() {
    let stack = TestBed::with("PRINT_EVENTS: yes, FAIL_FIRST: 1000").stack().await;
    let busy = until(&stack, "2026-11-24T00:30:00Z").await;
    let before = stack.lambda().logs().find("Status Change").len();
    start(&stack, "ord_1", &json!({})).await;
    drop(busy);
    drop(until(&stack, "2026-11-24T00:40:00Z").await);
    let events = events(stack, "reconcile-orders").await;
    assert_eq!(before, 0);
    let told = of_kind(&events, "Step Functions Execution Status Change");
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|event| event["id"] == told[0]["id"]), "it is the same event");
}

/// The gateway's and the carrier's webhooks reach their routes with no token, and what
/// was signed is what arrives.
#[tokio::test]
async fn webhooks_arrive_without_a_token_and_byte_for_byte() {
    let stack = TestBed::new().stack().await;
    let urls = stack.urls();
    let form = "amount=2599&currency=usd&payment_method=pm_card_visa&capture_method=manual\
                &description=caf%C3%A9&metadata[order_id]=ord_1";
    let created = post(format!("{}/v1/payment_intents", urls.gateway))
        .header("authorization", "Bearer sk_test_local")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await;
    assert_eq!(created.status, 200, "{:?}", created.body);
    label(&urls.carrier).await;
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
    assert!(body.windows(5).any(|part| part == "café".as_bytes()), "it is not all ASCII");
    assert_eq!(signature, stripe_signature(STRIPE_WEBHOOK_SECRET, at, &body));
    let epoch = stripe["requestContext"]["timeEpoch"].as_i64().expect("a time");
    assert!((0..=300).contains(&(epoch / 1000 - second)), "it is of now: {epoch}, {second}");
    assert_eq!(stripe["requestContext"]["authorizer"], Value::Null);

    let signature = easypost["headers"]["x-hmac-signature"].as_str();
    let body = self::body(easypost);
    assert_eq!(signature, Some(&*easypost_signature(EASYPOST_WEBHOOK_SECRET, &body)));
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(told["description"], "tracker.created");
}

/// What a function reads of the body of an event.
fn body(event: &Value) -> Vec<u8> {
    let text = event["body"].as_str().expect("a body");
    if event["isBase64Encoded"] == true {
        return STANDARD.decode(text).expect("base64");
    }
    text.as_bytes().to_vec()
}

/// Buys a label of an order.
async fn label(carrier: &str) {
    let ask = |path: String, body: Value| async move {
        let asked = post(path).header("authorization", "Basic RVpUS2xvY2FsOg==");
        let asked = asked.header("content-type", "application/json").body(body.to_string());
        let answer = asked.send().await;
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
    let shipment = ask(format!("{carrier}/v2/shipments"), shipment).await;
    let url = format!("{carrier}/v2/shipments/{}/buy", shipment["id"].as_str().expect("an id"));
    ask(url, json!({ "rate": { "id": shipment["rates"][0]["id"] } })).await;
}

#[tokio::test]
async fn the_reconcilers_work_is_counted_for_no_order() {
    let stack = TestBed::new().stack().await;
    let event = json!({ "orderId": "ord_1" }).to_string();
    stack.lambda().invoke("reconcile-orders", event.into()).await.expect("it runs");
    let create = |key: &'static str| {
        let form = "amount=2599&currency=usd&metadata[order_id]=ord_1";
        let url = format!("{}/v1/payment_intents", stack.urls().gateway);
        post(url).header("authorization", key).body(form).send()
    };
    create("Bearer sk_test_local_reconcile_orders").await;
    let counts = stack.counters().for_order("ord_1");
    assert_eq!((counts.invocations, counts.payment_calls), (0, 0));
    create("Bearer sk_test_local_process_payment").await;
    assert_eq!(stack.counters().for_order("ord_1").payment_calls, 1);
    stack.shutdown().await;
}

/// Between what it had written and what it was about to start.
#[tokio::test]
async fn a_kill_at_the_start_takes_the_process_that_asks_before_anything_is_started() {
    let stack = TestBed::new().stack().await;
    let kill = json!([{ "at": "states.start", "kind": "kill", "calls": { "from": 1, "to": 1 } }]);
    stack.faults().add_json(&kill).expect("a plan");
    let machine = stack.step_functions().state_machine_arn();
    let event = json!({
        "do": "aws", "target": "AWSStepFunctions.StartExecution",
        "body": { "stateMachineArn": machine, "name": "ord_1", "input": "{}" },
    });
    let ask = || stack.lambda().invoke("order-api", event.to_string().into());
    let idle = stack.lambda().invoke("order-api", "{}".into()).await.expect("it runs");
    assert_eq!(idle.function_error, None);

    let killed = ask().await.expect("it runs");
    let error: Value = serde_json::from_slice(&killed.payload).expect("JSON");
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let arn = stack.step_functions().execution_arn("ord_1");
    let describe = json!({ "executionArn": arn });
    let unknown = stack.step_functions().api("DescribeExecution", describe.clone()).await;
    assert_eq!(unknown.expect_err("nothing was started").code, "ExecutionDoesNotExist");

    let again = ask().await.expect("it runs");
    assert_eq!(again.function_error, None);
    stack.step_functions().api("DescribeExecution", describe).await.expect("now it is there");
    stack.shutdown().await;
}

#[tokio::test]
async fn whoever_watches_orders_can_act_at_the_moment_of_a_write() {
    let stack = TestBed::new().stack().await;
    let mut writes = stack.order_writes();
    let busy = stack.clock().busy("the test");
    let event = json!({
        "do": "aws", "target": "DynamoDB_20120810.PutItem",
        "body": { "TableName": "Orders", "Item": { "orderId": { "S": "ord_1" } } },
    });
    stack.lambda().invoke("order-api", event.to_string().into()).await.expect("it runs");
    let refused = json!({
        "TableName": "Orders", "Key": { "orderId": { "S": "ord_1" } },
        "ConditionExpression": "attribute_not_exists(orderId)",
    });
    stack.dynamodb().call("UpdateItem", &refused, Caller::Other).await.expect_err("it is there");
    let day_after = stack.clock().now() + SignedDuration::from_hours(24);
    let sleep = stack.clock().sleep_until(day_after);
    drop(busy);

    let written = writes.recv().await.expect("it was written");
    assert_eq!(written.order_id, "ord_1");
    assert_eq!(written.writer, Caller::Function("order-api".to_owned()));
    // The clock has a day to leap, and stands all the same.
    tokio::task::yield_now().await;
    let passed = stack.clock().now().duration_since(written.at);
    assert!(passed < SignedDuration::from_mins(1), "{passed} passed before anyone could act");
    drop(written);
    drop(sleep.await);
    let none = writes.try_recv();
    assert!(none.is_err(), "a refused write is no write: {none:?}");
    stack.shutdown().await;
}
