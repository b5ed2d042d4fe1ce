//! Events in EventBridge's format
//! (docs.aws.amazon.com/eventbridge/latest/ref/events-ref-states.html).

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// The event of a schedule. The time is that of the tick, even if the tick was late.
pub(super) fn scheduled(rule: &str, at: Timestamp) -> Value {
    let resource = format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}");
    event("aws.events", "Scheduled Event", at, &resource, &json!({}))
}

/// The event for the end of an execution. `described` is the response of
/// `DescribeExecution`.
pub(super) fn status_change(described: &Value, status: &str, ended_at: Timestamp) -> Value {
    let field = |name: &str| described.get(name).cloned().unwrap_or_default();
    let detail = json!({
        "executionArn": field("executionArn"),
        "stateMachineArn": field("stateMachineArn"),
        "name": field("name"),
        "status": status,
        "startDate": milliseconds(&described["startDate"]),
        "stopDate": ended_at.as_millisecond(),
        "input": field("input"),
        "inputDetails": field("inputDetails"),
        "output": field("output"),
        "outputDetails": field("outputDetails"),
        "error": field("error"),
        "cause": field("cause"),
    });
    let execution = described["executionArn"].as_str().unwrap_or_default();
    event("aws.states", "Step Functions Execution Status Change", ended_at, execution, &detail)
}

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

fn event(source: &str, kind: &str, at: Timestamp, resource: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [resource],
        "detail": detail,
    })
}

/// Converts fractional seconds, as in `DescribeExecution`, to whole milliseconds. Works on
/// the decimal digits, so no precision is lost.
fn milliseconds(seconds: &Value) -> Option<i64> {
    let text = seconds.as_number()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = fraction.bytes().chain(*b"000").take(3).map(char::from);
    whole.chars().chain(digits).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_id(mut event: Value) -> Value {
        let id = event["id"].take();
        assert!(id.as_str().is_some_and(|id| !id.is_empty()));
        event
    }

    #[test]
    fn a_tick_is_a_scheduled_event_with_the_rule_as_resource() {
        let at = "2026-11-23T04:05:00Z".parse().unwrap();
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": "2026-11-23T04:05:00Z",
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:000000000000:rule/local-open-orders"],
            "detail": {},
        });
        assert_eq!(without_id(scheduled("local-open-orders", at)), expected);
    }

    #[test]
    fn a_status_change_contains_the_details_of_the_execution() {
        let arn = "arn:aws:states:us-east-1:000000000000:execution:Flow:o1";
        let described = json!({
            "executionArn": arn,
            "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:Flow",
            "name": "o1",
            "status": "FAILED",
            "startDate": 1_795_000_000.25,
            "input": "{}",
            "inputDetails": { "included": true },
            "error": "ShippingError",
            "cause": "no",
            "redriveCount": 0,
        });
        let at = "2026-11-23T04:05:00.123Z".parse().unwrap();
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "account": "000000000000",
            "time": "2026-11-23T04:05:00Z",
            "region": "us-east-1",
            "resources": [arn],
            "detail": {
                "executionArn": arn,
                "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:Flow",
                "name": "o1",
                "status": "FAILED",
                "startDate": 1_795_000_000_250_i64,
                "stopDate": 1_795_406_700_123_i64,
                "input": "{}",
                "inputDetails": { "included": true },
                "output": null,
                "outputDetails": null,
                "error": "ShippingError",
                "cause": "no",
            },
        });
        assert_eq!(without_id(status_change(&described, "FAILED", at)), expected);
    }

    #[test]
    fn seconds_become_whole_milliseconds() {
        fn check(seconds: &Value, expected: Option<i64>) {
            assert_eq!(milliseconds(seconds), expected, "{seconds}");
        }
        check(&json!(1_795_000_000.25), Some(1_795_000_000_250));
        check(&json!(1_795_000_000), Some(1_795_000_000_000));
        check(&json!(1_795_000_000.001), Some(1_795_000_000_001));
        check(&Value::Null, None);
    }
}
