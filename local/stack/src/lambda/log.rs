//! What the functions print, line by line: into a bounded buffer that can be
//! searched, and into a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One printed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function, by its crate's name.
    pub function: String,
    /// The invocation that its process was at work on, if any.
    pub request_id: Option<String>,
    /// The line, without its end.
    pub text: String,
}

/// The log of all functions; a clone is the same book.
#[derive(Debug, Clone)]
pub struct LogBook {
    pages: Arc<Mutex<Pages>>,
}

#[derive(Debug)]
struct Pages {
    lines: VecDeque<LogLine>,
    file: Option<File>,
}

/// How many lines are kept in memory; the oldest go first.
const KEPT_LINES: usize = 100_000;

/// What `LogType: Tail` gives, as on AWS.
const TAIL_BYTES: usize = 4 * 1024;

impl LogBook {
    /// An empty book that also writes to the end of `file`.
    pub(super) fn open(file: Option<&Path>) -> io::Result<Self> {
        let open = |path| File::options().append(true).create(true).open(path);
        let pages = Pages { lines: VecDeque::new(), file: file.map(open).transpose()? };
        Ok(Self { pages: Arc::new(Mutex::new(pages)) })
    }

    /// The lines, oldest first, that contain `text`.
    pub fn find(&self, text: &str) -> Vec<LogLine> {
        self.lock().lines.iter().filter(|line| line.text.contains(text)).cloned().collect()
    }

    /// The lines that one invocation printed, oldest first.
    pub fn of_request(&self, request_id: &str) -> Vec<LogLine> {
        let ours = |line: &&LogLine| line.request_id.as_deref() == Some(request_id);
        self.lock().lines.iter().filter(ours).cloned().collect()
    }

    pub(super) fn add(&self, line: LogLine) {
        tracing::debug!(function = line.function, request_id = line.request_id, "{}", line.text);
        let mut pages = self.lock();
        if pages.lines.len() == KEPT_LINES {
            pages.lines.pop_front();
        }
        // A full disk must not stop the functions; the buffer still has the line.
        let written =
            pages.file.as_mut().map(|file| writeln!(file, "{} {}", line.function, line.text));
        if let Some(Err(error)) = written {
            tracing::warn!(%error, "cannot write the functions' log: it ends here");
            pages.file = None;
        }
        pages.lines.push_back(line);
    }

    /// The end of what one invocation printed.
    pub(super) fn tail(&self, request_id: &str) -> Vec<u8> {
        let mut text = String::new();
        for line in self.of_request(request_id) {
            text.push_str(&line.text);
            text.push('\n');
        }
        let bytes = text.into_bytes();
        bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
