//! The settings of a stack: the workspace, the binaries, the ports, the clock, and
//! where it keeps its state.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::listeners::Ports;
use crate::clock::ClockSettings;
use crate::functions::Binaries;

/// The settings of a stack.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) root: PathBuf,
    pub(super) binaries: Binaries,
    pub(super) ports: Ports,
    pub(super) clock: ClockSettings,
    pub(super) state: StateLocation,
    pub(super) enforces_policies: bool,
    pub(super) max_age: Option<Duration>,
}

/// Where a stack keeps its state.
#[derive(Debug, Clone)]
pub(super) enum StateLocation {
    /// In memory. A temporary folder holds the log.
    Temporary,
    /// In this folder. `fresh` deletes the state of earlier stacks first.
    Persistent { folder: PathBuf, fresh: bool },
}

impl Settings {
    /// A stack that keeps no state, on free ports, with a clock that skips ahead.
    pub fn temporary(root: &Path, binaries: Binaries) -> Self {
        let clock = ClockSettings { skip: true, ..ClockSettings::default() };
        let (root, ports) = (root.to_owned(), Ports::default());
        Self {
            root,
            binaries,
            ports,
            clock,
            state: StateLocation::Temporary,
            enforces_policies: false,
            max_age: None,
        }
    }

    /// A stack that continues from the state in this folder, unless `fresh` is set.
    pub fn persistent(
        root: &Path,
        binaries: Binaries,
        ports: Ports,
        clock: ClockSettings,
        folder: PathBuf,
        fresh: bool,
    ) -> Self {
        let state = StateLocation::Persistent { folder, fresh };
        let root = root.to_owned();
        Self { root, binaries, ports, clock, state, enforces_policies: false, max_age: None }
    }

    /// The same settings, with functions that read settings and secrets again after this
    /// time, not after five minutes.
    #[must_use]
    pub fn with_settings_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The same settings, with policies that are enforced or not.
    #[must_use]
    pub fn with_policies(mut self, enforced: bool) -> Self {
        self.enforces_policies = enforced;
        self
    }

    /// The same settings with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: ClockSettings) -> Self {
        self.clock = clock;
        self
    }
}
