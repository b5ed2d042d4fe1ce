//! What the tests stand on: a leaping clock, tables in memory, scripted functions.

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
use crate::lambda::{InvokeError, InvokeOutcome};
use crate::stepfunctions::{Deps, Functions, Invocation, Moved, Place, StepFunctions, Watched};

/// What a scripted function does when it is called.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers with this.
    Return(Value),
    /// Fails with this error type.
    Throw(&'static str),
    /// Lambda refuses.
    Refuse(InvokeError),
    /// Never answers.
    Hang,
}

/// Functions that do what a script says; without a script, they return their payload.
#[derive(Default)]
pub(super) struct Script {
    acts: Mutex<BTreeMap<String, VecDeque<Act>>>,
    calls: Mutex<Vec<(String, Value)>>,
    killed: Mutex<Vec<u64>>,
    called: Notify,
    watcher: OnceLock<Watcher>,
}

/// Sees each call, by function and payload, before it is answered.
type Watcher = Box<dyn Fn(&str, &Value) + Send + Sync>;

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("acts", &self.acts).finish_non_exhaustive()
    }
}

impl Script {
    /// Shows each call to this watcher from now on.
    pub(super) fn watch(&self, watcher: impl Fn(&str, &Value) + Send + Sync + 'static) {
        assert!(self.watcher.set(Box::new(watcher)).is_ok(), "one watcher only");
    }

    pub(super) fn then(&self, function: &str, act: Act) {
        let mut acts = self.acts.lock().unwrap();
        acts.entry(function.to_owned()).or_default().push_back(act);
    }

    pub(super) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }

    /// The processes that a fault has killed.
    pub(super) fn killed(&self) -> Vec<u64> {
        self.killed.lock().unwrap().clone()
    }

    /// Waits until functions were called so many times in all.
    pub(super) async fn called(&self, times: usize) {
        loop {
            let called = self.called.notified();
            if self.calls.lock().unwrap().len() >= times {
                return;
            }
            called.await;
        }
    }

    fn next(&self, function: &str, payload: &Bytes) -> Act {
        let name = function.split(':').nth(6).unwrap_or(function).to_owned();
        let sent: Value = serde_json::from_slice(payload).unwrap();
        if let Some(watcher) = self.watcher.get() {
            watcher(&name, &sent);
        }
        self.calls.lock().unwrap().push((name.clone(), sent.clone()));
        self.called.notify_waiters();
        let mut acts = self.acts.lock().unwrap();
        acts.get_mut(&name).and_then(VecDeque::pop_front).unwrap_or(Act::Return(sent))
    }
}

impl Functions for Script {
    fn invoke<'a>(&'a self, function: &'a str, payload: Bytes) -> Invocation<'a> {
        let act = self.next(function, &payload);
        Box::pin(async move {
            match act {
                Act::Return(value) => Ok(outcome(&value, false)),
                Act::Throw(name) => {
                    let error = json!({ "errorType": name, "errorMessage": "as told" });
                    Ok(outcome(&error, true))
                }
                Act::Refuse(error) => Err(error),
                Act::Hang => std::future::pending().await,
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
        log_tail: Vec::new(),
    }
}

/// The service, and everything that it stands on.
pub(super) struct Bench {
    pub(super) clock: StackClock,
    pub(super) script: Arc<Script>,
    pub(super) dynamodb: Arc<DynamoDb>,
    pub(super) counters: Counters,
    pub(super) faults: Faults,
    pub(super) states: StepFunctions,
    pub(super) moves: Receiver<Watched>,
}

pub(super) const START: &str = "2026-11-23T04:00:00Z";

impl Bench {
    pub(super) async fn new() -> Self {
        Self::over(Place::Memory, START).await
    }

    pub(super) async fn over(place: Place, start: &str) -> Self {
        Self::with(Script::default(), place, start).await
    }

    pub(super) async fn with(script: Script, place: Place, start: &str) -> Self {
        let start: Timestamp = start.parse().unwrap();
        let clock = StackClock::new(ClockSettings {
            speed: NonZeroU32::MIN,
            skip: true,
            start: Some(start),
        });
        let script = Arc::new(script);
        let (counters, faults) = (Counters::new(), Faults::new());
        let dynamodb = Arc::new(tables(&clock, counters.clone(), faults.clone()).await);
        let deps = Deps {
            clock: clock.clone(),
            lambda: Arc::clone(&script) as Arc<dyn Functions>,
            dynamodb: Arc::clone(&dynamodb),
            store: place,
            counters: counters.clone(),
            faults: faults.clone(),
        };
        let states = StepFunctions::start(deps).await.unwrap();
        let moves = states.subscribe();
        Self { clock, script, dynamodb, counters, faults, states, moves }
    }

    /// Whether the store refuses to write, as on a full disk.
    pub(super) async fn full_disk(&self, full: bool) {
        let store = &self.states.driver.store;
        let told = store.run(move |sqlite| Ok(sqlite.pragma_update(None, "query_only", full)?));
        // The wish is heard, although the transaction around it cannot be written.
        let _readonly = told.await;
    }

    /// How many timers are set.
    pub(super) fn timers(&self) -> usize {
        self.states.driver.timers()
    }

    pub(super) async fn call(&self, operation: &str, body: Value) -> Value {
        self.states
            .api(operation, body)
            .await
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    pub(super) async fn refused(&self, operation: &str, body: Value) -> AwsError {
        self.states.api(operation, body).await.expect_err(operation)
    }

    /// Creates a machine and gives its ARN.
    pub(super) async fn machine(&self, name: &str, definition: &Value) -> String {
        let body = json!({
            "name": name, "definition": definition.to_string(), "roleArn": ROLE,
        });
        self.call("CreateStateMachine", body).await["stateMachineArn"].as_str().unwrap().to_owned()
    }

    /// Starts an execution and gives its ARN.
    pub(super) async fn begin(&self, machine: &str, name: &str, input: &Value) -> String {
        let body = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
        self.call("StartExecution", body).await["executionArn"].as_str().unwrap().to_owned()
    }

    /// Waits until the execution has ended, and describes it.
    pub(super) async fn ended(&mut self, arn: &str) -> Value {
        self.moved(arn, |step| matches!(step, Moved::Ended { .. })).await;
        self.describe(arn).await
    }

    /// Waits until the execution makes such a move.
    pub(super) async fn moved(&mut self, arn: &str, is: impl Fn(&Moved) -> bool) {
        let wait = async {
            loop {
                let watched = self.moves.recv().await.unwrap();
                if watched.progress.execution_arn == arn && is(&watched.progress.step) {
                    return;
                }
            }
        };
        let patience = std::time::Duration::from_secs(20);
        let held = tokio::time::timeout(patience, wait).await;
        held.unwrap_or_else(|_| panic!("{arn} does not move: {:?}", self.clock.pending()));
    }

    /// Starts, waits for the end, describes.
    pub(super) async fn run(&mut self, machine: &str, name: &str, input: &Value) -> Value {
        let arn = self.begin(machine, name, input).await;
        self.ended(&arn).await
    }

    pub(super) async fn describe(&self, arn: &str) -> Value {
        self.call("DescribeExecution", json!({ "executionArn": arn })).await
    }

    pub(super) async fn history(&self, arn: &str) -> Vec<Value> {
        let body = json!({ "executionArn": arn, "maxResults": 1000 });
        self.call("GetExecutionHistory", body).await["events"].as_array().unwrap().clone()
    }

    /// The types of the events of its history.
    pub(super) async fn types(&self, arn: &str) -> Vec<String> {
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

/// A machine of one state.
pub(super) fn only(state: Value) -> Value {
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

/// A time as the API gives it: seconds, to the millisecond.
pub(super) fn date(value: &Value) -> Timestamp {
    let text = value.as_number().unwrap().to_string();
    let (seconds, fraction) = text.split_once('.').unwrap();
    let digits = format!("{seconds}{fraction:0<3}");
    Timestamp::from_millisecond(digits.parse().unwrap()).unwrap()
}
