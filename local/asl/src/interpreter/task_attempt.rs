//! A running attempt of a Task state.

use super::protocol::TimerId;
use super::thread::ThreadId;
use crate::definition::Resource;

/// A running attempt of a Task state.
#[derive(Debug)]
pub(super) struct TaskAttempt {
    pub(super) thread: ThreadId,
    pub(super) resource: Resource,
    pub(super) token: Option<String>,
    pub(super) started: bool,
    pub(super) submitted: bool,
    /// The timer of `TimeoutSeconds`.
    pub(super) timeout: Option<TimerId>,
    pub(super) heartbeat_seconds: Option<u64>,
    /// The timer of `HeartbeatSeconds`.
    pub(super) heartbeat: Option<TimerId>,
}
