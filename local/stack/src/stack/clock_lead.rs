//! The lead of the stack clock over wall time, stored so that the clock never goes back.
//!
//! A clock that skips ahead or runs fast writes future times into the tables and the
//! histories. The next stack on the same folder must start after them, even after
//! `kill -9`. Each skip and each change of the speed is therefore stored before any reader
//! sees it. A fast clock also stores its lead every second, plus a margin that covers the
//! time until the next write.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::error::StartError;
use super::state_folder::StateFolder;
use crate::clock::{ClockRate, ClockSettings, StackClock, wall_clock};
use crate::state_file::StateFile;

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
    let name = path.display().to_string();
    let file = Arc::new(StateFile::new(path));
    let lead: Lead = file.read().map_err(StartError::io(name))?;
    let start = settings.start.unwrap_or_else(|| lead.after(wall_clock()));
    let clock = StackClock::new(ClockSettings { start: Some(start), ..settings });
    let on_change = Arc::clone(&file);
    clock.on_change(move |now, rate| on_change.write(&Lead::of(now, rate)));
    let task = tokio::spawn(write_periodically(clock.clone(), file)).abort_handle();
    Ok((clock, Some(ClockLeadWriter { task })))
}

/// How much the lead grows while a stored lead is valid.
fn margin(rate: ClockRate) -> SignedDuration {
    let faster = i32::try_from(rate.speed.get() - 1).unwrap_or(i32::MAX);
    VALID_FOR.saturating_mul(faster)
}

async fn write_periodically(clock: StackClock, file: Arc<StateFile>) {
    let mut changes = clock.rate_changes();
    loop {
        let rate = *changes.borrow_and_update();
        file.write(&Lead::of(clock.now(), rate));
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

/// How far the clock runs ahead of wall time.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lead {
    #[serde(default)]
    ahead_by_ms: i64,
}

impl Lead {
    /// The lead that is valid until the next write.
    fn of(now: Timestamp, rate: ClockRate) -> Self {
        let lead = now.duration_since(wall_clock()).saturating_add(margin(rate));
        Self { ahead_by_ms: i64::try_from(lead.as_millis()).unwrap_or(i64::MAX) }
    }

    fn after(&self, wall: Timestamp) -> Timestamp {
        let lead = SignedDuration::from_millis(self.ahead_by_ms.max(0));
        wall.saturating_add(lead).unwrap_or(Timestamp::MAX)
    }
}
