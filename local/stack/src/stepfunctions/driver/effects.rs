//! Carries out what an execution asks for: timers, task calls, child executions. Notifies
//! subscribers, counters, and parents that wait for the execution's end.

use std::sync::Arc;

use asl::{
    Event, ExecutionStatus, IntegrationPattern, Resource, StartParameters, TaskId, TimerId,
    TimerKind,
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Driver, lock};
use crate::clock::BusyGuard;
use crate::counters::Count;
use crate::stepfunctions::arn::ExecutionArn;
use crate::stepfunctions::live_execution::{Effects, LiveExecution, OpenTask};
use crate::stepfunctions::order::order_of_execution;
use crate::stepfunctions::progress::{self, Progress, ProgressEvent, ProgressNotification};
use crate::stepfunctions::store::StoreError;
use crate::stepfunctions::store::executions::{ExecutionId, Record};
use crate::stepfunctions::task::{TaskCall, TaskOutcome, child_arn};

impl Driver {
    /// Carries out the effects of an event that has been stored.
    pub(super) fn carry_out(
        self: &Arc<Self>,
        id: ExecutionId,
        live: &mut LiveExecution,
        effects: Effects,
        busy: &BusyGuard,
    ) {
        self.publish_progress(live, &effects);
        for (timer, armed) in effects.canceled {
            match armed.sleeper {
                Some(sleeper) => sleeper.abort(),
                None => self.timers.cancel(armed.due, id, timer),
            }
        }
        for timer in effects.set {
            self.set_timer(id, live, timer, busy);
        }
        for task in effects.abandoned {
            self.stop_abandoned_child(&task, busy);
        }
        for task in effects.run {
            self.run_task(id, live, task, busy);
        }
        for task in effects.submitted {
            self.wait_for_child(id, live, task, busy);
        }
        if *live.execution.status() != ExecutionStatus::Running {
            for waiter in lock(&self.end_waiters).remove(&id).into_iter().flatten() {
                // The waiting parent may have been canceled.
                let _canceled = waiter.send(busy.clone());
            }
            self.finish_deletion(&live.start.state_machine_name, busy);
        }
    }

    /// Removes a state machine in status `DELETING` after its last execution.
    fn finish_deletion(self: &Arc<Self>, machine: &str, busy: &BusyGuard) {
        if !self.state_machines.get(machine).is_some_and(|machine| machine.deleting) {
            return;
        }
        let (driver, machine, busy) = (Arc::clone(self), machine.to_owned(), busy.clone());
        tokio::spawn(async move {
            let _change = driver.state_machines.change_lock.lock().await;
            let running = driver.store.count_running(machine.clone()).await;
            if running.is_ok_and(|running| running == 0)
                && let Err(error) = driver.state_machines.remove(&machine).await
            {
                tracing::error!(%error, "could not remove a deleted state machine");
            }
            drop(busy);
        });
    }

    /// Sets a timer: in real time if it limits a running process, else on the stack's clock.
    fn set_timer(
        self: &Arc<Self>,
        id: ExecutionId,
        live: &mut LiveExecution,
        timer: TimerId,
        busy: &BusyGuard,
    ) {
        let Some(armed) = live.timers.get_mut(&timer) else { return };
        let task = armed.task.and_then(|task| live.tasks.get(&task));
        let Some(limit) = task.and_then(|task| task.real_time_limit(armed.kind)) else {
            return self.timers.set(armed.due, id, timer);
        };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        let sleeper = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            // In a separate tokio task, because the event cancels this timer, which aborts
            // the task of the sleeper.
            tokio::spawn(async move {
                driver.deliver(id, Event::TimerFired { timer }, &busy).await;
            });
        });
        armed.sleeper = Some(sleeper.abort_handle());
    }

    /// Runs an attempt of a task and delivers its outcome to the execution.
    fn run_task(
        self: &Arc<Self>,
        id: ExecutionId,
        live: &LiveExecution,
        task: TaskId,
        busy: &BusyGuard,
    ) {
        let Some(open) = live.tasks.get(&task) else { return };
        if matches!(open.request.resource, Resource::Activity { .. }) {
            return;
        }
        let call = TaskCall {
            request: Arc::clone(&open.request),
            start: Arc::clone(&live.start),
            task,
            busy: busy.clone(),
        };
        let driver = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = driver.tasks.run(&call).await;
            driver.deliver(id, outcome.into_event(task), &call.busy).await;
        });
    }

    /// Waits for the child execution of a `.sync` task and delivers its outcome. Does nothing
    /// for a task that waits for its token, which comes through the API.
    fn wait_for_child(
        self: &Arc<Self>,
        id: ExecutionId,
        live: &LiveExecution,
        task: TaskId,
        busy: &BusyGuard,
    ) {
        let Some(open) = live.tasks.get(&task) else { return };
        if !open.is_synchronous() {
            return;
        }
        let json_output = matches!(
            &open.request.resource,
            Resource::Service { pattern: IntegrationPattern::Sync2, .. }
        );
        let Some(child) = open.submitted.as_deref().and_then(child_arn) else { return };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            match driver.child_outcome(&child, json_output, busy).await {
                Ok((outcome, busy)) => driver.deliver(id, outcome.into_event(task), &busy).await,
                Err(error) => tracing::debug!(%error, "stopped waiting for a child execution"),
            }
        });
    }

    /// Waits until a child execution has ended and returns its outcome for the parent's task.
    async fn child_outcome(
        self: &Arc<Self>,
        child: &ExecutionArn,
        json_output: bool,
        busy: BusyGuard,
    ) -> Result<(TaskOutcome, BusyGuard), StoreError> {
        let record = self.store.find(child.clone()).await?;
        let busy = match record {
            Some(record) => self.wait_for_end(&record, busy).await?,
            None => busy,
        };
        Ok((self.tasks.child_outcome(child, json_output).await, busy))
    }

    /// Waits for the end of an execution. While it waits it holds no guard, so the clock may
    /// skip ahead; the event that ends the execution passes its guard on.
    pub(in crate::stepfunctions) async fn wait_for_end(
        &self,
        execution: &Record,
        busy: BusyGuard,
    ) -> Result<BusyGuard, StoreError> {
        let (sender, ended) = oneshot::channel();
        lock(&self.end_waiters).entry(execution.id).or_default().push(sender);
        // Read the record again: the execution may have ended before the waiter was added.
        if !self.store.get(execution.id).await?.is_running() {
            drop(ended);
            self.remove_closed_waiters(execution.id);
            return Ok(busy);
        }
        drop(busy);
        ended.await.map_err(|_dropped| StoreError::Closed)
    }

    fn remove_closed_waiters(&self, id: ExecutionId) {
        let mut all = lock(&self.end_waiters);
        if let Some(waiters) = all.get_mut(&id) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                all.remove(&id);
            }
        }
    }

    /// Stops the child execution of a `.sync` task that its parent no longer waits for, as AWS
    /// does.
    fn stop_abandoned_child(self: &Arc<Self>, task: &OpenTask, busy: &BusyGuard) {
        let Some(child) = task.submitted.as_deref().and_then(child_arn) else { return };
        if !task.is_synchronous() {
            return;
        }
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            if let Ok(Some(child)) = driver.store.find(child).await {
                let stop = Event::StopRequested { error: None, cause: None };
                driver.deliver(child.id, stop, &busy).await;
            }
        });
    }

    /// Counts state transitions and notifies subscribers of new history events.
    fn publish_progress(&self, live: &mut LiveExecution, effects: &Effects) {
        let Some(new_events) = live.execution.history().get(live.published..) else { return };
        let order = order_of_execution(&live.start.execution_name);
        if effects.retried {
            self.counters.add(order, Count::Transition);
        }
        for event in new_events {
            if event.event_type.as_str().ends_with("StateEntered") {
                self.counters.add(order, Count::Transition);
            }
            if let Some(progress) = progress::from_history(event) {
                self.publish(&live.start, event.timestamp, progress);
            }
        }
        for task in effects.run.iter().filter_map(|task| live.tasks.get(task)) {
            let (state, attempt) = (task.request.state.clone(), task.request.attempt);
            let attempted = ProgressEvent::TaskAttempted { state, attempt };
            self.publish(&live.start, self.clock.now(), attempted);
        }
        for armed in effects.set.iter().filter_map(|timer| live.timers.get(timer)) {
            if armed.kind == TimerKind::RetryDelay {
                let now = live.last_at();
                self.publish(&live.start, now, progress::retry_scheduled(now, armed.due));
            }
        }
        live.published = live.execution.history().len();
    }

    fn publish(&self, start: &StartParameters, at: Timestamp, event: ProgressEvent) {
        let progress = Progress {
            execution_arn: start.execution_arn.clone(),
            execution: start.execution_name.clone(),
            state_machine: start.state_machine_name.clone(),
            at,
            event,
        };
        let busy = self.clock.busy("a progress notification");
        // Sending fails only if there is no subscriber.
        let _unsubscribed = self.subscribers.send(ProgressNotification { progress, busy });
    }
}
