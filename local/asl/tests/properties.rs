//! For any definition, input and order of events, the engine does not panic or hang, keeps its
//! history in order, and reaches the same state when it is replayed.

mod test_bed;

use std::sync::Arc;

use asl::{Event, Execution, ExecutionStatus, StateMachine, TaskId, TimerId};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use test_bed::{TestBed, start_parameters};

const NAMES: [&str; 4] = ["A", "B", "C", "D"];
const ERRORS: [&str; 6] =
    ["Mine", "States.ALL", "States.TaskFailed", "States.Timeout", "States.Runtime", "Other"];
const PATHS: [&str; 9] = [
    "$",
    "$.a",
    "$.a[0]",
    "$.missing",
    "$.a[*]",
    "$..b",
    "$x",
    "$$.State.Name",
    "$$.Map.Item.Value",
];

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(json!("2026-11-23T05:00:00Z")),
        (0_u8..5).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abn]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn path() -> impl Strategy<Value = Value> {
    select(&PATHS[..]).prop_map(Value::from)
}

fn name() -> impl Strategy<Value = Value> {
    select(&NAMES[..]).prop_map(Value::from)
}

fn errors() -> impl Strategy<Value = Value> {
    prop::collection::vec(select(&ERRORS[..]), 1..3).prop_map(|errors| json!(errors))
}

fn template() -> impl Strategy<Value = Value> {
    prop_oneof![
        path().prop_map(|path| json!({ "n.$": path })),
        path()
            .prop_map(|path| json!({ "a.$": format!("States.Array({path}, 1)").replace('"', "") })),
        data().prop_map(|value| json!({ "a": value })),
    ]
}

/// Fields that most states may have, and the transition.
fn common_fields() -> impl Strategy<Value = Map<String, Value>> {
    let optional = |strategy: BoxedStrategy<Value>| prop::option::weighted(0.25, strategy);
    let result_path =
        prop_oneof![Just(Value::Null), Just(json!("$")), Just(json!("$.r")), Just(json!("$.a.b"))];
    (
        prop::option::weighted(0.7, name()),
        optional(prop_oneof![path(), Just(Value::Null)].boxed()),
        optional(prop_oneof![path(), Just(Value::Null)].boxed()),
        optional(result_path.boxed()),
        optional(template().boxed()),
        optional(template().boxed()),
        optional(path().prop_map(|path| json!({ "x.$": path })).boxed()),
    )
        .prop_map(|(next, input, output, result, parameters, selector, assign)| {
            let fields = [
                ("InputPath", input),
                ("OutputPath", output),
                ("ResultPath", result),
                ("Parameters", parameters),
                ("ResultSelector", selector),
                ("Assign", assign),
            ];
            let mut state: Map<String, Value> = fields
                .into_iter()
                .filter_map(|(field, value)| Some((field.to_owned(), value?)))
                .collect();
            match next {
                Some(next) => state.insert("Next".to_owned(), next),
                None => state.insert("End".to_owned(), json!(true)),
            };
            state
        })
}

fn error_handling() -> impl Strategy<Value = Value> {
    (errors(), errors(), name(), 0_u8..3, any::<bool>()).prop_map(
        |(retried, caught, next, attempts, full)| {
            json!({
                "Retry": [{ "ErrorEquals": retried, "MaxAttempts": attempts, "BackoffRate": 1.5,
                            "JitterStrategy": if full { "FULL" } else { "NONE" } }],
                "Catch": [{ "ErrorEquals": caught, "Next": next, "ResultPath": "$.e" }],
            })
        },
    )
}

fn task() -> impl Strategy<Value = Value> {
    let resource = select(vec![
        "arn:aws:lambda:us-east-1:000000000000:function:f",
        "arn:aws:states:us-east-1:000000000000:activity:a",
        "arn:aws:states:::dynamodb:putItem",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken",
    ]);
    (resource, prop::option::of(1_u8..9), prop::option::of(1_u8..9), prop::option::of(path()))
        .prop_map(|(resource, timeout, heartbeat, timeout_path)| {
            let mut state = json!({ "Type": "Task", "Resource": resource });
            set(&mut state, "TimeoutSeconds", timeout.map(Value::from));
            set(&mut state, "HeartbeatSeconds", heartbeat.map(Value::from));
            if timeout.is_none() {
                set(&mut state, "TimeoutSecondsPath", timeout_path);
            }
            state
        })
}

fn simple_state() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => data().prop_map(|result| json!({ "Type": "Pass", "Result": result })),
        1 => Just(json!({ "Type": "Pass" })),
        4 => (task(), error_handling()).prop_map(|(task, error_handling)| merge(task, &error_handling)),
        2 => (path(), data(), name(), prop::option::of(name())).prop_map(|(path, value, next, other)| {
            let rule = match &value {
                Value::String(_) => json!({ "Variable": path, "StringEquals": value, "Next": next }),
                _ => json!({ "Variable": path, "IsPresent": true, "Next": next }),
            };
            let mut state = json!({ "Type": "Choice", "Choices": [rule] });
            set(&mut state, "Default", other);
            state
        }),
        1 => (0_u8..9).prop_map(|seconds| json!({ "Type": "Wait", "Seconds": seconds })),
        1 => path().prop_map(|path| json!({ "Type": "Wait", "SecondsPath": path })),
        1 => path().prop_map(|path| json!({ "Type": "Wait", "TimestampPath": path })),
        1 => Just(json!({ "Type": "Succeed" })),
        1 => (path(), select(&ERRORS[..])).prop_map(|(path, error)|
            json!({ "Type": "Fail", "CausePath": path, "Error": error })),
    ]
}

fn set(state: &mut Value, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        state[field] = value;
    }
}

fn merge(mut state: Value, fields: &Value) -> Value {
    for (field, value) in fields.as_object().expect("an object") {
        state[field] = value.clone();
    }
    state
}

fn workflow(state: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec((state, common_fields()), NAMES.len()).prop_map(|states| {
        let states = NAMES.iter().zip(states).map(|(name, (state, common_fields))| {
            let is_end =
                ["Choice", "Succeed", "Fail"].contains(&state["Type"].as_str().expect("a type"));
            let common_fields = common_fields
                .into_iter()
                .filter(|(field, _)| !(is_end && ["Next", "End"].contains(&field.as_str())));
            let mut state = state;
            for (field, value) in common_fields {
                state[field] = value;
            }
            ((*name).to_owned(), state)
        });
        json!({ "StartAt": "A", "States": Value::Object(states.collect()) })
    })
}

fn definition() -> impl Strategy<Value = Value> {
    let leaf = simple_state().boxed();
    let nested = leaf.prop_recursive(2, 16, 4, |inner| {
        let branches = prop::collection::vec(workflow(inner.clone()), 1..3);
        let parallel = (branches, error_handling()).prop_map(|(branches, error_handling)| {
            merge(json!({ "Type": "Parallel", "Branches": branches }), &error_handling)
        });
        let modes = select(vec!["INLINE", "DISTRIBUTED"]);
        let map = (
            workflow(inner.clone()),
            error_handling(),
            path(),
            0_u8..3,
            modes,
            prop::option::of(0_u8..3),
        )
            .prop_map(|(mut processor, error_handling, path, concurrency, mode, tolerated)| {
                processor["ProcessorConfig"] = json!({ "Mode": mode });
                let mut map = json!({ "Type": "Map", "ItemsPath": path, "ItemProcessor": processor,
                                      "MaxConcurrency": concurrency });
                set(&mut map, "ToleratedFailureCount", tolerated.map(Value::from));
                merge(map, &error_handling)
            });
        prop_oneof![3 => inner, 1 => parallel, 1 => map]
    });
    (workflow(nested), prop::option::of(1_u16..100)).prop_map(|(mut definition, timeout)| {
        set(&mut definition, "TimeoutSeconds", timeout.map(Value::from));
        definition
    })
}

/// An action of the environment; most act on an open call or timer.
#[derive(Debug, Clone)]
enum Action {
    Succeed(Value),
    Fail(String),
    Submit,
    Start,
    Heartbeat,
    FireTimer,
    Stop,
    Redrive,
    Other(Event),
}

fn action() -> impl Strategy<Value = Action> {
    let other = prop_oneof![
        (0_u64..20)
            .prop_map(|task| Event::TaskSucceeded { task: TaskId(task), output: "{}".to_owned() }),
        (0_u64..20)
            .prop_map(|task| Event::TaskSucceeded { task: TaskId(task), output: "}{".to_owned() }),
        (0_u64..20).prop_map(|task| Event::TaskFailed {
            task: TaskId(task),
            error: None,
            cause: None
        }),
        (0_u64..20).prop_map(|task| Event::TaskHeartbeat { task: TaskId(task) }),
        (0_u64..20).prop_map(|timer| Event::TimerFired { timer: TimerId(timer) }),
    ];
    prop_oneof![
        6 => data().prop_map(Action::Succeed),
        4 => select(&ERRORS[..]).prop_map(|error| Action::Fail(error.to_owned())),
        2 => Just(Action::Submit),
        2 => Just(Action::Start),
        1 => Just(Action::Heartbeat),
        6 => Just(Action::FireTimer),
        1 => Just(Action::Stop),
        1 => Just(Action::Redrive),
        2 => other.prop_map(Action::Other),
    ]
}

fn perform(test_bed: &mut TestBed, action: Action) {
    let task = test_bed.calls.front().map(|(task, _)| *task);
    match (action, task) {
        (Action::Succeed(result), Some(_)) => test_bed.succeed_task(&result),
        (Action::Fail(error), Some(_)) => test_bed.fail_task(&error),
        (Action::Submit, Some(task)) => {
            test_bed.send(Event::TaskSubmitted { task, output: "{}".to_owned() });
        }
        (Action::Start, Some(task)) => test_bed.send(Event::TaskStarted { task, worker: None }),
        (Action::Heartbeat, Some(task)) => test_bed.send(Event::TaskHeartbeat { task }),
        (Action::FireTimer, _) if !test_bed.timers.is_empty() => {
            test_bed.fire_next_timer();
        }
        (Action::Stop, _) => test_bed.send(Event::StopRequested { error: None, cause: None }),
        (Action::Redrive, _) => test_bed.send(Event::Redriven),
        (Action::Other(event), _) => test_bed.send(event),
        _ => {}
    }
}

fn check_history(test_bed: &TestBed) {
    let history = test_bed.execution.history();
    assert!(history.len() <= 25_000 || test_bed.execution.redrive_count() > 0);
    for (event, id) in history.iter().zip(1..) {
        assert_eq!(event.id, id);
        assert!(event.previous_event_id < id, "{event:?}");
    }
    if *test_bed.status() != ExecutionStatus::Running {
        assert!(test_bed.timers.is_empty(), "timers after the end: {:?}", test_bed.timers);
        assert!(test_bed.calls.is_empty(), "calls after the end: {:?}", test_bed.calls);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_execution_handles_any_events_and_equals_its_replay(
        definition in definition(),
        input in data(),
        actions in prop::collection::vec(action(), 0..40),
    ) {
        let machine = Arc::new(StateMachine::parse(&definition.to_string()).unwrap());
        let mut test_bed = TestBed::from_machine(Arc::clone(&machine), start_parameters(&input));
        check_history(&test_bed);
        for action in actions {
            let ended = *test_bed.status() != ExecutionStatus::Running;
            let before = test_bed.execution.history().len();
            let redriven = matches!(action, Action::Redrive);
            perform(&mut test_bed, action);
            check_history(&test_bed);
            if ended && !redriven {
                prop_assert_eq!(test_bed.execution.history().len(), before);
            }
        }
        let at = test_bed::START_TIME.parse().unwrap();
        let (mut replayed, _) = Execution::start(machine, start_parameters(&input), at);
        for (event, at) in &test_bed.sent {
            replayed.handle(event.clone(), *at);
        }
        prop_assert_eq!(replayed.history(), test_bed.execution.history());
        prop_assert_eq!(replayed.status(), test_bed.status());
        // The rest of the state, unless a loop made it megabytes long.
        if replayed.history().len() < 500 {
            prop_assert_eq!(format!("{replayed:?}"), format!("{:?}", test_bed.execution));
        }
    }

    #[test]
    fn a_stored_event_deserializes_to_itself(action in action()) {
        if let Action::Other(event) = action {
            let stored = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
        }
    }

    #[test]
    fn any_text_is_parsed_or_rejected(text in "\\PC*", value in data()) {
        let _ = StateMachine::parse(&text);
        let _ = StateMachine::parse(&value.to_string());
        let _ = StateMachine::parse(&json!({ "StartAt": "A", "States": { "A": value } }).to_string());
    }
}
