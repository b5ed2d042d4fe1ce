//! Stops child threads when their state fails, is retried or ends, and records the aborts.

use super::execution::Execution;
use super::thread::{Phase, ThreadId};
use crate::definition::StateType;
use crate::history::{self, EventType};

impl Execution {
    /// Aborts the other children of this child's parent, in index order.
    pub(super) fn abort_siblings(&mut self, child: ThreadId, last_event: u64) {
        let Some(parent) = self.threads[&child].parent else { return };
        for sibling in self.children_of(parent.thread) {
            if sibling != child {
                self.abort_thread(sibling, last_event);
            }
        }
        if let Some(group) = self.child_group(parent.thread) {
            group.aborted = true;
        }
    }

    /// Aborts the children of a state that fails by itself while they run.
    pub(super) fn abort_children(&mut self, id: ThreadId) {
        if self.child_group(id).is_none_or(|group| group.aborted) {
            return;
        }
        let last_event = self.threads[&id].last_event;
        for child in self.children_of(id) {
            self.abort_thread(child, last_event);
        }
    }

    /// Aborts a thread and its children, and records the aborts.
    pub(super) fn abort_thread(&mut self, id: ThreadId, last_event: u64) {
        self.record_iteration_aborted(id, last_event);
        self.record_aborted(id, last_event);
        for child in self.children_of(id) {
            self.abort_thread(child, last_event);
        }
        self.stop_thread(id);
    }

    pub(super) fn record_aborted(&mut self, id: ThreadId, last_event: u64) {
        let thread = &self.threads[&id];
        let was_entered = !matches!(thread.phase, Phase::Entering | Phase::Stopped);
        if let (true, Some(event_type)) = (was_entered, aborted_event(&thread.visit.state.kind)) {
            self.history.append(
                thread.history_target,
                self.now,
                last_event,
                event_type,
                history::no_details(),
            );
        }
    }

    /// Stops a thread and everything below it without recording it.
    pub(super) fn stop_subtree(&mut self, id: ThreadId) {
        for child in self.children_of(id) {
            self.stop_subtree(child);
        }
        self.stop_thread(id);
    }

    /// Cancels the thread's task or timer. The thread keeps its place for a redrive.
    pub(super) fn stop_thread(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        if let Phase::RunningChildren(group) = &thread.phase
            && !group.running.is_empty()
        {
            return;
        }
        match std::mem::replace(&mut thread.phase, Phase::Stopped) {
            Phase::RunningTask(task) => {
                self.cancel_task(task);
            }
            Phase::Waiting(timer) | Phase::RetryDelay(timer) => self.cancel_timer(timer),
            Phase::Entering | Phase::Starting | Phase::RunningChildren(_) | Phase::Stopped => {}
        }
    }

    /// Removes the children of a state that is retried or left.
    pub(super) fn remove_children(&mut self, id: ThreadId) {
        for child in self.children_of(id) {
            self.remove_children(child);
            self.stop_thread(child);
            self.threads.remove(&child);
        }
        self.set_phase(id, Phase::Stopped);
    }
}

/// The event recorded for an aborted state, if AWS has one.
fn aborted_event(state_type: &StateType) -> Option<EventType> {
    match state_type {
        StateType::Task(_) => Some(EventType::TaskStateAborted),
        StateType::Wait(_) => Some(EventType::WaitStateAborted),
        StateType::Parallel { .. } => Some(EventType::ParallelStateAborted),
        StateType::Map(_) => Some(EventType::MapStateAborted),
        _ => None,
    }
}
