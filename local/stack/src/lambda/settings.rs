//! The settings of one function.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

/// The settings of one function.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// The crate name: the function's name, also in logs.
    pub name: String,
    /// The resource's name in the template: a second name for invocations.
    pub logical_id: String,
    /// The alias, which points to version 1. Without one, `$LATEST` is the only version.
    pub alias: Option<String>,
    /// The path of the binary.
    pub binary: PathBuf,
    /// The time limit of one invocation, in real time.
    pub timeout: Duration,
    /// The memory size that the function sees, in MB. Nothing enforces it.
    pub memory_mb: u32,
    /// The environment variables, without those that Lambda adds.
    pub environment: BTreeMap<String, String>,
    /// How many invocations may run at once.
    pub max_concurrency: usize,
    /// How an event is repeated that fails or waits.
    pub retries: EventRetries,
}

/// How often and how long Lambda tries to invoke a function for one event: the function's
/// `EventInvokeConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRetries {
    /// The attempts after the first one that failed.
    pub max_attempts: usize,
    /// How old an event becomes before it is dropped.
    pub max_age: SignedDuration,
}

impl Default for EventRetries {
    fn default() -> Self {
        Self { max_attempts: 2, max_age: SignedDuration::from_hours(6) }
    }
}
