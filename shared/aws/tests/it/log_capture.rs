//! Captures what a function would write to standard output.

use aws::telemetry;
use serde_json::Value;
use testing::log_buffer::LogBuffer;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// The captured lines; a clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogCapture(LogBuffer);

impl LogCapture {
    /// Captures the lines of this thread until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let capture = Self::default();
        let writer = capture.writer();
        let subscriber = telemetry::subscriber(Level::INFO, move || writer.clone());
        (capture, tracing::subscriber::set_default(subscriber))
    }

    /// What a subscriber writes to.
    pub(crate) fn writer(&self) -> LogBuffer {
        self.0.clone()
    }

    /// The lines since the last call.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.0.take_text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The names of the metrics since the last call; every line must be a metric.
    pub(crate) fn metric_names(&self) -> Vec<String> {
        let name = |line: &Value| {
            let metric = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"];
            metric.as_str().unwrap_or_else(|| panic!("{line} is not a metric")).to_owned()
        };
        self.lines().iter().map(name).collect()
    }
}
