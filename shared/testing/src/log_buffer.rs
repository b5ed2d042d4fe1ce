//! A buffer in place of standard output, for tests of what a function logs.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

/// While a process has one subscriber, `tracing` asks only the thread that is the first to
/// reach a log statement whether anyone is interested, and remembers the answer for all
/// threads. Another test would then silence the statement for the test that listens. With a
/// second subscriber it asks all of them.
static SECOND_SUBSCRIBER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// What was written; a clone shares it.
#[derive(Debug, Clone)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        LazyLock::force(&SECOND_SUBSCRIBER);
        Self(Arc::default())
    }

    /// What was written since the last call.
    ///
    /// # Panics
    /// If it is not UTF-8.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub fn take_text(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).expect("logs are UTF-8")
    }
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
