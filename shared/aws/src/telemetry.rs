//! Log lines and metrics ([`crate::emf`]): JSON, one line each, on standard output.
//!
//! A line has a message for people and fields for queries. It has no time of
//! its own: Lambda stamps each line as it takes it. Only our own crates speak
//! below `WARN`: what a library says at `DEBUG` may hold a whole request.
//!
//! A failure is logged once, where it is handled ([`failed`]). A panic is logged
//! by its place, never by its message, which may hold anything.

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

/// The crates that may speak below `WARN`.
const OURS: [&str; 10] = [
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

/// Sends log lines to standard output from now on.
pub fn init(level: Level) {
    // A second call, as tests make it, changes nothing.
    let _already_set = tracing::subscriber::set_global_default(subscriber(level, std::io::stdout));
}

/// What takes the lines: ours from `level` on, those of libraries from `WARN` on,
/// and every metric.
pub fn subscriber<W>(level: Level, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_target(emf::TARGET, LevelFilter::OFF)
        // The runtime logs the errors of handlers again, in words of its own.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_targets(OURS.map(|name| (name, level)))
        // Targets match by prefix, so `aws` alone would also match `aws_sdk_dynamodb`.
        .with_target("aws_", Level::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .without_time()
        .with_writer(writer.clone())
        .with_filter(targets);
    let metrics =
        MetricLines(writer).with_filter(Targets::new().with_target(emf::TARGET, Level::INFO));
    tracing_subscriber::registry().with(lines).with(metrics)
}

/// Writes the line of each metric as it is, without a message around it.
struct MetricLines<W>(W);

impl<S: tracing::Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for MetricLines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        line.0.push('\n');
        // That standard output is gone is nothing that could be told anybody.
        let _gone = self.0.make_writer().write_all(line.0.as_bytes());
    }
}

/// The one field of a metric's event.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, _: &Field, line: &str) {
        line.clone_into(&mut self.0);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
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
pub fn log_failure(operation: &str, order_id: &str, failure: &StepError) {
    let fault = failure.name.as_str();
    let detail = failure.detail.as_str();
    if failure.name.is_transient() {
        tracing::warn!(operation, orderId = order_id, fault, detail, "will be tried again");
    } else {
        tracing::error!(operation, orderId = order_id, fault, detail, "the operation failed");
    }
}

/// Writes one line. That standard output is gone is nothing that could be told anybody.
fn write(line: &Value) {
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}
