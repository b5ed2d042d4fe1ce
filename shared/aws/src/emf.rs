//! Log lines in `CloudWatch`'s [embedded metric format], from which it makes metrics
//! without a call by the function.
//!
//! A metric with dimensions is counted twice: by its dimensions and as a total, so an
//! alarm can watch either.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use domain::Timestamp;
use serde_json::{Map, Value, json};

/// The tracing target of metric lines. [`telemetry`](crate::telemetry) writes their
/// `line` field verbatim.
pub(crate) const TARGET: &str = "metric";

/// The `CloudWatch` namespace of all metrics.
const NAMESPACE: &str = "OrderProcessing";

/// The unit of a metric, as `CloudWatch` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(crate) enum Unit {
    Count,
    Milliseconds,
}

/// One value of a metric.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) value: u64,
    pub(crate) unit: Unit,
    /// Names and values.
    pub(crate) dimensions: Vec<(&'static str, &'static str)>,
}

impl Measurement {
    /// The line for `CloudWatch`.
    pub(crate) fn to_line(&self, at: Timestamp) -> Value {
        let names: Vec<_> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let sets = if names.is_empty() { json!([[]]) } else { json!([names, []]) };
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": sets,
            "Metrics": [{"Name": self.name, "Unit": <&str>::from(self.unit)}],
        });
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": at.to_jiff().as_millisecond(), "CloudWatchMetrics": [directive]}),
        );
        line.extend(self.dimensions.iter().map(|(name, word)| ((*name).to_owned(), json!(word))));
        line.insert(self.name.to_owned(), json!(self.value));
        Value::Object(line)
    }
}
