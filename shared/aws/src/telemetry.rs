//! Log lines and metric lines: JSON, one per line, on standard output.
//!
//! A log line has a message for people and fields for queries. It has no timestamp:
//! Lambda adds one. Libraries log only from `WARN` on, because their `DEBUG` lines may
//! hold whole requests. A failure is logged once, by [`log_failure`]. A panic is logged
//! by its place, never by its message, which may hold private data.

use std::io::Write as _;

use domain::StepError;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::emf;

/// The library names of our crates that ship: the only ones that may log below `WARN`.
///
/// A repository test compares the list with the workspace.
pub const SHIPPED_CRATES: [&str; 10] = [
    "aws",
    "check_inventory",
    "domain",
    "easypost",
    "http_client",
    "initiate_shipping",
    "order_api",
    "process_payment",
    "reconcile_orders",
    "stripe",
];

/// Sends all lines of this process to standard output.
pub fn init(level: Level) {
    // A second call, as in tests, changes nothing.
    let _already_set = tracing::subscriber::set_global_default(subscriber(level, std::io::stdout));
}

/// A subscriber that writes our lines from `level` on, those of libraries from `WARN`
/// on, and every metric.
pub fn subscriber<W>(level: Level, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_target(emf::TARGET, LevelFilter::OFF)
        // The runtime logs a handler's error again.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_targets(SHIPPED_CRATES.map(|name| (name, level)))
        // Targets match by prefix, so `aws` alone would also match `aws_sdk_dynamodb`.
        .with_target("aws_", Level::WARN);
    let log_lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .without_time()
        .with_writer(writer.clone())
        .with_filter(targets);
    let metric_lines =
        MetricLines(writer).with_filter(Targets::new().with_target(emf::TARGET, Level::INFO));
    tracing_subscriber::registry().with(log_lines).with(metric_lines)
}

/// Writes the line of each metric verbatim.
struct MetricLines<W>(W);

impl<S: tracing::Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for MetricLines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = LineField(String::new());
        event.record(&mut line);
        line.0.push('\n');
        // If standard output is closed, there is nowhere to report it.
        let _closed = self.0.make_writer().write_all(line.0.as_bytes());
    }
}

/// Collects the one field of a metric event.
struct LineField(String);

impl Visit for LineField {
    fn record_str(&mut self, _: &Field, line: &str) {
        line.clone_into(&mut self.0);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Makes a panic log its place and abort the process, in every build profile. Lambda
/// then reports `Runtime.ExitError`, and the state machine retries.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        write_line(&json!({"level": "ERROR", "message": "the function panicked", "place": place}));
        std::process::abort();
    }));
}

/// Logs a failed operation: a warning if the state machine retries it, an error if not.
pub fn log_failure(operation: &str, order_id: &str, failure: &StepError) {
    let error = failure.name.as_str();
    let detail = failure.detail.as_str();
    if failure.name.is_transient() {
        tracing::warn!(
            operation,
            orderId = order_id,
            error,
            detail,
            "the operation failed and will be retried"
        );
    } else {
        tracing::error!(operation, orderId = order_id, error, detail, "the operation failed");
    }
}

fn write_line(line: &Value) {
    // If standard output is closed, there is nowhere to report it.
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}
