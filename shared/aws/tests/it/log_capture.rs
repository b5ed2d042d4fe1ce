//! Captures what a function would write to standard output.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aws::telemetry;
use serde_json::Value;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// The captured bytes; a clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogCapture(Arc<Mutex<Vec<u8>>>);

impl Write for LogCapture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl LogCapture {
    /// Captures the lines of this thread until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let capture = Self::default();
        let writer = capture.clone();
        let subscriber = telemetry::subscriber(Level::INFO, move || writer.clone());
        (capture, tracing::subscriber::set_default(subscriber))
    }

    /// The lines since the last call.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
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
