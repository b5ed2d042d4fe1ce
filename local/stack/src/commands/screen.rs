//! What is shown: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::stepfunctions::Moved;

/// Writes a line of a result. A reader that went away is no reason to fail.
pub(super) fn say(line: impl Display) {
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line about what is going on.
pub(super) fn tell(line: impl Display) {
    let _gone = writeln!(std::io::stderr().lock(), "{line}");
}

/// Says what is wrong: the failure and what led to it.
pub(super) fn complain(error: &anyhow::Error) {
    tell(format_args!("error: {error:#}"));
}

/// Shows one order moving: a line that changes on a terminal, plain lines otherwise.
pub(super) struct Mover {
    name: String,
    bar: Option<ProgressBar>,
    path: Vec<String>,
}

impl Mover {
    pub(super) fn new(name: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:34} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { name: name.to_owned(), bar, path: Vec::new() }
    }

    /// Shows one move.
    pub(super) fn show(&mut self, moved: &Moved) {
        let Some(text) = in_words(moved) else { return };
        match &self.bar {
            Some(bar) => {
                self.path.push(text);
                bar.set_message(self.path.join(" → "));
            }
            None => tell(format_args!("  {:34} {text}", self.name)),
        }
    }

    /// Takes the changing line away.
    pub(super) fn done(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn in_words(moved: &Moved) -> Option<String> {
    Some(match moved {
        Moved::Entered { state, .. } => state.clone(),
        Moved::Retrying { delay_seconds, .. } => format!("again in {delay_seconds} s"),
        Moved::Waiting => "waits".to_owned(),
        Moved::Redriven => "redriven".to_owned(),
        Moved::Ended { status, .. } => status.clone(),
        Moved::Started
        | Moved::Exited { .. }
        | Moved::Attempted { .. }
        | Moved::Faltered { .. } => return None,
    })
}
