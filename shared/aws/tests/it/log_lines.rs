//! The log lines and metric lines of a function, and how a failure is logged.

use std::collections::BTreeSet;

use aws::metrics::{
    AttentionReason, Metric, MetricName, Provider, ProviderCall, RejectionReason, Resolution,
};
use aws::telemetry;
use domain::compensation::Outcome;
use domain::order::Attention;
use domain::{ErrorName, Status, StepError};
use serde_json::{Value, json};
use testing::samples;
use tracing::Level;

use crate::log_capture::LogCapture;

/// The lines that are logged while `run` runs.
fn lines(run: impl FnOnce()) -> Vec<Value> {
    let log = LogCapture::default();
    let writer = log.writer();
    let subscriber = telemetry::subscriber(Level::INFO, move || writer.clone());
    tracing::subscriber::with_default(subscriber, run);
    log.lines()
}

/// The lines and the result of a handler, which fails if `failure` is given.
fn invoke(input: &str, failure: Option<&StepError>) -> (Vec<Value>, Result<Value, StepError>) {
    let mut result = Ok(Value::Null);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lines = lines(|| {
        let handler =
            async |input: Value| failure.map_or(Ok(input), |failure| Err(failure.clone()));
        result = runtime.block_on(aws::runtime::invoke(handler, input));
    });
    (lines, result)
}

#[test]
fn a_failure_is_one_line_with_a_message_and_fields() {
    let id = samples::received().order_id;
    let input = json!({"operation": "capture", "orderId": id, "name": "Ada Lovelace"}).to_string();
    let declined = ErrorName::PaymentDeclined.with_detail("insufficient_funds");
    let (lines, result) = invoke(&input, Some(&declined));
    assert_eq!(result, Err(declined));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "the operation failed");
    assert_eq!(line["operation"], "capture");
    assert_eq!(line["orderId"], id.as_str());
    assert_eq!(line["error"], "PaymentDeclined");
    assert_eq!(line["detail"], "insufficient_funds");
    assert!(!line.to_string().contains("Ada"), "{line}");

    let (lines, _) = invoke(&input, Some(&ErrorName::StockContended.with_detail("busy")));
    assert_eq!(lines[0]["level"], "WARN");
}

#[test]
fn a_success_logs_nothing() {
    let (lines, result) = invoke(r#"{"orderId": "ord_1"}"#, None);
    assert_eq!(lines, Vec::<Value>::new());
    assert_eq!(result, Ok(json!({"orderId": "ord_1"})));
}

#[test]
fn malformed_input_is_an_invalid_request_and_is_not_logged() {
    let deep = format!("{}\"canary\"{}", "[".repeat(500), "]".repeat(500));
    for input in ["canary", r#"{"orderId": "canary"#, &deep] {
        let (lines, result) = invoke(input, None);
        assert_eq!(result.unwrap_err().name, ErrorName::InvalidRequest);
        assert!(!format!("{lines:?}").contains("canary"), "{lines:?}");
    }
    for input in [
        r#"{"operation": "can ary", "orderId": ["canary"]}"#,
        r#"{"operation": "4242", "orderId": "4242424242424242"}"#,
    ] {
        let (lines, _) = invoke(input, Some(&ErrorName::InvalidRequest.with_detail("`orderId`")));
        assert_eq!((&lines[0]["operation"], &lines[0]["orderId"]), (&json!("?"), &json!("?")));
    }
}

#[test]
fn libraries_log_only_from_warn_on() {
    let lines = lines(|| {
        tracing::info!(target: "aws_sdk_dynamodb", "a whole request: canary");
        tracing::error!(target: "lambda_runtime::layers::panic", "the failure again");
        tracing::info!(target: "aws::orders", "ours");
        tracing::warn!(target: "hyper", "theirs");
    });
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["ours", "theirs"]);
}

#[test]
fn a_metric_is_a_line_in_the_embedded_metric_format() {
    let at = samples::placed_at();
    assert_eq!(
        Metric::OrdersRejected(RejectionReason::ReviewExpired).to_emf(at),
        json!({
            "_aws": {
                "Timestamp": 1_795_406_400_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "OrderProcessing",
                    "Dimensions": [["Stack", "Reason"]],
                    "Metrics": [{"Name": "OrdersRejected", "Unit": "Count"}],
                }],
            },
            "Stack": "local",
            "Reason": "REVIEW_EXPIRED",
            "OrdersRejected": 1,
        })
    );
    let line = Metric::ProviderLatency(Provider::Payment, ProviderCall::Confirm, 412).to_emf(at);
    assert_eq!(line["ProviderLatency"], 412);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "Milliseconds");
}

/// One of each metric.
const METRICS: [Metric; 20] = [
    Metric::OrdersAccepted,
    Metric::OrdersFulfilled,
    Metric::OrdersRejected(RejectionReason::Status(Status::OutOfStock)),
    Metric::PaymentsDeclined,
    Metric::CompensationsBegun(Outcome::Cancelled),
    Metric::CompensationsEnded(Outcome::ShippingFailed),
    Metric::CompensationsFailed(AttentionReason::RefundFailed),
    Metric::AttentionRaised(AttentionReason::Stuck),
    Metric::OutcomesUnknown(Provider::Shipping, ProviderCall::Buy),
    Metric::OutcomesResolved(Provider::Shipping, ProviderCall::Buy, Resolution::NoEffect),
    Metric::ProviderLatency(Provider::Shipping, ProviderCall::Buy, 1_500),
    Metric::ProviderLatency(Provider::Payment, ProviderCall::Retrieve, 0),
    Metric::LedgerMismatch("LABEL_NOT_ON_RECORD"),
    Metric::ComparisonsCompleted(false),
    Metric::ExecutionsEndedEarly,
    Metric::InspectionsFailed(3),
    Metric::SweepDelay(40),
    Metric::AttentionAge(Attention::Review, 7_200),
    Metric::AuthorizationsExpiring,
    Metric::AttentionRaised(AttentionReason::Backorder),
];

#[test]
fn every_metric_follows_the_format_and_contains_only_words() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), MetricName::ALL, "each has a sample");
    for metric in METRICS {
        let name = metric.name();
        let line = metric.to_emf(samples::placed_at());
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        assert_eq!(directive["Namespace"], "OrderProcessing");
        assert_eq!(directive["Metrics"][0]["Name"], name.as_str());
        assert!(line[name.as_str()].is_u64(), "the target of the metric is a number: {line}");
        // CloudWatch bills each set of dimensions.
        let mut expected = vec!["Stack"];
        if let Some(dimension) = name.dimension() {
            expected.push(dimension.name);
            let value = line[dimension.name].as_str().unwrap();
            assert!(dimension.values.contains(&value), "the value is listed: {line}");
        }
        assert_eq!(directive["Dimensions"], json!([expected]), "{line}");
        assert_eq!(line["Stack"], "local");
        // Everything else is a word; nothing could name an order.
        for (field, value) in line.as_object().unwrap() {
            let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            let known = ["_aws", "Stack", name.as_str()].contains(&field.as_str());
            assert!(known || value.as_str().is_some_and(is_word), "{field} is no word: {line}");
        }
    }
}

#[test]
fn a_metric_is_written_verbatim_at_every_log_level() {
    let log = LogCapture::default();
    let writer = log.writer();
    let subscriber = telemetry::subscriber(Level::ERROR, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("below the log level");
        Metric::OrdersAccepted.emit(samples::placed_at());
        tracing::error!(target: "aws", "a line");
    });
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], Metric::OrdersAccepted.to_emf(samples::placed_at()));
    assert_eq!(lines[1]["message"], "a line");
}
