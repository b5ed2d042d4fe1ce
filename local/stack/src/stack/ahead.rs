//! How far the clock is ahead of the wall's, kept so that it never goes back.
//!
//! A stack that was skipped or sped up has written times of the future into its
//! tables and histories. The next one on the same folder must begin after them,
//! also after `kill -9`: so every leap is written down before anyone sees its
//! time, and a clock that runs fast says each second how far it may have come by
//! the time that it says so again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::StartError;
use super::folder::Folder;
use crate::clock::{ClockSettings, StackClock, wall_clock};

/// How often a fast clock's lead is written, and for how long what is written holds.
const EVERY: Duration = Duration::from_secs(1);
const HOLDS: SignedDuration = SignedDuration::from_secs(3);

/// Writes the lead down for as long as it lives.
#[derive(Debug)]
pub(super) struct Ahead {
    writing: AbortHandle,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.writing.abort();
    }
}

/// The clock of a stack on this folder.
pub(super) fn clock(
    settings: ClockSettings,
    folder: &Folder,
) -> Result<(StackClock, Option<Ahead>), StartError> {
    let Some(path) = folder.kept("clock.json") else {
        return Ok((StackClock::new(settings), None));
    };
    let lead = read(&path).map_err(StartError::io(path.display().to_string()))?;
    let start = settings.start.unwrap_or_else(|| later(wall_clock(), lead));
    let clock = StackClock::new(ClockSettings { start: Some(start), ..settings });
    let lead = Arc::new(Lead { path, extra: extra(settings.speed.get()) });
    let written = Arc::clone(&lead);
    clock.on_leap(move |now| written.write(now));
    let writing = tokio::spawn(keep_writing(clock.clone(), lead)).abort_handle();
    Ok((clock, Some(Ahead { writing })))
}

/// How much further a fast clock gets while what was written holds.
fn extra(speed: u32) -> SignedDuration {
    let faster = i32::try_from(speed - 1).unwrap_or(i32::MAX);
    HOLDS.saturating_mul(faster)
}

async fn keep_writing(clock: StackClock, lead: Arc<Lead>) {
    loop {
        lead.write(clock.now());
        if lead.extra.is_zero() {
            return; // It gets ahead by leaps only, and those are written.
        }
        tokio::time::sleep(EVERY).await;
    }
}

struct Lead {
    path: PathBuf,
    extra: SignedDuration,
}

impl Lead {
    /// Written beside and moved over, so that there is always one that is whole.
    fn write(&self, now: Timestamp) {
        let lead = now.duration_since(wall_clock()).saturating_add(self.extra);
        let text = json!({ "aheadByMs": i64::try_from(lead.as_millis()).unwrap_or(i64::MAX) });
        let beside = self.path.with_extension("json.new");
        let written = fs::write(&beside, text.to_string());
        if let Err(error) = written.and_then(|()| fs::rename(&beside, &self.path)) {
            tracing::warn!(%error, "the clock's lead could not be written down");
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

fn later(wall: Timestamp, lead: SignedDuration) -> Timestamp {
    wall.saturating_add(lead.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
}
