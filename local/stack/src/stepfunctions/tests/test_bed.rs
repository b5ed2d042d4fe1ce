//! The service under test, with a clock that skips ahead, tables in memory and scripted functions.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;

use crate::aws::AwsError;
use crate::clock::{ClockSettings, StackClock};
use crate::counters::Counters;
use crate::dynamodb::{self, Caller, DynamoDb};
use crate::faults::Faults;
use crate::iam::Permissions;
use crate::lambda::{InvokeError, InvokeOutcome};
use crate::stepfunctions::{
    Deps, FunctionInvoker, InvocationFuture, ProgressEvent, ProgressNotification, StepFunctions,
    StoreLocation,
};

/// The response of a scripted function to one call.
#[derive(Debug, Clone)]
pub(super) enum Response {
    /// Returns this payload.
    Return(Value),
    /// Fails with this error type.
    Fail(&'static str),
    /// Lambda rejects the invocation.
    InvokeError(InvokeError),
    /// Never responds.
    Hang,
}

/// Functions with scripted responses. Without a script, a function returns its payload.
#[derive(Default)]
pub(super) struct ScriptedFunctions {
    responses: Mutex<BTreeMap<String, VecDeque<Response>>>,
    calls: Mutex<Vec<(String, Value)>>,
    killed: Mutex<Vec<u64>>,
    called: Notify,
    watcher: OnceLock<Watcher>,
}

/// Called with the function and payload of each call, before the response.
type Watcher = Box<dyn Fn(&str, &Value) + Send + Sync>;

impl std::fmt::Debug for ScriptedFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedFunctions")
            .field("responses", &self.responses)
            .finish_non_exhaustive()
    }
}

impl ScriptedFunctions {
    /// Calls this watcher for each call from now on.
    pub(super) fn watch(&self, watcher: impl Fn(&str, &Value) + Send + Sync + 'static) {
        assert!(self.watcher.set(Box::new(watcher)).is_ok(), "one watcher only");
    }

    /// Adds a response for the function's next call that has none yet.
    pub(super) fn respond_once(&self, function: &str, response: Response) {
        let mut responses = self.responses.lock().unwrap();
        responses.entry(function.to_owned()).or_default().push_back(response);
    }

    pub(super) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }

    /// The worker processes that a fault killed.
    pub(super) fn killed(&self) -> Vec<u64> {
        self.killed.lock().unwrap().clone()
    }

    /// Waits until functions were called this many times in all.
    pub(super) async fn wait_for_calls(&self, times: usize) {
        loop {
            let called = self.called.notified();
            if self.calls.lock().unwrap().len() >= times {
                return;
            }
            called.await;
        }
    }

    fn next(&self, function: &str, payload: &Bytes) -> Response {
        let name = function.split(':').nth(6).unwrap_or(function).to_owned();
        let sent: Value = serde_json::from_slice(payload).unwrap();
        if let Some(watcher) = self.watcher.get() {
            watcher(&name, &sent);
        }
        self.calls.lock().unwrap().push((name.clone(), sent.clone()));
        self.called.notify_waiters();
        let mut responses = self.responses.lock().unwrap();
        responses.get_mut(&name).and_then(VecDeque::pop_front).unwrap_or(Response::Return(sent))
    }
}

impl FunctionInvoker for ScriptedFunctions {
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> InvocationFuture<'a> {
        let response = self.next(function, &payload);
        Box::pin(async move {
            match response {
                Response::Return(value) => Ok(outcome(&value, false)),
                Response::Fail(name) => {
                    let error = json!({ "errorType": name, "errorMessage": "scripted" });
                    Ok(outcome(&error, true))
                }
                Response::InvokeError(error) => Err(error),
                Response::Hang => std::future::pending().await,
            }
        })
    }

    fn kill(&self, process: u64) {
        self.killed.lock().unwrap().push(process);
    }
}

fn outcome(payload: &Value, failed: bool) -> InvokeOutcome {
    InvokeOutcome {
        payload: Bytes::from(payload.to_string()),
        function_error: failed.then(|| "Unhandled".to_owned()),
        executed_version: "$LATEST".to_owned(),
        request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
    }
}

/// The service under test, and its dependencies.
pub(super) struct TestBed {
    pub(super) clock: StackClock,
    pub(super) functions: Arc<ScriptedFunctions>,
    pub(super) dynamodb: Arc<DynamoDb>,
    pub(super) counters: Counters,
    pub(super) faults: Faults,
    pub(super) states: StepFunctions,
    pub(super) progress: Receiver<ProgressNotification>,
}

pub(super) const START: &str = "2026-11-23T04:00:00Z";

impl TestBed {
    pub(super) async fn new() -> Self {
        Self::on(StoreLocation::Memory, START).await
    }

    pub(super) async fn on(store: StoreLocation, start: &str) -> Self {
        Self::with(ScriptedFunctions::default(), store, start).await
    }

    pub(super) async fn with(
        functions: ScriptedFunctions,
        store: StoreLocation,
        start: &str,
    ) -> Self {
        Self::enforcing(None, functions, store, start).await
    }

    /// A service that enforces these permissions.
    pub(super) async fn enforcing(
        permissions: Option<Arc<Permissions>>,
        functions: ScriptedFunctions,
        store: StoreLocation,
        start: &str,
    ) -> Self {
        let start: Timestamp = start.parse().unwrap();
        let clock = StackClock::new(ClockSettings {
            speed: NonZeroU32::MIN,
            skip: true,
            start: Some(start),
        });
        let functions = Arc::new(functions);
        let (counters, faults) = (Counters::new(), Faults::new());
        let dynamodb = Arc::new(tables(&clock, counters.clone(), faults.clone()).await);
        let deps = Deps {
            clock: clock.clone(),
            lambda: Arc::clone(&functions) as Arc<dyn FunctionInvoker>,
            dynamodb: Arc::clone(&dynamodb),
            store,
            counters: counters.clone(),
            faults: faults.clone(),
            permissions,
        };
        let states = StepFunctions::start(deps).await.unwrap();
        let progress = states.subscribe();
        Self { clock, functions, dynamodb, counters, faults, states, progress }
    }

    /// Makes the store reject writes, as on a full disk, or accept them again.
    pub(super) async fn set_disk_full(&self, full: bool) {
        let store = &self.states.driver.store;
        let set = store.run(move |sqlite| Ok(sqlite.pragma_update(None, "query_only", full)?));
        // The pragma takes effect although its transaction cannot be committed.
        let _not_committed = set.await;
    }

    /// The number of timers that are set.
    pub(super) fn timers(&self) -> usize {
        self.states.driver.timers()
    }

    /// Calls an operation that must succeed.
    pub(super) async fn call(&self, operation: &str, body: Value) -> Value {
        self.states
            .api(operation, body)
            .await
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Calls an operation that must fail.
    pub(super) async fn call_error(&self, operation: &str, body: Value) -> AwsError {
        self.states.api(operation, body).await.expect_err(operation)
    }

    /// Creates a state machine and returns its ARN.
    pub(super) async fn create(&self, name: &str, definition: &Value) -> String {
        let body = json!({
            "name": name, "definition": definition.to_string(), "roleArn": ROLE,
        });
        self.call("CreateStateMachine", body).await["stateMachineArn"].as_str().unwrap().to_owned()
    }

    /// Starts an execution and returns its ARN.
    pub(super) async fn start(&self, machine: &str, name: &str, input: &Value) -> String {
        let body = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
        self.call("StartExecution", body).await["executionArn"].as_str().unwrap().to_owned()
    }

    /// Waits until the execution has ended, and describes it.
    pub(super) async fn wait_for_end(&mut self, arn: &str) -> Value {
        self.wait_for(arn, |event| matches!(event, ProgressEvent::Ended { .. })).await;
        self.describe(arn).await
    }

    /// Waits for a progress event of the execution that matches.
    pub(super) async fn wait_for(&mut self, arn: &str, matches: impl Fn(&ProgressEvent) -> bool) {
        let wait = async {
            loop {
                let notification = self.progress.recv().await.unwrap();
                let progress = &notification.progress;
                if progress.execution_arn == arn && matches(&progress.event) {
                    return;
                }
            }
        };
        let limit = std::time::Duration::from_secs(20);
        let found = tokio::time::timeout(limit, wait).await;
        found.unwrap_or_else(|_| panic!("no such event of {arn}: {:?}", self.clock.pending()));
    }

    /// Starts an execution, waits for its end, and describes it.
    pub(super) async fn run(&mut self, machine: &str, name: &str, input: &Value) -> Value {
        let arn = self.start(machine, name, input).await;
        self.wait_for_end(&arn).await
    }

    pub(super) async fn describe(&self, arn: &str) -> Value {
        self.call("DescribeExecution", json!({ "executionArn": arn })).await
    }

    pub(super) async fn history(&self, arn: &str) -> Vec<Value> {
        let body = json!({ "executionArn": arn, "maxResults": 1000 });
        self.call("GetExecutionHistory", body).await["events"].as_array().unwrap().clone()
    }

    /// The types of the events in the history.
    pub(super) async fn event_types(&self, arn: &str) -> Vec<String> {
        let events = self.history(arn).await;
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) async fn item(&self, id: &str) -> Value {
        let key = json!({ "TableName": "Things", "Key": { "id": { "S": id } } });
        self.dynamodb.call("GetItem", &key, Caller::Other).await.unwrap()["Item"].clone()
    }
}

pub(super) const ROLE: &str = "arn:aws:iam::000000000000:role/workflow";

async fn tables(clock: &StackClock, counters: Counters, faults: Faults) -> DynamoDb {
    let deps = dynamodb::Deps { clock: clock.clone(), counters, faults, functions: None };
    let dynamodb = DynamoDb::open(dynamodb::Store::Memory, deps).unwrap();
    let table = json!({
        "TableName": "Things",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    dynamodb.call("CreateTable", &table, Caller::Other).await.unwrap();
    dynamodb
}

/// A state machine with one state.
pub(super) fn single_state(state: Value) -> Value {
    let mut state = state;
    if !["Succeed", "Fail"].contains(&state["Type"].as_str().unwrap()) {
        state["End"] = json!(true);
    }
    json!({ "StartAt": "Only", "States": { "Only": state } })
}

/// A task that calls a function by its ARN.
pub(super) fn function(name: &str) -> Value {
    json!({
        "Type": "Task",
        "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
    })
}

/// Parses a time of the API: epoch seconds, to the millisecond.
pub(super) fn parse_time(value: &Value) -> Timestamp {
    let text = value.as_number().unwrap().to_string();
    let (seconds, fraction) = text.split_once('.').unwrap();
    let digits = format!("{seconds}{fraction:0<3}");
    Timestamp::from_millisecond(digits.parse().unwrap()).unwrap()
}
