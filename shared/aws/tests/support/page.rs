//! Standard output, as a test reads it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aws::telemetry;
use serde_json::Value;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// What was written; a clone is the same page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Page {
    /// Takes the lines of this thread until the guard is dropped.
    pub(crate) fn open() -> (Self, DefaultGuard) {
        let page = Self::default();
        let writer = page.clone();
        let lines = telemetry::subscriber(Level::INFO, move || writer.clone());
        (page, tracing::subscriber::set_default(lines))
    }

    /// The lines since the last time.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The names of the metrics since the last time; every line must be one.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |line: &Value| {
            let metric = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"];
            metric.as_str().unwrap_or_else(|| panic!("{line} is no metric")).to_owned()
        };
        self.lines().iter().map(name).collect()
    }
}
