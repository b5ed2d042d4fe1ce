//! Executions as their driver sees them: calls, timers, history and end.

mod test_bed;

use asl::{Event, ExecutionStatus, Resource, StateMachine};
use serde_json::{Value, json};
use test_bed::TestBed;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:process-payment";

fn task(fields: &Value) -> Value {
    merge(&json!({ "Type": "Task", "Resource": FUNCTION, "End": true }), fields)
}

fn callback(fields: &Value) -> Value {
    let resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
    task(&merge(&json!({ "Resource": resource }), fields))
}

fn merge(base: &Value, fields: &Value) -> Value {
    let mut merged = base.clone();
    for (field, value) in fields.as_object().expect("an object") {
        merged[field] = value.clone();
    }
    merged
}

/// A state machine whose first state is `T`, with a second state `Caught`.
fn machine(state: &Value) -> Value {
    json!({ "StartAt": "T", "States": { "T": state, "Caught": { "Type": "Pass", "End": true } } })
}

fn branch(name: &str, state: &Value) -> Value {
    json!({ "StartAt": name, "States": { name: state } })
}

fn error_output(error: &str) -> Value {
    json!({ "Error": error, "Cause": "because" })
}

#[test]
fn a_task_passes_its_input_to_the_function_and_outputs_the_result() {
    let mut test_bed = TestBed::new(&machine(&task(&json!({}))), &json!({ "order": 1 }));
    let (task, request) = test_bed.next_call();
    assert_eq!(request.resource, Resource::Lambda { arn: FUNCTION.to_owned() });
    assert_eq!(request.parameters, json!({ "order": 1 }));
    assert_eq!((request.attempt, request.token), (1, None));
    test_bed.send(Event::TaskStarted { task, worker: None });
    test_bed.send(Event::TaskSucceeded { task, output: "{\"charged\":true}".to_owned() });
    assert_eq!(test_bed.output(), json!({ "charged": true }));
    assert_eq!(
        test_bed.event_lines(),
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
fn a_result_without_a_start_event_also_records_the_start() {
    let mut test_bed = TestBed::new(&machine(&task(&json!({}))), &json!({}));
    test_bed.succeed_task(&json!(1));
    assert_eq!(test_bed.event_lines_from(4)[0], "4 3 LambdaFunctionStarted");
}

#[test]
fn late_repeated_and_unknown_events_change_nothing() {
    let mut test_bed = TestBed::new(&machine(&task(&json!({}))), &json!({}));
    let (task, _) = test_bed.next_call();
    test_bed.send(Event::TaskSucceeded { task, output: "1".to_owned() });
    let lines_at_end = test_bed.event_lines();
    for event in [
        Event::TaskSucceeded { task, output: "2".to_owned() },
        Event::TaskFailed { task, error: None, cause: None },
        Event::TaskHeartbeat { task },
        Event::TaskStarted { task: asl::TaskId(99), worker: None },
        Event::TimerFired { timer: asl::TimerId(99) },
        Event::StopRequested { error: None, cause: None },
        Event::Redriven,
    ] {
        test_bed.send(event);
    }
    assert_eq!(test_bed.event_lines(), lines_at_end);
    assert_eq!(test_bed.output(), json!(1));
}

#[test]
fn each_retrier_has_its_own_count_and_delay() {
    let retry = json!([
        { "ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 3 },
        { "ErrorEquals": ["B"], "IntervalSeconds": 10, "MaxAttempts": 1 },
    ]);
    let mut test_bed = TestBed::new(&machine(&task(&json!({ "Retry": retry }))), &json!({}));
    for (error, delay) in [("A", 1), ("B", 10), ("A", 3)] {
        test_bed.fail_task(error);
        assert_eq!(test_bed.fire_next_timer(), delay, "after {error}");
    }
    assert_eq!(test_bed.calls[0].1.attempt, 4);
    test_bed.fail_task("A");
    assert_eq!(test_bed.error().0, "A");
}

#[test]
fn a_retrier_is_reset_when_its_state_is_entered_again() {
    let states = json!({
        "T": task(&json!({
            "Retry": [{ "ErrorEquals": ["A"], "MaxAttempts": 1, "IntervalSeconds": 5 }],
            "Catch": [{ "ErrorEquals": ["B"], "Next": "Again" }],
        })),
        "Again": { "Type": "Pass", "Next": "T" },
    });
    let mut test_bed = TestBed::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    test_bed.fail_task("A");
    test_bed.fire_next_timer();
    test_bed.fail_task("B");
    test_bed.fail_task("A");
    assert_eq!(test_bed.fire_next_timer(), 5);
    assert_eq!(test_bed.calls[0].1.attempt, 2);
}

#[test]
fn a_catcher_receives_the_error_at_its_result_path() {
    let catch = json!([{ "ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.failed", "Next": "Caught" }]);
    let mut test_bed =
        TestBed::new(&machine(&task(&json!({ "Catch": catch }))), &json!({ "order": 1 }));
    test_bed.fail_task("OutOfStock");
    assert_eq!(test_bed.output(), json!({ "order": 1, "failed": error_output("OutOfStock") }));
}

#[test]
fn states_runtime_is_not_caught() {
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }]);
    let state = task(&json!({ "OutputPath": "$.nowhere", "Catch": catch }));
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    test_bed.succeed_task(&json!({}));
    let (error, cause) = test_bed.error();
    assert_eq!(error, "States.Runtime");
    assert!(
        cause.starts_with(
            "An error occurred while executing the state 'T' (entered at the event id #2)."
        ),
        "{cause}"
    );
}

#[test]
fn a_late_result_of_a_timed_out_task_has_no_effect() {
    let catch = json!([{ "ErrorEquals": ["States.TaskFailed"], "Next": "Caught" },
                       { "ErrorEquals": ["States.Timeout"], "Next": "Caught" }]);
    let state = task(&json!({ "TimeoutSeconds": 5, "Catch": catch }));
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    let (task, _) = test_bed.calls[0].clone();
    test_bed.send(Event::TaskStarted { task, worker: None });
    assert_eq!(test_bed.fire_next_timer(), 5);
    assert_eq!(test_bed.canceled, [task]);
    test_bed.send(Event::TaskSucceeded { task, output: "1".to_owned() });
    assert_eq!(test_bed.output(), json!({ "Error": "States.Timeout", "Cause": "" }));
    assert_eq!(test_bed.event_lines_from(5)[0], "5 4 LambdaFunctionTimedOut");
}

#[test]
fn a_task_without_heartbeats_times_out() {
    let catch = json!([{ "ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Caught" }]);
    let state = callback(&json!({ "HeartbeatSeconds": 10, "Catch": catch }));
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    let (task, _) = test_bed.calls[0].clone();
    test_bed.send(Event::TaskStarted { task, worker: None });
    test_bed.send(Event::TaskSubmitted { task, output: "{}".to_owned() });
    test_bed.advance_seconds(9);
    test_bed.send(Event::TaskHeartbeat { task });
    assert_eq!(test_bed.fire_next_timer(), 10);
    assert_eq!(test_bed.output()["Error"], "States.Timeout");
    assert!(test_bed.event_lines().contains(&"6 5 TaskTimedOut".to_owned()));
}

#[test]
fn a_missing_time_limit_fails_the_task_with_the_cause_of_aws() {
    for field in ["TimeoutSecondsPath", "HeartbeatSecondsPath"] {
        let state = task(&json!({ field: "$.x" }));
        let (error, cause) = TestBed::new(&machine(&state), &json!({ "y": 1 })).error();
        assert_eq!(error, "States.Runtime", "{field}");
        assert!(cause.ends_with(". Invalid path '$.x' : No results for path: $['x']"), "{cause}");
    }
}

#[test]
fn a_task_token_identifies_its_attempt_until_the_attempt_ends() {
    let parameters = json!({ "Message": { "token.$": "$$.Task.Token" } });
    let mut test_bed =
        TestBed::new(&machine(&callback(&json!({ "Parameters": parameters }))), &json!({}));
    let (task, request) = test_bed.next_call();
    let token = request.token.unwrap();
    assert_eq!(request.parameters["Message"]["token"], Value::from(token.clone()));
    assert_eq!(test_bed.execution.task_for_token(&token), Some(task));
    assert_eq!(test_bed.execution.task_for_token("another"), None);
    test_bed.send(Event::TaskSucceeded { task, output: "\"approved\"".to_owned() });
    assert_eq!(test_bed.execution.task_for_token(&token), None);
    assert_eq!(test_bed.output(), json!("approved"));
}

#[test]
fn each_attempt_has_a_new_task_token() {
    let state = callback(&json!({ "Retry": [{ "ErrorEquals": ["A"] }] }));
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    let first = test_bed.calls[0].1.token.clone();
    test_bed.fail_task("A");
    test_bed.fire_next_timer();
    assert_ne!(test_bed.calls[0].1.token, first);
}

#[test]
fn a_job_that_the_service_rejects_fails_to_submit() {
    let mut test_bed = TestBed::new(&machine(&callback(&json!({}))), &json!({}));
    test_bed.fail_task("SQS.QueueDoesNotExistException");
    assert_eq!(test_bed.event_lines_from(5)[0], "5 4 TaskSubmitFailed");
}

#[test]
fn a_wait_state_ends_at_its_time() {
    let check = |state: Value, input: Value, seconds: i64| {
        let state = merge(&json!({ "Type": "Wait", "End": true }), &state);
        let mut test_bed = TestBed::new(&machine(&state), &input);
        assert_eq!(test_bed.fire_next_timer(), seconds, "{state}");
        assert_eq!(test_bed.output(), input);
    };
    check(json!({ "Seconds": 90 }), json!({}), 90);
    check(json!({ "SecondsPath": "$.pause" }), json!({ "pause": 7 }), 7);
    check(json!({ "Timestamp": "2026-11-23T05:00:00Z" }), json!({}), 3600);
    check(json!({ "Timestamp": "2016-11-23T05:00:00Z" }), json!({}), 0);
    check(json!({ "TimestampPath": "$.at" }), json!({ "at": "2026-11-23T06:00:00+01:00" }), 3600);
}

#[test]
fn the_first_matching_choice_rule_is_taken() {
    let states = json!({
        "T": { "Type": "Choice", "Default": "Low", "Assign": { "size": "small" }, "Choices": [
            { "Variable": "$.n", "NumericGreaterThan": 10, "Next": "High", "Assign": { "size": "large" } },
            { "Variable": "$.n", "NumericGreaterThan": 5, "Next": "Low", "Assign": { "size": "medium" } },
        ]},
        "High": { "Type": "Pass", "Parameters": { "size.$": "$size" }, "End": true },
        "Low": { "Type": "Pass", "Parameters": { "size.$": "$size" }, "End": true },
    });
    for (n, size) in [(11, "large"), (7, "medium"), (1, "small")] {
        let test_bed =
            TestBed::new(&json!({ "StartAt": "T", "States": states }), &json!({ "n": n }));
        assert_eq!(test_bed.output(), json!({ "size": size }));
    }
}

#[test]
fn a_choice_without_a_match_fails_with_the_cause_of_aws() {
    let state = json!({ "Type": "Choice", "Choices": [
        { "Variable": "$.n", "NumericEquals": 1, "Next": "Caught" } ] });
    let test_bed = TestBed::new(&machine(&state), &json!({ "n": 2 }));
    let (error, cause) = test_bed.error();
    assert_eq!(error, "States.Runtime");
    assert!(cause.ends_with("The state does not point to a next state."), "{cause}");
}

#[test]
fn branches_run_concurrently_and_their_outputs_keep_the_order() {
    let branches = json!([branch("A", &task(&json!({}))), branch("B", &task(&json!({})))]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    assert_eq!(test_bed.calls.len(), 2);
    test_bed.calls.swap(0, 1);
    test_bed.succeed_task(&json!("b"));
    test_bed.succeed_task(&json!("a"));
    assert_eq!(test_bed.output(), json!(["a", "b"]));
    assert_eq!(
        test_bed.event_lines_from(13),
        [
            "13 12 TaskStateExited A",
            "14 13 ParallelStateSucceeded",
            "15 13 ParallelStateExited T",
            "16 15 ExecutionSucceeded",
        ]
    );
}

#[test]
fn a_failed_branch_aborts_the_others() {
    let branches = json!([
        branch("A", &task(&json!({}))),
        branch("B", &json!({ "Type": "Wait", "Seconds": 9, "End": true })),
    ]);
    let catch = json!([{ "ErrorEquals": ["A"], "Next": "Caught" }]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "Catch": catch, "End": true });
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    test_bed.fail_task("A");
    assert_eq!(test_bed.output(), error_output("A"));
    assert!(test_bed.timers.is_empty());
    assert_eq!(
        test_bed.event_lines_from(7),
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

fn map(fields: &Value) -> Value {
    let processor = branch("Each", &task(&json!({})));
    merge(&json!({ "Type": "Map", "ItemProcessor": processor, "End": true }), fields)
}

#[test]
fn a_map_runs_at_most_max_concurrency_iterations() {
    let mut test_bed =
        TestBed::new(&machine(&map(&json!({ "MaxConcurrency": 2 }))), &json!([1, 2, 3]));
    assert_eq!(test_bed.calls.len(), 2);
    test_bed.succeed_task(&json!("a"));
    assert_eq!(test_bed.calls.len(), 2);
    test_bed.succeed_task(&json!("b"));
    test_bed.succeed_task(&json!("c"));
    assert_eq!(test_bed.output(), json!(["a", "b", "c"]));
}

#[test]
fn a_failed_iteration_aborts_the_others_and_fails_the_map() {
    let mut test_bed = TestBed::new(&machine(&map(&json!({}))), &json!([1, 2]));
    test_bed.calls.swap(0, 1);
    test_bed.fail_task("A");
    assert_eq!(test_bed.error().0, "A");
    assert_eq!(test_bed.canceled.len(), 1);
    assert_eq!(
        test_bed.event_lines_from(11),
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
fn a_map_tolerates_up_to_tolerated_failure_count() {
    let state = map(&json!({ "ToleratedFailureCount": 1, "MaxConcurrency": 1 }));
    let mut test_bed = TestBed::new(&machine(&state), &json!([1, 2, 3]));
    test_bed.fail_task("A");
    test_bed.succeed_task(&json!("b"));
    test_bed.succeed_task(&json!("c"));
    assert_eq!(test_bed.output(), json!(["b", "c"]));

    let mut test_bed = TestBed::new(&machine(&state), &json!([1, 2, 3]));
    test_bed.fail_task("A");
    test_bed.fail_task("A");
    assert_eq!(test_bed.error().0, "States.ExceedToleratedFailureThreshold");
}

#[test]
fn child_executions_of_a_distributed_map_add_no_events() {
    let processor = json!({
        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
        "StartAt": "Each", "States": { "Each": { "Type": "Pass", "End": true } },
    });
    let state = map(&json!({ "ItemProcessor": processor }));
    let test_bed = TestBed::new(&machine(&state), &json!([1, 2]));
    assert_eq!(test_bed.output(), json!([1, 2]));
    assert_eq!(
        test_bed.event_lines_from(3),
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
fn branches_read_outer_variables_but_do_not_change_them() {
    let set =
        json!({ "Type": "Pass", "Assign": { "x.$": "States.MathAdd($x, 1)" }, "Next": "Read" });
    let read = json!({ "Type": "Pass", "Parameters": { "x.$": "$x" }, "End": true });
    let branch = json!({ "StartAt": "Set", "States": { "Set": set, "Read": read } });
    let states = json!({
        "T": { "Type": "Pass", "Assign": { "x": 1 }, "Next": "Fork" },
        "Fork": { "Type": "Parallel", "Branches": [branch], "ResultPath": "$.inner", "Next": "After" },
        "After": { "Type": "Pass", "Parameters": { "x.$": "$x", "inner.$": "$.inner[0].x" }, "End": true },
    });
    let test_bed = TestBed::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    assert_eq!(test_bed.output(), json!({ "x": 1, "inner": 2 }));
}

#[test]
fn a_timed_out_execution_has_no_error() {
    let mut definition = machine(&task(&json!({})));
    definition["TimeoutSeconds"] = json!(60);
    let mut test_bed = TestBed::new(&definition, &json!({}));
    assert_eq!(test_bed.fire_next_timer(), 60);
    assert_eq!(*test_bed.status(), ExecutionStatus::TimedOut);
    assert_eq!(test_bed.canceled.len(), 1);
    assert_eq!(test_bed.event_lines_from(4), ["4 0 ExecutionTimedOut"]);
}

#[test]
fn a_stopped_execution_cancels_its_calls_and_timers() {
    let branches = json!([
        branch("A", &task(&json!({ "TimeoutSeconds": 5 }))),
        branch("B", &json!({ "Type": "Wait", "Seconds": 9, "End": true }))
    ]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    test_bed.send(Event::StopRequested { error: Some("Mine".to_owned()), cause: None });
    assert_eq!(
        *test_bed.status(),
        ExecutionStatus::Aborted { error: Some("Mine".to_owned()), cause: None }
    );
    assert!(test_bed.calls.is_empty() && test_bed.timers.is_empty());
    assert_eq!(test_bed.event_lines_from(7), ["7 0 ExecutionAborted"]);
}

#[test]
fn event_25000_ends_the_execution() {
    let states =
        json!({ "T": { "Type": "Pass", "Next": "U" }, "U": { "Type": "Pass", "Next": "T" } });
    let test_bed = TestBed::new(&json!({ "StartAt": "T", "States": states }), &json!({}));
    let history = test_bed.execution.history();
    assert_eq!(history.len(), 25_000);
    assert_eq!(test_bed.event_lines_from(25_000), ["25000 24999 ExecutionFailed"]);
    let (error, cause) = test_bed.error();
    assert_eq!(error, "States.Runtime");
    assert_eq!(cause, "The execution reached the maximum number of history events (25000).");
}

#[test]
fn no_call_is_made_once_the_history_is_full() {
    let processor = branch("Each", &task(&json!({})));
    let state = json!({ "Type": "Map", "ItemProcessor": processor, "End": true });
    let items: Vec<usize> = (0..20_000).collect();
    let test_bed = TestBed::new(&machine(&state), &json!(items));
    assert_eq!(test_bed.execution.history().len(), 25_000);
    assert!(test_bed.calls.is_empty());
}

#[test]
fn a_result_over_256_kib_is_an_error_that_can_be_caught() {
    let catch = json!([{ "ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught" }]);
    let mut test_bed = TestBed::new(&machine(&task(&json!({ "Catch": catch }))), &json!({}));
    test_bed.succeed_task(&json!("x".repeat(256 * 1024)));
    let cause = test_bed.output()["Cause"].as_str().unwrap().to_owned();
    assert_eq!(
        cause,
        format!(
            "The state/task '{FUNCTION}' returned a result with a size exceeding the maximum number of bytes service limit."
        )
    );
}

#[test]
fn a_redrive_continues_at_the_failed_state_and_keeps_completed_branches() {
    let branches = json!([branch("A", &task(&json!({}))), branch("B", &task(&json!({})))]);
    let state = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    test_bed.succeed_task(&json!("a"));
    test_bed.fail_task("B");
    assert_eq!(test_bed.error().0, "B");
    let failed = test_bed.execution.history().len();
    test_bed.send(Event::Redriven);
    assert_eq!(*test_bed.status(), ExecutionStatus::Running);
    assert_eq!(test_bed.execution.redrive_count(), 1);
    assert_eq!(test_bed.calls.len(), 1);
    assert_eq!((test_bed.calls[0].1.state.as_str(), test_bed.calls[0].1.attempt), ("B", 1));
    test_bed.succeed_task(&json!("b"));
    assert_eq!(test_bed.output(), json!(["a", "b"]));
    assert_eq!(
        test_bed.event_lines_from(failed + 1)[..2],
        [
            format!("{} {failed} ExecutionRedriven", failed + 1),
            format!("{} {} LambdaFunctionScheduled", failed + 2, failed + 1),
        ]
    );
}

#[test]
fn a_redrive_after_a_stop_waits_again() {
    let state = json!({ "Type": "Wait", "Seconds": 60, "End": true });
    let mut test_bed = TestBed::new(&machine(&state), &json!({}));
    test_bed.send(Event::StopRequested { error: None, cause: None });
    test_bed.send(Event::Redriven);
    assert_eq!(test_bed.fire_next_timer(), 60);
    assert_eq!(test_bed.output(), json!({}));
}

#[test]
fn unsupported_features_are_reported() {
    let check = |definition: Value, expected: &str| {
        let machine = StateMachine::parse(&definition.to_string()).unwrap();
        assert_eq!(machine.check_supported().unwrap_err().to_string(), expected);
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
fn a_loop_that_nests_its_data_deeper_each_time_fails() {
    let check = |state: &Value| {
        let looped = merge(state, &json!({ "Type": "Pass", "Next": "T" }));
        let test_bed = TestBed::new(&machine(&looped), &json!({}));
        assert_eq!(test_bed.error().0, "States.Runtime", "{state}");
        assert!(test_bed.error().1.ends_with("nested deeper than 128 levels."), "{state}");
    };
    check(&json!({ "Parameters": { "inner.$": "$" } }));
    check(&json!({ "Assign": { "x": { "inner.$": "$$" } }, "ResultPath": "$.a.b.c" }));
}

#[test]
fn variables_over_the_limit_of_aws_fail() {
    let large = "x".repeat(200 * 1024);
    let assign = json!({ "a": large, "b": large });
    let state = json!({ "Type": "Pass", "Assign": assign, "End": true });
    let test_bed = TestBed::new(&machine(&state), &json!({}));
    assert_eq!(test_bed.error().0, "States.DataLimitExceeded");
}

#[test]
fn a_template_that_copies_a_large_input_too_often_fails() {
    let check = |parameters: Value| {
        let state = json!({ "Type": "Pass", "Parameters": parameters, "End": true });
        let test_bed = TestBed::new(&machine(&state), &json!("x".repeat(200 * 1024)));
        assert_eq!(test_bed.error().0, "States.Runtime");
    };
    let fields = (0..10_000).map(|n| (format!("f{n}.$"), json!("$")));
    check(Value::Object(fields.collect()));
    check(json!({ "a.$": format!("States.Array({})", vec!["$"; 10_000].join(", ")) }));
}

#[test]
fn a_failed_map_in_a_branch_records_each_failure_once() {
    let inner = map(&json!({ "ItemsPath": "$.items" }));
    let outer = json!({ "Type": "Parallel", "Branches": [branch("M", &inner)], "End": true });
    let mut test_bed = TestBed::new(&machine(&outer), &json!({ "items": [1, 2] }));
    test_bed.fail_task("A");
    assert_eq!(
        test_bed.event_lines_from(13),
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
fn a_tolerated_failure_also_stops_the_children_of_the_iteration() {
    let each = json!({ "Type": "Parallel", "End": true,
        "Branches": [branch("A", &task(&json!({}))), branch("B", &task(&json!({})))] });
    let state = map(&json!({ "ItemProcessor": branch("Each", &each), "ToleratedFailureCount": 1 }));
    let mut test_bed = TestBed::new(&machine(&state), &json!([1, 2]));
    test_bed.fail_task("A");
    assert_eq!(test_bed.calls.len(), 2);
    test_bed.succeed_task(&json!("a"));
    test_bed.succeed_task(&json!("b"));
    assert_eq!(test_bed.output(), json!([["a", "b"]]));
}
