//! The inputs: schedules, status changes of executions, and invocations by hand.

use domain::{ErrorName, ExecutionName};
use reconcile_orders::event::{Event, Operation, Scope, SweepOutput};
use serde_json::{Value, json};
use testing::samples;

use crate::support::now;

fn scheduled(rule: &str) -> Value {
    json!({
        "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": now(), "region": "us-east-1",
        "resources": [format!("arn:aws:events:us-east-1:000000000000:rule/{rule}")], "detail": {},
    })
}

fn status_change(name: &str) -> Value {
    json!({
        "version": "0", "id": "1", "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states", "time": now(), "resources": [],
        "detail": {"name": name, "status": "ABORTED", "input": "{}"},
    })
}

#[test]
fn each_input_names_its_operation_scope_and_time() {
    let id = samples::received().order_id;
    let check = |event: Value, operation: Operation| {
        let at = event.get("time").is_some().then(now);
        assert_eq!(Event::parse(&event).unwrap(), Event { operation, at }, "{event}");
    };
    let one = || Operation::Sweep(Scope::Order(id.clone()));
    check(scheduled("local-open-orders"), Operation::Sweep(Scope::Due));
    check(scheduled("my-shop-compare-books"), Operation::Reconcile);
    let ended = |name: &str| {
        let execution = ExecutionName::parse(name).unwrap();
        Operation::Sweep(Scope::Ended(id.clone(), execution))
    };
    check(status_change(id.as_str()), ended(id.as_str()));
    check(status_change(&format!("{id}-r2")), ended(&format!("{id}-r2")));
    let mut begun = status_change(id.as_str());
    begun["detail"]["status"] = json!("RUNNING");
    check(begun, one());
    check(status_change("nightly"), Operation::Sweep(Scope::Nothing));
    check(json!({}), Operation::Sweep(Scope::Due));
    check(json!({"operation": "look", "extra": 1}), Operation::Sweep(Scope::Due));
    check(json!({"operation": "look", "orderId": id, "time": now()}), one());
    check(json!({"operation": "compare", "time": now()}), Operation::Reconcile);
}

#[test]
fn malformed_input_is_rejected_by_the_name_of_its_field_and_not_by_its_value() {
    let check = |event: Value, expected: &str| {
        let failure = Event::parse(&event).unwrap_err();
        assert_eq!(failure.name, ErrorName::InvalidRequest);
        assert!(failure.detail.contains(expected), "{} lacks {expected}", failure.detail);
        assert!(!failure.detail.contains("secret"));
    };
    check(json!(null), "object");
    check(json!(["secret"]), "object");
    check(json!({"operation": "secret"}), "`operation`");
    check(json!({"operation": 7}), "`operation`");
    check(json!({"orderId": "secret"}), "`orderId`");
    check(json!({"time": "secret"}), "`time`");
    check(json!({"detail-type": "secret"}), "`detail-type`");
    check(scheduled("secret"), "`resources`");
    check(json!({"detail-type": "Scheduled Event"}), "`resources`");
    check(status_change("a secret"), "`detail.name`");
    check(json!({"detail-type": "Step Functions Execution Status Change"}), "`detail.name`");
}

#[test]
fn the_output_always_has_all_its_counts() {
    let none = Value::from(SweepOutput::default());
    let expected = json!({
        "looked": 0, "started": 0, "takenOver": 0, "answered": 0,
        "woken": 0, "settled": 0, "erased": 0, "raised": 0, "failed": 0, "deferred": 0,
    });
    assert_eq!(none, expected);
}
