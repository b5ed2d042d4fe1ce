//! Where the commands write: results to standard output, everything else to standard
//! error, and progress as a bar on a terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use console::Style;
use indicatif::{ProgressBar, ProgressStyle};

use crate::urls::Urls;

/// Writes a line of a result. A closed pipe is not an error.
pub(super) fn print_result(line: impl Display) {
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}

/// The address of the web page, as the line that a person looks for.
pub(super) fn page_address(urls: &Urls) -> String {
    format!("Open {}/ in a browser to watch orders, act on them and break them.", urls.api)
}

/// Writes a line of information.
pub(super) fn print_info(line: impl Display) {
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes an error with its causes.
pub(super) fn print_error(error: &anyhow::Error) {
    print_info(format_args!("error: {error:#}"));
}

/// The styles of results. `console` turns them off when standard output is not a
/// terminal, and when `NO_COLOR` is set.
#[derive(Debug, Clone)]
pub(super) struct Styles {
    pub(super) ok: Style,
    pub(super) failed: Style,
    pub(super) heading: Style,
    pub(super) secondary: Style,
}

impl Styles {
    /// The styles for standard output.
    pub(super) fn for_stdout() -> Self {
        Self::new(console::colors_enabled())
    }

    fn new(colors: bool) -> Self {
        let style = || Style::new().force_styling(colors);
        Self {
            ok: style().green(),
            failed: style().red().bold(),
            heading: style().bold(),
            secondary: style().dim(),
        }
    }

    /// No styles, for tests.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self::new(false)
    }

    /// `✓` or `✗`.
    pub(super) fn mark(&self, ok: bool) -> String {
        if ok {
            self.ok.apply_to("✓").to_string()
        } else {
            self.failed.apply_to("✗").to_string()
        }
    }
}

/// The progress of a sequence of tasks: a bar on a terminal, otherwise a line for each
/// task.
pub(super) struct Progress {
    total: usize,
    started: usize,
    bar: Option<ProgressBar>,
    task: String,
}

impl Progress {
    pub(super) fn new(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(u64::try_from(total).unwrap_or_default());
            let template = "{spinner} {pos}/{len} {bar:20} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { total, started: 0, bar, task: String::new() }
    }

    /// Begins the next task.
    pub(super) fn start(&mut self, task: &str) {
        self.started += 1;
        task.clone_into(&mut self.task);
        match &self.bar {
            Some(bar) => bar.set_message(self.task.clone()),
            None => print_info(format_args!("[{}/{}] {task}", self.started, self.total)),
        }
    }

    /// Shows where the task is. Without a terminal, this writes nothing.
    pub(super) fn update(&self, position: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {position}", self.task));
        }
    }

    /// Ends the task and writes its result.
    pub(super) fn finish(&self, result: Option<&str>) {
        let print = || {
            if let Some(result) = result {
                print_result(result);
            }
        };
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.suspend(print);
            }
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
