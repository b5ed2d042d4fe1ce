//! Redrive: an execution that failed, timed out or was aborted continues where it stopped.
//!
//! Stopped threads kept their state and its input. A redrive starts a Task state's work again and
//! enters any other state again. Branches and iterations that succeeded stay completed.

use serde_json::json;

use super::execution::Execution;
use super::protocol::ExecutionStatus;
use super::thread::{Phase, ThreadId};
use crate::definition::StateType;
use crate::history::{EventType, HistoryTarget};
use crate::retry::RetryState;

impl Execution {
    pub(super) fn redrive(&mut self) {
        if matches!(self.status, ExecutionStatus::Running | ExecutionStatus::Succeeded { .. }) {
            return;
        }
        if !self.start.redrivable || self.threads.is_empty() || self.history.is_full() {
            return;
        }
        self.status = ExecutionStatus::Running;
        self.redrive_count += 1;
        self.redriven_at = Some(self.now);
        let details =
            json!({ "executionRedrivenEventDetails": { "redriveCount": self.redrive_count } });
        let last_id = self.history.last_id();
        let redriven = self.history.append(
            HistoryTarget::Execution,
            self.now,
            last_id,
            EventType::ExecutionRedriven,
            details,
        );
        self.set_execution_timer();
        let threads: Vec<ThreadId> = self.threads.keys().copied().collect();
        for id in threads {
            self.resume(id, redriven);
        }
    }

    fn resume(&mut self, id: ThreadId, redriven: u64) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        thread.visit.retries = 0;
        thread.visit.retry_states.fill(RetryState::default());
        if thread.history_target == HistoryTarget::Execution {
            thread.last_event = redriven;
        }
        match &mut thread.phase {
            Phase::Stopped => {}
            Phase::RunningChildren(group) => {
                group.failures = 0;
                group.aborted = false;
                return;
            }
            _ => return,
        }
        thread.phase = match thread.visit.state.kind {
            StateType::Task(_) if thread.visit.entered_event > 0 => Phase::Starting,
            _ => Phase::Entering,
        };
        self.ready.push_back(id);
    }
}
