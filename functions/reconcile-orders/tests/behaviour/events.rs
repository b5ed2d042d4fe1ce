//! What the function is asked, by schedules, by the end of an execution, by hand.

use domain::ErrorName;
use reconcile_orders::event::{Event, Looked, Operation, Which};
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

fn ended(name: &str) -> Value {
    json!({
        "version": "0", "id": "1", "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states", "time": now(), "resources": [],
        "detail": {"name": name, "status": "ABORTED", "input": "{}"},
    })
}

#[test]
fn each_event_says_what_is_to_be_looked_at_and_when() {
    let id = samples::received().order_id;
    let check = |event: Value, operation: Operation| {
        let at = event.get("time").is_some().then(now);
        assert_eq!(Event::parse(&event).unwrap(), Event { operation, at }, "{event}");
    };
    let one = || Operation::Look(Which::One(id.clone()));
    check(scheduled("local-open-orders"), Operation::Look(Which::Due));
    check(scheduled("my-shop-compare-books"), Operation::Compare);
    check(ended(id.as_str()), one());
    check(ended(&format!("{id}-r2")), one());
    check(ended("nightly"), Operation::Look(Which::Nobodys));
    check(json!({}), Operation::Look(Which::Due));
    check(json!({"operation": "look", "extra": 1}), Operation::Look(Which::Due));
    check(json!({"operation": "look", "orderId": id, "time": now()}), one());
    check(json!({"operation": "compare", "time": now()}), Operation::Compare);
}

#[test]
fn garbage_is_refused_and_the_field_named_but_not_its_value() {
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
    check(ended("a secret"), "`detail.name`");
    check(json!({"detail-type": "Step Functions Execution Status Change"}), "`detail.name`");
}

#[test]
fn the_output_has_all_its_numbers_always() {
    let none = Value::from(Looked::default());
    let expected = json!({
        "looked": 0, "started": 0, "takenOver": 0, "answered": 0,
        "woken": 0, "settled": 0, "raised": 0, "failed": 0,
    });
    assert_eq!(none, expected);
}
