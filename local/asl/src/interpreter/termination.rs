//! The ends of an execution: succeeded, failed, timed out, aborted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::execution::Execution;
use super::failure::Failure;
use super::payload::Payload;
use super::protocol::ExecutionStatus;
use super::thread::ThreadId;
use crate::history::{self, EventType};

impl Execution {
    pub(super) fn stop(&mut self, error: Option<String>, cause: Option<String>) {
        let failure = Failure::new(error, cause);
        let details = failure.details("executionAbortedEventDetails");
        self.close(0, EventType::ExecutionAborted, details);
        self.status = ExecutionStatus::Aborted { error: failure.error, cause: failure.cause };
    }

    pub(super) fn end_timed_out(&mut self) {
        let details = Failure::timeout(false).details("executionTimedOutEventDetails");
        self.close(0, EventType::ExecutionTimedOut, details);
        self.status = ExecutionStatus::TimedOut;
    }

    pub(super) fn end_failed(&mut self, last_event: u64, failure: &Failure) {
        let details = failure.details("executionFailedEventDetails");
        self.close(last_event, EventType::ExecutionFailed, details);
        self.status =
            ExecutionStatus::Failed { error: failure.error.clone(), cause: failure.cause.clone() };
    }

    /// Records the last event and cancels all tasks and timers.
    pub(super) fn close(&mut self, last_event: u64, event_type: EventType, details: Value) {
        self.history.close(self.now, last_event, event_type, details);
        self.ready.clear();
        let threads: Vec<ThreadId> = self.threads.keys().copied().collect();
        for id in threads {
            self.stop_thread(id);
        }
        let timers: Vec<_> = self.timers.keys().copied().collect();
        for timer in timers {
            self.cancel_timer(timer);
        }
    }

    pub(super) fn end_succeeded(&mut self, id: ThreadId, output: &Arc<Payload>) {
        let details = json!({ "executionSucceededEventDetails": {
            "output": output.text,
            "outputDetails": { "truncated": false },
        }});
        let last_event = self.threads[&id].last_event;
        self.close(last_event, EventType::ExecutionSucceeded, details);
        self.threads.clear();
        self.status = ExecutionStatus::Succeeded { output: output.text.clone() };
    }

    /// Fails the execution because the history has reached its limit of 25,000 events.
    pub(super) fn end_history_full(&mut self) {
        let cause = format!(
            "The execution reached the maximum number of history events ({}).",
            history::MAX_EVENTS
        );
        self.end_failed(self.history.last_id(), &Failure::runtime(cause));
    }
}
