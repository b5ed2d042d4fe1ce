//! Log lines in `CloudWatch`'s [embedded metric format], from which it makes metrics
//! without a call by the function.
//!
//! Every metric has the dimension `Stack`, so the deployments of one account do not mix.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::sync::OnceLock;

use domain::Timestamp;
use serde_json::{Map, Value, json};

/// The tracing target of metric lines. [`telemetry`](crate::telemetry) writes their
/// `line` field verbatim.
pub(crate) const TARGET: &str = "metric";

/// The `CloudWatch` namespace of all metrics.
const NAMESPACE: &str = "OrderProcessing";
/// The dimension that every metric has.
const STACK: &str = "Stack";
/// Its value where no stack is named: on a laptop.
const NO_STACK: &str = "local";

/// The name of this process's stack, set once.
static STACK_NAME: OnceLock<String> = OnceLock::new();

/// Names the stack that this process's metrics belong to. Only the first call counts.
pub(crate) fn set_stack(name: String) {
    let _already_set = STACK_NAME.set(name);
}

/// The unit of a metric, as `CloudWatch` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(crate) enum Unit {
    Count,
    Milliseconds,
    Seconds,
}

/// One value of a metric.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) value: u64,
    pub(crate) unit: Unit,
    /// The dimension besides the stack. Its value is among the fields.
    pub(crate) dimension: Option<&'static str>,
    /// What the line says besides the value: names and words.
    pub(crate) fields: Vec<(&'static str, &'static str)>,
}

impl Measurement {
    /// The line for `CloudWatch`.
    pub(crate) fn to_line(&self, at: Timestamp) -> Value {
        let dimensions: Vec<_> = [STACK].into_iter().chain(self.dimension).collect();
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": [dimensions],
            "Metrics": [{"Name": self.name, "Unit": <&str>::from(self.unit)}],
        });
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": at.to_jiff().as_millisecond(), "CloudWatchMetrics": [directive]}),
        );
        let stack = STACK_NAME.get().map_or(NO_STACK, String::as_str);
        line.insert(STACK.to_owned(), json!(stack));
        line.extend(self.fields.iter().map(|(name, word)| ((*name).to_owned(), json!(word))));
        line.insert(self.name.to_owned(), json!(self.value));
        Value::Object(line)
    }
}
