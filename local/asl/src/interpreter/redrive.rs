//! An execution that failed, timed out or was stopped goes on where it was.
//!
//! Threads that were stopped kept their place: their state and its input. A Task
//! is called again; any other state is entered again. Branches and iterations
//! that were done stay done.

use serde_json::json;

use super::thread::{Doing, ThreadId};
use super::{Execution, ExecutionStatus};
use crate::definition::Kind;
use crate::history::{EventType, Log};
use crate::retry::Attempts;

impl Execution {
    pub(super) fn redrive(&mut self) {
        if matches!(self.status, ExecutionStatus::Running | ExecutionStatus::Succeeded { .. }) {
            return;
        }
        if !self.start.redrivable || self.threads.is_empty() || self.journal.is_full() {
            return;
        }
        self.status = ExecutionStatus::Running;
        self.redrives += 1;
        self.redriven_at = Some(self.now);
        let details = json!({ "executionRedrivenEventDetails": { "redriveCount": self.redrives } });
        let last = self.journal.last_id();
        let redriven =
            self.journal.append(Log::Own, self.now, last, EventType::ExecutionRedriven, details);
        self.set_execution_timer();
        let threads: Vec<ThreadId> = self.threads.keys().copied().collect();
        for id in threads {
            self.resume(id, redriven);
        }
    }

    fn resume(&mut self, id: ThreadId, redriven: u64) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        thread.step.retries = 0;
        thread.step.attempts.fill(Attempts::default());
        if thread.log == Log::Own {
            thread.last_event = redriven;
        }
        match &mut thread.doing {
            Doing::Stopped => {}
            Doing::Forked(fan) => {
                fan.failures = 0;
                fan.cut = false;
                return;
            }
            _ => return,
        }
        thread.doing = match thread.step.state.kind {
            Kind::Task(_) if thread.step.entered_event > 0 => Doing::Beginning,
            _ => Doing::Entering,
        };
        self.ready.push_back(id);
    }
}
