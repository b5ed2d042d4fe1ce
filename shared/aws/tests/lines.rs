//! What a function logs and measures, and how a failure leaves it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use adapters::telemetry::{self, Metric, Unit};
use domain::{Failure, Fault, sample};
use serde_json::{Value, json};
use tracing::Level;

/// Standard output, as a test reads it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that are logged while `act` runs.
fn lines(act: impl FnOnce()) -> Vec<Value> {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = telemetry::subscriber(Level::INFO, move || writer.clone());
    tracing::subscriber::with_default(subscriber, act);
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines and the result of a handler that fails so with this input.
fn failing(input: &str, failure: Option<&Failure>) -> (Vec<Value>, Result<Value, Failure>) {
    let mut result = Ok(Value::Null);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lines = lines(|| {
        let handler = async |input: Value| failure.map_or(Ok(input), |it| Err(it.clone()));
        result = runtime.block_on(adapters::lambda::answer(handler, input));
    });
    (lines, result)
}

#[test]
fn a_failure_is_one_line_for_people_and_for_queries() {
    let id = sample::received().order_id;
    let input = json!({"operation": "capture", "orderId": id, "name": "Ada Lovelace"}).to_string();
    let declined = Fault::PaymentDeclined.because("insufficient_funds");
    let (lines, result) = failing(&input, Some(&declined));
    assert_eq!(result, Err(declined));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "the operation failed");
    assert_eq!(line["operation"], "capture");
    assert_eq!(line["orderId"], id.as_str());
    assert_eq!(line["fault"], "PaymentDeclined");
    assert_eq!(line["detail"], "insufficient_funds");
    assert!(!line.to_string().contains("Ada"), "{line}");

    let (lines, _) = failing(&input, Some(&Fault::StockContended.because("busy")));
    assert_eq!(lines[0]["level"], "WARN");
}

#[test]
fn a_success_is_silent() {
    let (lines, result) = failing(r#"{"orderId": "ord_1"}"#, None);
    assert_eq!(lines, Vec::<Value>::new());
    assert_eq!(result, Ok(json!({"orderId": "ord_1"})));
}

#[test]
fn garbage_is_an_invalid_request_and_none_of_it_is_logged() {
    let deep = format!("{}\"canary\"{}", "[".repeat(500), "]".repeat(500));
    for input in ["canary", r#"{"orderId": "canary"#, &deep] {
        let (lines, result) = failing(input, None);
        assert_eq!(result.unwrap_err().fault, Fault::InvalidRequest);
        assert!(!format!("{lines:?}").contains("canary"), "{lines:?}");
    }
    for named in [
        r#"{"operation": "can ary", "orderId": ["canary"]}"#,
        r#"{"operation": "4242", "orderId": "4242424242424242"}"#,
    ] {
        let (lines, _) = failing(named, Some(&Fault::InvalidRequest.because("`orderId`")));
        assert_eq!((&lines[0]["operation"], &lines[0]["orderId"]), (&json!("?"), &json!("?")));
    }
}

#[test]
fn libraries_speak_only_from_warn_on() {
    let lines = lines(|| {
        tracing::info!(target: "aws_sdk_dynamodb", "a whole request: canary");
        tracing::error!(target: "lambda_runtime::layers::panic", "the failure again");
        tracing::info!(target: "adapters::orders", "ours");
        tracing::warn!(target: "hyper", "theirs");
    });
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["ours", "theirs"]);
}

#[test]
fn a_metric_is_a_line_in_the_embedded_metric_format() {
    let at = sample::placed_at();
    assert_eq!(
        Metric::one("OrdersRejected").by("reason", "REVIEW_EXPIRED").line(at),
        json!({
            "_aws": {
                "Timestamp": 1_795_406_400_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "OrderProcessing",
                    "Dimensions": [["reason"]],
                    "Metrics": [{"Name": "OrdersRejected", "Unit": "Count"}],
                }],
            },
            "reason": "REVIEW_EXPIRED",
            "OrdersRejected": 1,
        })
    );
    let latency = Metric { value: 412, unit: Unit::Milliseconds, ..Metric::one("ProviderLatency") };
    let line = latency.line(at);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    assert_eq!(line["ProviderLatency"], 412);
}
