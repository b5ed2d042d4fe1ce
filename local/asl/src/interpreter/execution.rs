//! The data of one execution, and the primitives that the other files build on: recording history
//! events, setting timers, and creating and finding threads.
//!
//! `run.rs` has the main loop.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::payload::Payload;
use super::protocol::{Command, ExecutionStatus, StartParameters, TaskId, TimerId, TimerKind};
use super::task_attempt::TaskAttempt;
use super::thread::{ChildGroup, Phase, Thread, ThreadId};
use crate::definition::StateMachine;
use crate::history::{EventType, History, HistoryEvent};
use crate::scope::RandomSource;

/// One execution of a state machine.
#[derive(Debug)]
pub struct Execution {
    pub(super) state_machine: Arc<StateMachine>,
    pub(super) start: StartParameters,
    pub(super) input: Arc<Payload>,
    pub(super) started_at: Timestamp,
    pub(super) now: Timestamp,
    pub(super) status: ExecutionStatus,
    pub(super) redrive_count: u32,
    pub(super) redriven_at: Option<Timestamp>,
    pub(super) history: History,
    pub(super) random_source: RandomSource,
    pub(super) threads: BTreeMap<ThreadId, Thread>,
    /// Threads that can advance, in order.
    pub(super) ready: VecDeque<ThreadId>,
    pub(super) task_attempts: BTreeMap<TaskId, TaskAttempt>,
    pub(super) tokens: BTreeMap<String, TaskId>,
    pub(super) timers: BTreeMap<TimerId, TimerAction>,
    pub(super) last_thread: u64,
    pub(super) last_task: u64,
    pub(super) last_timer: u64,
    pub(super) commands: Vec<Command>,
}

/// What the execution does when a timer fires.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimerAction {
    /// Resumes a thread after its Wait state or retry delay.
    ResumeThread(ThreadId),
    /// Times out a task (`TimeoutSeconds`).
    TimeOutTask(TaskId),
    /// Times out a task whose worker sent no heartbeat (`HeartbeatSeconds`).
    TimeOutHeartbeat(TaskId),
    /// Times out the execution (`TimeoutSeconds` of the state machine).
    TimeOutExecution,
}

impl Execution {
    /// The history events recorded so far.
    pub fn history(&self) -> &[HistoryEvent] {
        self.history.events()
    }

    /// The current status.
    pub fn status(&self) -> &ExecutionStatus {
        &self.status
    }

    /// The running task attempt that this task token belongs to.
    pub fn task_for_token(&self, token: &str) -> Option<TaskId> {
        self.tokens.get(token).copied()
    }

    /// The parameters the execution was started with.
    pub fn start_parameters(&self) -> &StartParameters {
        &self.start
    }

    /// When the execution started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// How many times the execution has been redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrive_count
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == ExecutionStatus::Running
    }

    /// Adds a thread and queues it to advance.
    pub(super) fn spawn(&mut self, thread: Thread) -> ThreadId {
        self.last_thread += 1;
        let id = ThreadId(self.last_thread);
        self.threads.insert(id, thread);
        self.ready.push_back(id);
        id
    }

    /// Records an event that follows the thread's last event, and makes it the last event.
    pub(super) fn record(&mut self, id: ThreadId, event_type: EventType, details: Value) -> u64 {
        let event = self.record_without_advancing(id, event_type, details);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.last_event = event;
        }
        event
    }

    /// Records an event that follows the thread's last event. The next event follows that same
    /// event.
    pub(super) fn record_without_advancing(
        &mut self,
        id: ThreadId,
        event_type: EventType,
        details: Value,
    ) -> u64 {
        let Some(thread) = self.threads.get(&id) else { return 0 };
        self.history.append(thread.history_target, self.now, thread.last_event, event_type, details)
    }

    pub(super) fn set_timer(
        &mut self,
        after_ms: u64,
        kind: TimerKind,
        task: Option<TaskId>,
        action: TimerAction,
    ) -> TimerId {
        let after = SignedDuration::from_millis(i64::try_from(after_ms).unwrap_or(i64::MAX));
        let due = self.now.checked_add(after).unwrap_or(Timestamp::MAX);
        self.set_timer_at(due, kind, task, action)
    }

    pub(super) fn set_timer_at(
        &mut self,
        due: Timestamp,
        kind: TimerKind,
        task: Option<TaskId>,
        action: TimerAction,
    ) -> TimerId {
        self.last_timer += 1;
        let timer = TimerId(self.last_timer);
        self.timers.insert(timer, action);
        self.commands.push(Command::SetTimer { timer, due, kind, task });
        timer
    }

    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        if self.timers.remove(&timer).is_some() {
            self.commands.push(Command::CancelTimer { timer });
        }
    }

    pub(super) fn set_phase(&mut self, id: ThreadId, phase: Phase) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.phase = phase;
        }
    }

    pub(super) fn set_last_event(&mut self, id: ThreadId, event: u64) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.last_event = event;
        }
    }

    /// The running children of a thread, in index order.
    pub(super) fn children_of(&self, id: ThreadId) -> Vec<ThreadId> {
        match self.threads.get(&id).map(|thread| &thread.phase) {
            Some(Phase::RunningChildren(group)) => group.running.values().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// The children of the thread's current state.
    pub(super) fn child_group(&mut self, id: ThreadId) -> Option<&mut ChildGroup> {
        match self.threads.get_mut(&id).map(|thread| &mut thread.phase) {
            Some(Phase::RunningChildren(group)) => Some(group),
            _ => None,
        }
    }
}
