//! The lead of the stack clock over wall time, stored so that the clock never goes back.
//!
//! A clock that skips ahead or runs fast writes future times into the tables and the
//! histories. The next stack on the same folder must start after them, even after
//! `kill -9`. Each skip and each change of the speed is therefore stored before any reader
//! sees it. A fast clock also stores its lead every second, plus a margin that covers the
//! time until the next write.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::error::StartError;
use super::state_folder::StateFolder;
use crate::clock::{ClockRate, ClockSettings, StackClock, wall_clock};

/// How often the lead of a fast clock is stored.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stored lead stays valid: three intervals, in case a write is late.
const VALID_FOR: SignedDuration = SignedDuration::from_secs(3);

/// Stores the lead until it is dropped.
#[derive(Debug)]
pub(super) struct ClockLeadWriter {
    task: AbortHandle,
}

impl Drop for ClockLeadWriter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the clock of a stack on this folder.
pub(super) fn clock(
    settings: ClockSettings,
    folder: &StateFolder,
) -> Result<(StackClock, Option<ClockLeadWriter>), StartError> {
    let Some(path) = folder.persistent_path("clock.json") else {
        return Ok((StackClock::new(settings), None));
    };
    let lead = read(&path).map_err(StartError::io(path.display().to_string()))?;
    let start = settings.start.unwrap_or_else(|| add_lead(wall_clock(), lead));
    let clock = StackClock::new(ClockSettings { start: Some(start), ..settings });
    let file = Arc::new(LeadFile { path });
    let on_change = Arc::clone(&file);
    clock.on_change(move |now, rate| on_change.write(now, rate));
    let task = tokio::spawn(write_periodically(clock.clone(), file)).abort_handle();
    Ok((clock, Some(ClockLeadWriter { task })))
}

/// How much the lead grows while a stored lead is valid.
fn margin(rate: ClockRate) -> SignedDuration {
    let faster = i32::try_from(rate.speed.get() - 1).unwrap_or(i32::MAX);
    VALID_FOR.saturating_mul(faster)
}

async fn write_periodically(clock: StackClock, file: Arc<LeadFile>) {
    let mut changes = clock.rate_changes();
    loop {
        let rate = *changes.borrow_and_update();
        file.write(clock.now(), rate);
        if margin(rate).is_zero() {
            // The lead grows only by skips, and each skip is stored.
            if changes.changed().await.is_err() {
                return;
            }
        } else {
            tokio::time::sleep(WRITE_INTERVAL).await;
        }
    }
}

struct LeadFile {
    path: PathBuf,
}

impl LeadFile {
    /// Writes a second file and renames it, so that a complete file always exists.
    fn write(&self, now: Timestamp, rate: ClockRate) {
        let lead = now.duration_since(wall_clock()).saturating_add(margin(rate));
        let text = json!({ "aheadByMs": i64::try_from(lead.as_millis()).unwrap_or(i64::MAX) });
        let temporary = self.path.with_extension("json.new");
        let written = fs::write(&temporary, text.to_string());
        if let Err(error) = written.and_then(|()| fs::rename(&temporary, &self.path)) {
            tracing::warn!(%error, "the clock's lead could not be stored");
        }
    }
}

fn read(path: &Path) -> std::io::Result<SignedDuration> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(SignedDuration::ZERO);
        }
        text => text?,
    };
    let lead: Value = serde_json::from_str(&text)?;
    Ok(SignedDuration::from_millis(lead["aheadByMs"].as_i64().unwrap_or_default()))
}

fn add_lead(wall: Timestamp, lead: SignedDuration) -> Timestamp {
    wall.saturating_add(lead.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
}
