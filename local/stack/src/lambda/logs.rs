//! The output of the functions, line by line: in a bounded buffer for searches, and in a
//! file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The crate name of the function.
    pub function: String,
    /// The invocation that the worker was running, if any.
    pub request_id: Option<String>,
    /// The line without its line break.
    pub text: String,
}

/// The logs of all functions. A clone shares them.
#[derive(Debug, Clone)]
pub struct FunctionLogs {
    buffer: Arc<Mutex<LogBuffer>>,
}

#[derive(Debug)]
struct LogBuffer {
    lines: VecDeque<LogLine>,
    file: Option<File>,
}

/// The number of lines kept in memory. The oldest are dropped first.
const MAX_LINES: usize = 100_000;

/// The size of the log tail that `LogType: Tail` returns, as on AWS.
const TAIL_BYTES: usize = 4 * 1024;

impl FunctionLogs {
    /// Empty logs that also append to `file`.
    pub(super) fn open(file: Option<&Path>) -> io::Result<Self> {
        let open = |path| File::options().append(true).create(true).open(path);
        let buffer = LogBuffer { lines: VecDeque::new(), file: file.map(open).transpose()? };
        Ok(Self { buffer: Arc::new(Mutex::new(buffer)) })
    }

    /// The lines that contain `text`, oldest first.
    pub fn find(&self, text: &str) -> Vec<LogLine> {
        self.lock().lines.iter().filter(|line| line.text.contains(text)).cloned().collect()
    }

    /// The lines of one invocation, oldest first.
    pub fn for_request(&self, request_id: &str) -> Vec<LogLine> {
        let matches = |line: &&LogLine| line.request_id.as_deref() == Some(request_id);
        self.lock().lines.iter().filter(matches).cloned().collect()
    }

    pub(super) fn push(&self, line: LogLine) {
        tracing::debug!(function = line.function, request_id = line.request_id, "{}", line.text);
        let mut buffer = self.lock();
        if buffer.lines.len() == MAX_LINES {
            buffer.lines.pop_front();
        }
        // A full disk must not stop the functions. The buffer still holds the line.
        let written =
            buffer.file.as_mut().map(|file| writeln!(file, "{} {}", line.function, line.text));
        if let Some(Err(error)) = written {
            tracing::warn!(%error, "the log file of the functions could not be written: it ends here");
            buffer.file = None;
        }
        buffer.lines.push_back(line);
    }

    /// The end of an invocation's output. It searches all lines.
    pub(crate) fn tail(&self, request_id: &str) -> Vec<u8> {
        let mut text = String::new();
        for line in self.for_request(request_id) {
            text.push_str(&line.text);
            text.push('\n');
        }
        let bytes = text.into_bytes();
        bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, LogBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
