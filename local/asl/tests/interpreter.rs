//! What an execution does, as those see it who drive it: its calls, its timers,
//! its history and its end.

mod world;

use asl::{Event, ExecutionStatus, Resource, StateMachine};
use serde_json::{Value, json};
use world::World;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:book";

fn task(more: &Value) -> Value {
    merge(&json!({ "Type": "Task", "Resource": FUNCTION, "End": true }), more)
}

fn callback(more: &Value) -> Value {
    let resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
    task(&merge(&json!({ "Resource": resource }), more))
}

fn merge(base: &Value, more: &Value) -> Value {
    let mut merged = base.clone();
    for (field, value) in more.as_object().expect("an object") {
        merged[field] = value.clone();
    }
    merged
}

/// A machine whose first state is `T`, with a `Caught` beside it.
fn machine(state: &Value) -> Value {
    json!({ "StartAt": "T", "States": { "T": state, "Caught": { "Type": "Pass", "End": true } } })
}

fn branch(name: &str, state: &Value) -> Value {
    json!({ "StartAt": name, "States": { name: state } })
}

fn error_of(error: &str) -> Value {
    json!({ "Error": error, "Cause": "because" })
}

#[test]
fn a_function_gets_its_input_and_its_result_is_the_output() {
    let mut world = World::new(&machine(&task(&json!({}))), &json!({ "order": 1 }));
    let (task, request) = world.call();
    assert_eq!(request.resource, Resource::Lambda { arn: FUNCTION.to_owned() });
    assert_eq!(request.parameters, json!({ "order": 1 }));
    assert_eq!((request.attempt, request.token), (1, None));
    world.tell(Event::TaskStarted { task, worker: None });
    world.tell(Event::TaskSucceeded { task, output: "{\"booked\":true}".to_owned() });
    assert_eq!(world.output(), json!({ "booked": true }));
    assert_eq!(
        world.lines(),
        [
            "1 0 ExecutionStarted",
            "2 0 TaskStateEntered T",
            "3 2 LambdaFunctionScheduled",
            "4 3 LambdaFunctionStarted",
            "5 4 LambdaFunctionSucceeded",
            "6 5 TaskStateExited T",
            "7 6 ExecutionSucceeded",
        ]
    );
}

#[test]
fn an_answer_to_a_call_that_was_not_begun_begins_it() {
    let mut world = World::new(&machine(&task(&json!({}))), &json!({}));
    world.answer(&json!(1));
    assert_eq!(world.lines_from(4)[0], "4 3 LambdaFunctionStarted");
}

#[test]
fn late_and_repeated_and_unknown_events_change_nothing() {
    let mut world = World::new(&machine(&task(&json!({}))), &json!({}));
    let (task, _) = world.call();
    world.tell(Event::TaskSucceeded { task, output: "1".to_owned() });
    let ended = world.lines();
    for event in [
        Event::TaskSucceeded { task, output: "2".to_owned() },
        Event::TaskFailed { task, error: None, cause: None },
        Event::TaskHeartbeat { task },
        Event::TaskStarted { task: asl::TaskId(99), worker: None },
        Event::TimerFired { timer: asl::TimerId(99) },
        Event::StopRequested { error: None, cause: None },
        Event::Redriven,
    ] {
        world.tell(event);
    }
    assert_eq!(world.lines(), ended);
    assert_eq!(world.output(), json!(1));
}

#[test]
fn each_retrier_counts_for_itself_and_pauses_as_it_says() {
    let retry = json!([
        { "ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 3 },
        { "ErrorEquals": ["B"], "IntervalSeconds": 10, "MaxAttempts": 1 },
    ]);
    let mut world = World::new(&machine(&task(&json!({ "Retry": retry }))), &json!({}));
    for (error, pause) in [("A", 1), ("B", 10), ("A", 3)] {
        world.fail(error);
        assert_eq!(world.wait(), pause, "after {error}");
    }
    assert_eq!(world.calls[0].1.attempt, 4);
    world.fail("A");
    assert_eq!(world.error().0, "A");
}

#[test]
fn a_retrier_starts_anew_when_its_state_is_entered_again() {
    let states = json!({
        "T": task(&json!({
            "Retry": [{ "ErrorEquals": ["A"], "MaxAttempts": 1, "IntervalSeconds": 5 }],
            "Catch": [{ "ErrorEquals": ["B"], "Next": "Again" }],
        })),
        "Again": { "Type": "Pass", "Next": "T" },
    });
    let mut world = World::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    world.fail("A");
    world.wait();
    world.fail("B");
    world.fail("A");
    assert_eq!(world.wait(), 5);
    assert_eq!(world.calls[0].1.attempt, 2);
}

#[test]
fn a_catcher_gets_the_error_where_it_asks_for_it() {
    let catch = json!([{ "ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.failed", "Next": "Caught" }]);
    let mut world = World::new(&machine(&task(&json!({ "Catch": catch }))), &json!({ "order": 1 }));
    world.fail("OutOfStock");
    assert_eq!(world.output(), json!({ "order": 1, "failed": error_of("OutOfStock") }));
}

#[test]
fn what_the_definition_does_wrong_is_not_caught() {
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }]);
    let state = task(&json!({ "OutputPath": "$.nowhere", "Catch": catch }));
    let mut world = World::new(&machine(&state), &json!({}));
    world.answer(&json!({}));
    let (error, cause) = world.error();
    assert_eq!(error, "States.Runtime");
    assert!(
        cause.starts_with(
            "An error occurred while executing the state 'T' (entered at the event id #2)."
        ),
        "{cause}"
    );
}

#[test]
fn a_task_that_takes_too_long_times_out_and_its_answer_comes_too_late() {
    let catch = json!([{ "ErrorEquals": ["States.TaskFailed"], "Next": "Caught" },
                       { "ErrorEquals": ["States.Timeout"], "Next": "Caught" }]);
    let state = task(&json!({ "TimeoutSeconds": 5, "Catch": catch }));
    let mut world = World::new(&machine(&state), &json!({}));
    let (task, _) = world.calls[0].clone();
    world.tell(Event::TaskStarted { task, worker: None });
    assert_eq!(world.wait(), 5);
    assert_eq!(world.abandoned, [task]);
    world.tell(Event::TaskSucceeded { task, output: "1".to_owned() });
    assert_eq!(world.output(), json!({ "Error": "States.Timeout", "Cause": "" }));
    assert_eq!(world.lines_from(5)[0], "5 4 LambdaFunctionTimedOut");
}

#[test]
fn a_heartbeat_keeps_a_task_alive_and_silence_ends_it() {
    let catch = json!([{ "ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Caught" }]);
    let state = callback(&json!({ "HeartbeatSeconds": 10, "Catch": catch }));
    let mut world = World::new(&machine(&state), &json!({}));
    let (task, _) = world.calls[0].clone();
    world.tell(Event::TaskStarted { task, worker: None });
    world.tell(Event::TaskSubmitted { task, output: "{}".to_owned() });
    world.pass_seconds(9);
    world.tell(Event::TaskHeartbeat { task });
    assert_eq!(world.wait(), 10);
    assert_eq!(world.output()["Error"], "States.Timeout");
    assert!(world.lines().contains(&"6 5 TaskTimedOut".to_owned()));
}

#[test]
fn a_token_leads_to_its_attempt_until_it_is_answered() {
    let parameters = json!({ "Message": { "token.$": "$$.Task.Token" } });
    let mut world =
        World::new(&machine(&callback(&json!({ "Parameters": parameters }))), &json!({}));
    let (task, request) = world.call();
    let token = request.token.unwrap();
    assert_eq!(request.parameters["Message"]["token"], Value::from(token.clone()));
    assert_eq!(world.execution.task_for_token(&token), Some(task));
    assert_eq!(world.execution.task_for_token("another"), None);
    world.tell(Event::TaskSucceeded { task, output: "\"approved\"".to_owned() });
    assert_eq!(world.execution.task_for_token(&token), None);
    assert_eq!(world.output(), json!("approved"));
}

#[test]
fn an_attempt_has_a_token_of_its_own() {
    let state = callback(&json!({ "Retry": [{ "ErrorEquals": ["A"] }] }));
    let mut world = World::new(&machine(&state), &json!({}));
    let first = world.calls[0].1.token.clone();
    world.fail("A");
    world.wait();
    assert_ne!(world.calls[0].1.token, first);
}

#[test]
fn a_job_that_was_never_taken_on_failed_to_submit() {
    let mut world = World::new(&machine(&callback(&json!({}))), &json!({}));
    world.fail("SQS.QueueDoesNotExistException");
    assert_eq!(world.lines_from(5)[0], "5 4 TaskSubmitFailed");
}

#[test]
fn a_wait_is_over_when_its_time_has_come() {
    let check = |state: Value, input: Value, seconds: i64| {
        let state = merge(&json!({ "Type": "Wait", "End": true }), &state);
        let mut world = World::new(&machine(&state), &input);
        assert_eq!(world.wait(), seconds, "{state}");
        assert_eq!(world.output(), input);
    };
    check(json!({ "Seconds": 90 }), json!({}), 90);
    check(json!({ "SecondsPath": "$.pause" }), json!({ "pause": 7 }), 7);
    check(json!({ "Timestamp": "2026-11-23T05:00:00Z" }), json!({}), 3600);
    check(json!({ "Timestamp": "2016-11-23T05:00:00Z" }), json!({}), 0);
    check(json!({ "TimestampPath": "$.at" }), json!({ "at": "2026-11-23T06:00:00+01:00" }), 3600);
}

#[test]
fn the_choice_that_matches_first_is_taken() {
    let states = json!({
        "T": { "Type": "Choice", "Default": "Low", "Assign": { "size": "small" }, "Choices": [
            { "Variable": "$.n", "NumericGreaterThan": 10, "Next": "High", "Assign": { "size": "large" } },
            { "Variable": "$.n", "NumericGreaterThan": 5, "Next": "Low", "Assign": { "size": "medium" } },
        ]},
        "High": { "Type": "Pass", "Parameters": { "size.$": "$size" }, "End": true },
        "Low": { "Type": "Pass", "Parameters": { "size.$": "$size" }, "End": true },
    });
    for (n, size) in [(11, "large"), (7, "medium"), (1, "small")] {
        let world = World::new(&json!({ "StartAt": "T", "States": states }), &json!({ "n": n }));
        assert_eq!(world.output(), json!({ "size": size }));
    }
}

#[test]
fn a_choice_that_leads_nowhere_fails_as_aws_says() {
    let state = json!({ "Type": "Choice", "Choices": [
        { "Variable": "$.n", "NumericEquals": 1, "Next": "Caught" } ] });
    let world = World::new(&machine(&state), &json!({ "n": 2 }));
    let (error, cause) = world.error();
    assert_eq!(error, "States.Runtime");
    assert!(cause.ends_with("The state does not point to a next state."), "{cause}");
}

#[test]
fn branches_run_side_by_side_and_give_their_outputs_in_order() {
    let branches = json!([branch("A", &task(&json!({}))), branch("B", &task(&json!({})))]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut world = World::new(&machine(&state), &json!({}));
    assert_eq!(world.calls.len(), 2);
    world.calls.swap(0, 1);
    world.answer(&json!("b"));
    world.answer(&json!("a"));
    assert_eq!(world.output(), json!(["a", "b"]));
    assert_eq!(
        world.lines_from(13),
        [
            "13 12 TaskStateExited A",
            "14 13 ParallelStateSucceeded",
            "15 13 ParallelStateExited T",
            "16 15 ExecutionSucceeded",
        ]
    );
}

#[test]
fn a_branch_that_fails_stops_the_others() {
    let branches = json!([
        branch("A", &task(&json!({}))),
        branch("B", &json!({ "Type": "Wait", "Seconds": 9, "End": true })),
    ]);
    let catch = json!([{ "ErrorEquals": ["A"], "Next": "Caught" }]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "Catch": catch, "End": true });
    let mut world = World::new(&machine(&state), &json!({}));
    world.fail("A");
    assert_eq!(world.output(), error_of("A"));
    assert!(world.timers.is_empty());
    assert_eq!(
        world.lines_from(7),
        [
            "7 5 LambdaFunctionStarted",
            "8 7 LambdaFunctionFailed",
            "9 8 TaskStateAborted",
            "10 8 WaitStateAborted",
            "11 8 ParallelStateFailed",
            "12 11 ParallelStateExited T",
            "13 12 PassStateEntered Caught",
            "14 13 PassStateExited Caught",
            "15 14 ExecutionSucceeded",
        ]
    );
}

fn map(more: &Value) -> Value {
    let processor = branch("Each", &task(&json!({})));
    merge(&json!({ "Type": "Map", "ItemProcessor": processor, "End": true }), more)
}

#[test]
fn a_map_has_no_more_iterations_under_way_than_it_may() {
    let mut world = World::new(&machine(&map(&json!({ "MaxConcurrency": 2 }))), &json!([1, 2, 3]));
    assert_eq!(world.calls.len(), 2);
    world.answer(&json!("a"));
    assert_eq!(world.calls.len(), 2);
    world.answer(&json!("b"));
    world.answer(&json!("c"));
    assert_eq!(world.output(), json!(["a", "b", "c"]));
}

#[test]
fn an_iteration_that_fails_stops_the_others_and_the_map() {
    let mut world = World::new(&machine(&map(&json!({}))), &json!([1, 2]));
    world.calls.swap(0, 1);
    world.fail("A");
    assert_eq!(world.error().0, "A");
    assert_eq!(world.abandoned.len(), 1);
    assert_eq!(
        world.lines_from(11),
        [
            "11 10 LambdaFunctionFailed",
            "12 11 MapIterationAborted T 0",
            "13 11 TaskStateAborted",
            "14 11 MapIterationFailed T 1",
            "15 11 MapStateFailed",
            "16 15 ExecutionFailed",
        ]
    );
}

#[test]
fn a_map_tolerates_as_many_failures_as_it_says() {
    let state = map(&json!({ "ToleratedFailureCount": 1, "MaxConcurrency": 1 }));
    let mut world = World::new(&machine(&state), &json!([1, 2, 3]));
    world.fail("A");
    world.answer(&json!("b"));
    world.answer(&json!("c"));
    assert_eq!(world.output(), json!(["b", "c"]));

    let mut world = World::new(&machine(&state), &json!([1, 2, 3]));
    world.fail("A");
    world.fail("A");
    assert_eq!(world.error().0, "States.ExceedToleratedFailureThreshold");
}

#[test]
fn the_children_of_a_distributed_map_leave_no_events() {
    let processor = json!({
        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
        "StartAt": "Each", "States": { "Each": { "Type": "Pass", "End": true } },
    });
    let state = map(&json!({ "ItemProcessor": processor }));
    let world = World::new(&machine(&state), &json!([1, 2]));
    assert_eq!(world.output(), json!([1, 2]));
    assert_eq!(
        world.lines_from(3),
        [
            "3 2 MapStateStarted",
            "4 3 MapRunStarted",
            "5 4 MapRunSucceeded",
            "6 5 MapStateSucceeded",
            "7 5 MapStateExited T",
            "8 7 ExecutionSucceeded",
        ]
    );
}

#[test]
fn variables_go_into_branches_and_do_not_come_out() {
    let set =
        json!({ "Type": "Pass", "Assign": { "x.$": "States.MathAdd($x, 1)" }, "Next": "Read" });
    let read = json!({ "Type": "Pass", "Parameters": { "x.$": "$x" }, "End": true });
    let branch = json!({ "StartAt": "Set", "States": { "Set": set, "Read": read } });
    let states = json!({
        "T": { "Type": "Pass", "Assign": { "x": 1 }, "Next": "Fork" },
        "Fork": { "Type": "Parallel", "Branches": [branch], "ResultPath": "$.inner", "Next": "After" },
        "After": { "Type": "Pass", "Parameters": { "x.$": "$x", "inner.$": "$.inner[0].x" }, "End": true },
    });
    let world = World::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    assert_eq!(world.output(), json!({ "x": 1, "inner": 2 }));
}

#[test]
fn an_execution_that_takes_too_long_has_no_error() {
    let mut definition = machine(&task(&json!({})));
    definition["TimeoutSeconds"] = json!(60);
    let mut world = World::new(&definition, &json!({}));
    assert_eq!(world.wait(), 60);
    assert_eq!(*world.status(), ExecutionStatus::TimedOut);
    assert_eq!(world.abandoned.len(), 1);
    assert_eq!(world.lines_from(4), ["4 0 ExecutionTimedOut"]);
}

#[test]
fn a_stopped_execution_takes_everything_back() {
    let branches = json!([
        branch("A", &task(&json!({ "TimeoutSeconds": 5 }))),
        branch("B", &json!({ "Type": "Wait", "Seconds": 9, "End": true }))
    ]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut world = World::new(&machine(&state), &json!({}));
    world.tell(Event::StopRequested { error: Some("Mine".to_owned()), cause: None });
    assert_eq!(
        *world.status(),
        ExecutionStatus::Aborted { error: Some("Mine".to_owned()), cause: None }
    );
    assert!(world.calls.is_empty() && world.timers.is_empty());
    assert_eq!(world.lines_from(7), ["7 0 ExecutionAborted"]);
}

#[test]
fn event_25000_ends_the_execution() {
    let states =
        json!({ "T": { "Type": "Pass", "Next": "U" }, "U": { "Type": "Pass", "Next": "T" } });
    let world = World::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    let history = world.execution.history();
    assert_eq!(history.len(), 25_000);
    assert_eq!(world.lines_from(25_000), ["25000 24999 ExecutionFailed"]);
    let (error, cause) = world.error();
    assert_eq!(error, "States.Runtime");
    assert_eq!(cause, "The execution reached the maximum number of history events (25000).");
}

#[test]
fn a_call_that_the_last_event_left_no_room_for_is_not_made() {
    let processor = branch("Each", &task(&json!({})));
    let state = json!({ "Type": "Map", "ItemProcessor": processor, "End": true });
    let items: Vec<usize> = (0..20_000).collect();
    let world = World::new(&machine(&state), &json!(items));
    assert_eq!(world.execution.history().len(), 25_000);
    assert!(world.calls.is_empty());
}

#[test]
fn a_result_of_more_than_256_kib_is_an_error_that_can_be_caught() {
    let catch = json!([{ "ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught" }]);
    let mut world = World::new(&machine(&task(&json!({ "Catch": catch }))), &json!({}));
    world.answer(&json!("x".repeat(256 * 1024)));
    let cause = world.output()["Cause"].as_str().unwrap().to_owned();
    assert_eq!(
        cause,
        format!(
            "The state/task '{FUNCTION}' returned a result with a size exceeding the maximum number of bytes service limit."
        )
    );
}

#[test]
fn a_redrive_goes_on_at_the_failed_step_and_keeps_what_was_done() {
    let branches = json!([branch("A", &task(&json!({}))), branch("B", &task(&json!({})))]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut world = World::new(&machine(&state), &json!({}));
    world.answer(&json!("a"));
    world.fail("B");
    assert_eq!(world.error().0, "B");
    let failed = world.execution.history().len();
    world.tell(Event::Redriven);
    assert_eq!(*world.status(), ExecutionStatus::Running);
    assert_eq!(world.execution.redrive_count(), 1);
    assert_eq!(world.calls.len(), 1);
    assert_eq!((world.calls[0].1.state.as_str(), world.calls[0].1.attempt), ("B", 1));
    world.answer(&json!("b"));
    assert_eq!(world.output(), json!(["a", "b"]));
    assert_eq!(
        world.lines_from(failed + 1)[..2],
        [
            format!("{} {failed} ExecutionRedriven", failed + 1),
            format!("{} {} LambdaFunctionScheduled", failed + 2, failed + 1),
        ]
    );
}

#[test]
fn a_redrive_after_a_stop_waits_again() {
    let state = json!({ "Type": "Wait", "Seconds": 60, "End": true });
    let mut world = World::new(&machine(&state), &json!({}));
    world.tell(Event::StopRequested { error: None, cause: None });
    world.tell(Event::Redriven);
    assert_eq!(world.wait(), 60);
    assert_eq!(world.output(), json!({}));
}

#[test]
fn what_is_not_supported_is_said_in_words() {
    let check = |definition: Value, said: &str| {
        let machine = StateMachine::parse(&definition.to_string()).unwrap();
        assert_eq!(machine.check_supported().unwrap_err().to_string(), said);
    };
    check(
        json!({ "QueryLanguage": "JSONata", "StartAt": "T", "States": {
            "T": { "Type": "Pass", "Output": "{% 1 %}", "End": true } } }),
        "the state 'T' uses the JSONata query language, which this engine does not run",
    );
    check(
        machine(&map(&json!({ "ItemReader": {} }))),
        "the state 'T' uses an ItemReader in a distributed Map, which this engine does not run",
    );
}

#[test]
fn a_loop_that_nests_its_data_ever_deeper_comes_to_an_end() {
    let check = |state: &Value| {
        let looped = merge(state, &json!({ "Type": "Pass", "Next": "T" }));
        let world = World::new(&machine(&looped), &json!({}));
        assert_eq!(world.error().0, "States.Runtime", "{state}");
        assert!(world.error().1.ends_with("nested deeper than 128 levels."), "{state}");
    };
    check(&json!({ "Parameters": { "inner.$": "$" } }));
    check(&json!({ "Assign": { "x": { "inner.$": "$$" } }, "ResultPath": "$.a.b.c" }));
}

#[test]
fn variables_may_not_grow_beyond_what_aws_keeps() {
    let large = "x".repeat(200 * 1024);
    let assign = json!({ "a": large, "b": large });
    let state = json!({ "Type": "Pass", "Assign": assign, "End": true });
    let world = World::new(&machine(&state), &json!({}));
    assert_eq!(world.error().0, "States.DataLimitExceeded");
}

#[test]
fn a_template_that_repeats_a_large_input_without_end_is_given_up() {
    let check = |parameters: Value| {
        let state = json!({ "Type": "Pass", "Parameters": parameters, "End": true });
        let world = World::new(&machine(&state), &json!("x".repeat(200 * 1024)));
        assert_eq!(world.error().0, "States.Runtime");
    };
    let fields = (0..10_000).map(|n| (format!("f{n}.$"), json!("$")));
    check(Value::Object(fields.collect()));
    check(json!({ "a.$": format!("States.Array({})", vec!["$"; 10_000].join(", ")) }));
}

#[test]
fn a_branch_around_a_map_that_fails_leaves_one_event_of_each() {
    let inner = map(&json!({ "ItemsPath": "$.items" }));
    let outer = json!({ "Type": "Parallel", "Branches": [branch("M", &inner)], "End": true });
    let mut world = World::new(&machine(&outer), &json!({ "items": [1, 2] }));
    world.fail("A");
    assert_eq!(
        world.lines_from(13),
        [
            "13 12 LambdaFunctionFailed",
            "14 13 MapIterationAborted M 1",
            "15 13 TaskStateAborted",
            "16 13 MapIterationFailed M 0",
            "17 13 MapStateFailed",
            "18 17 ParallelStateFailed",
            "19 18 ExecutionFailed",
        ]
    );
}

#[test]
fn a_child_that_is_tolerated_takes_its_own_children_with_it() {
    let each = json!({ "Type": "Parallel", "End": true,
        "Branches": [branch("A", &task(&json!({}))), branch("B", &task(&json!({})))] });
    let state = map(&json!({ "ItemProcessor": branch("Each", &each), "ToleratedFailureCount": 1 }));
    let mut world = World::new(&machine(&state), &json!([1, 2]));
    world.fail("A");
    assert_eq!(world.calls.len(), 2);
    world.answer(&json!("a"));
    world.answer(&json!("b"));
    assert_eq!(world.output(), json!([["a", "b"]]));
}
