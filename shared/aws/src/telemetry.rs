//! Log lines and metrics: JSON, one line each, on standard output.
//!
//! A line has a message for people and fields for queries. It has no time of
//! its own: Lambda stamps each line as it takes it. Only our own crates speak
//! below `WARN`: what a library says at `DEBUG` may hold a whole request.
//!
//! A failure is logged once, where it is handled ([`failed`]). A panic is logged
//! by its place, never by its message, which may hold anything.

use std::io::Write as _;

use domain::{Failure, Moment};
use serde_json::{Map, Value, json};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// The crates that may speak below `WARN`.
const OURS: [&str; 7] = [
    "adapters",
    "check_inventory",
    "domain",
    "initiate_shipping",
    "order_api",
    "process_payment",
    "reconcile_orders",
];

/// The namespace of the metrics.
const NAMESPACE: &str = "OrderProcessing";

/// Sends log lines to standard output from now on.
pub fn init(level: Level) {
    // A second call, as tests make it, changes nothing.
    let _already_set = tracing::subscriber::set_global_default(subscriber(level, std::io::stdout));
}

/// What takes the log lines: ours from `level` on, those of libraries from `WARN` on.
pub fn subscriber<W>(level: Level, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(Level::WARN)
        // The runtime logs the errors of handlers again, in words of its own.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_targets(OURS.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .without_time()
        .with_writer(writer);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// From now on a panic is logged by its place and ends the process, whatever
/// the profile: Lambda answers `Runtime.ExitError`, the state machine retries.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let line = json!({"level": "ERROR", "message": "the function panicked", "place": place});
        write(&line);
        std::process::abort();
    }));
}

/// Logs how an operation failed; once, at the handler.
pub fn failed(operation: &str, order_id: &str, failure: &Failure) {
    let fault = failure.fault.name();
    let detail = failure.detail.as_str();
    if failure.fault.is_transient() {
        tracing::warn!(operation, orderId = order_id, fault, detail, "will be tried again");
    } else {
        tracing::error!(operation, orderId = order_id, fault, detail, "the operation failed");
    }
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// How long.
    Milliseconds,
}

/// A metric in the embedded metric format: a log line from which `CloudWatch`
/// makes a number. Dimensions are words of ours, never anything of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// What is measured.
    pub name: &'static str,
    /// How much.
    pub value: u64,
    /// Of what.
    pub unit: Unit,
    /// By what it is told apart.
    pub dimensions: Vec<(&'static str, &'static str)>,
}

impl Metric {
    /// One more of a thing.
    pub const fn one(name: &'static str) -> Self {
        Self { name, value: 1, unit: Unit::Count, dimensions: Vec::new() }
    }

    /// Told apart by this.
    #[must_use]
    pub fn by(mut self, dimension: &'static str, value: &'static str) -> Self {
        self.dimensions.push((dimension, value));
        self
    }

    /// The line, as of a moment.
    pub fn line(&self, at: Moment) -> Value {
        let unit = match self.unit {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
        };
        let names: Vec<_> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let mut line = Map::new();
        for (name, value) in &self.dimensions {
            line.insert((*name).to_owned(), json!(value));
        }
        line.insert(self.name.to_owned(), json!(self.value));
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": [names],
            "Metrics": [{"Name": self.name, "Unit": unit}],
        });
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": at.timestamp().as_millisecond(), "CloudWatchMetrics": [directive]}),
        );
        Value::Object(line)
    }

    /// Writes the line.
    pub fn emit(&self, at: Moment) {
        write(&self.line(at));
    }
}

/// Writes one line. That standard output is gone is nothing that could be told anybody.
fn write(line: &Value) {
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}
