//! Doing what an execution asks for: timers, calls, jobs; and telling whoever
//! watches, counts or waits for its end.

use std::sync::Arc;

use asl::{
    Event, ExecutionStatus, IntegrationPattern, Resource, StartParameters, TaskId, TimerId,
    TimerKind,
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Driver, lock, order_of};
use crate::clock::BusyGuard;
use crate::counters::Count;
use crate::stepfunctions::arn::ExecutionArn;
use crate::stepfunctions::integrations::{Call, Outcome, states};
use crate::stepfunctions::live::{Effects, Live, Task};
use crate::stepfunctions::progress::{self, Moved, Progress, Watched};
use crate::stepfunctions::store::StoreError;
use crate::stepfunctions::store::executions::{Id, Record};

impl Driver {
    /// Does what an execution asks for, once it has been stored that it asked.
    pub(super) fn act(
        self: &Arc<Self>,
        id: Id,
        live: &mut Live,
        effects: Effects,
        busy: &BusyGuard,
    ) {
        self.report(live, &effects);
        for (timer, armed) in effects.cancelled {
            match armed.sleeper {
                Some(sleeper) => sleeper.abort(),
                None => self.timers.cancel(armed.due, id, timer),
            }
        }
        for timer in effects.set {
            self.arm(id, live, timer, busy);
        }
        for task in effects.abandoned {
            self.abandon(&task, busy);
        }
        for task in effects.run {
            self.run(id, live, task, busy);
        }
        for task in effects.submitted {
            self.follow(id, live, task, busy);
        }
        if *live.execution.status() != ExecutionStatus::Running {
            for waiting in lock(&self.endings).remove(&id).into_iter().flatten() {
                // Whoever waited may have gone.
                let _gone = waiting.send(busy.clone());
            }
            self.clear_away(&live.start.state_machine_name, busy);
        }
    }

    /// A machine that is being deleted goes with its last execution.
    fn clear_away(self: &Arc<Self>, machine: &str, busy: &BusyGuard) {
        if !self.machines.get(machine).is_some_and(|machine| machine.deleting) {
            return;
        }
        let (driver, machine, busy) = (Arc::clone(self), machine.to_owned(), busy.clone());
        tokio::spawn(async move {
            let _changing = driver.machines.changing.lock().await;
            let last = driver.store.running_of(machine.clone()).await.is_ok_and(|left| left == 0);
            if last && let Err(error) = driver.machines.remove(&machine).await {
                tracing::error!(%error, "a deleted state machine could not be removed");
            }
            drop(busy);
        });
    }

    /// Sets a timer: in real time where it binds a running process, on the stack's
    /// clock otherwise.
    fn arm(self: &Arc<Self>, id: Id, live: &mut Live, timer: TimerId, busy: &BusyGuard) {
        let Some(armed) = live.timers.get_mut(&timer) else { return };
        let task = armed.task.and_then(|task| live.tasks.get(&task));
        let Some(wait) = task.and_then(|task| task.limit(armed.kind)) else {
            return self.timers.set(armed.due, id, timer);
        };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        let sleeper = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // In a task of its own: being told cancels this timer's sleeper.
            tokio::spawn(async move {
                driver.deliver(id, Event::TimerFired { timer }, &busy).await;
            });
        });
        armed.sleeper = Some(sleeper.abort_handle());
    }

    /// Calls what a task calls, and tells the execution what came of it.
    fn run(self: &Arc<Self>, id: Id, live: &Live, task: TaskId, busy: &BusyGuard) {
        let Some(open) = live.tasks.get(&task) else { return };
        if matches!(open.request.resource, Resource::Activity { .. }) {
            return;
        }
        let call = Call {
            request: Arc::clone(&open.request),
            start: Arc::clone(&live.start),
            task,
            busy: busy.clone(),
        };
        let driver = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = driver.services.call(&driver, &call).await;
            driver.deliver(id, outcome.into_event(task), &call.busy).await;
        });
    }

    /// Waits for the end of a job that was taken (`.sync`). A token is waited for
    /// by nobody: its answer comes from outside.
    fn follow(self: &Arc<Self>, id: Id, live: &Live, task: TaskId, busy: &BusyGuard) {
        let Some(open) = live.tasks.get(&task) else { return };
        let Resource::Service { pattern, .. } = &open.request.resource else { return };
        if !matches!(pattern, IntegrationPattern::Sync | IntegrationPattern::Sync2) {
            return;
        }
        let json_output = *pattern == IntegrationPattern::Sync2;
        let Some(job) = open.submitted.as_deref().and_then(states::child) else {
            return;
        };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            match driver.outcome(&job, json_output, busy).await {
                Ok((outcome, busy)) => driver.deliver(id, outcome.into_event(task), &busy).await,
                Err(error) => tracing::debug!(%error, "a job is no longer waited for"),
            }
        });
    }

    /// What a job comes to, once it has ended.
    async fn outcome(
        self: &Arc<Self>,
        job: &ExecutionArn,
        json_output: bool,
        busy: BusyGuard,
    ) -> Result<(Outcome, BusyGuard), StoreError> {
        let child = self.store.find(job.machine.clone(), job.name.clone()).await?;
        let Some(child) = child else { return Ok((states::gone(job), busy)) };
        let busy = self.ended(&child, busy).await?;
        Ok((states::result(self, job, json_output).await, busy))
    }

    /// Waits for the end of an execution; whoever ended it hands over its guard.
    async fn ended(&self, child: &Record, busy: BusyGuard) -> Result<BusyGuard, StoreError> {
        let (tell, told) = oneshot::channel();
        lock(&self.endings).entry(child.id).or_default().push(tell);
        // Looked at again, now that the end can no longer be missed.
        let (machine, name) = (&child.start.state_machine_name, &child.start.execution_name);
        let record = self.store.find(machine.clone(), name.clone()).await?;
        if record.is_none_or(|record| !record.is_running()) {
            drop(told);
            self.forget_watchers(child.id);
            return Ok(busy);
        }
        drop(busy);
        told.await.map_err(|_ending| StoreError::Closed)
    }

    /// Forgets those who no longer wait for this execution's end.
    fn forget_watchers(&self, id: Id) {
        let mut endings = lock(&self.endings);
        if let Some(waiting) = endings.get_mut(&id) {
            waiting.retain(|waiting| !waiting.is_closed());
            if waiting.is_empty() {
                endings.remove(&id);
            }
        }
    }

    /// A job whose result nobody waits for any more is stopped, as AWS does.
    fn abandon(self: &Arc<Self>, task: &Task, busy: &BusyGuard) {
        let Some(job) = task.submitted.as_deref().and_then(states::child) else {
            return;
        };
        let synchronous = matches!(
            &task.request.resource,
            Resource::Service { pattern: IntegrationPattern::Sync | IntegrationPattern::Sync2, .. }
        );
        if !synchronous {
            return;
        }
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            if let Ok(Some(child)) = driver.store.find(job.machine, job.name).await {
                let stop = Event::StopRequested { error: None, cause: None };
                driver.deliver(child.id, stop, &busy).await;
            }
        });
    }

    /// Tells watchers and counters what is new.
    fn report(&self, live: &mut Live, effects: &Effects) {
        let Some(fresh) = live.execution.history().get(live.told..) else { return };
        let order = order_of(&live.start.execution_name);
        if effects.retried {
            self.counters.add(order, Count::Transition);
        }
        for event in fresh {
            if event.event_type.as_str().ends_with("StateEntered") {
                self.counters.add(order, Count::Transition);
            }
            if let Some(moved) = progress::of_history(event) {
                self.publish(&live.start, event.timestamp, moved);
            }
        }
        for task in effects.run.iter().filter_map(|task| live.tasks.get(task)) {
            let request = &task.request;
            let moved = Moved::Attempted { state: request.state.clone(), attempt: request.attempt };
            self.publish(&live.start, self.clock.now(), moved);
        }
        for armed in effects.set.iter().filter_map(|timer| live.timers.get(timer)) {
            if armed.kind == TimerKind::RetryDelay {
                let now = live.last_at();
                self.publish(&live.start, now, progress::retrying(now, armed.due));
            }
        }
        live.told = live.execution.history().len();
    }

    fn publish(&self, start: &StartParameters, at: Timestamp, step: Moved) {
        let progress = Progress {
            execution_arn: start.execution_arn.clone(),
            execution: start.execution_name.clone(),
            state_machine: start.state_machine_name.clone(),
            at,
            step,
        };
        let busy = self.clock.busy("a move that is watched");
        // With nobody watching there is nobody to tell.
        let _unwatched = self.watchers.send(Watched { progress, busy });
    }
}

impl Outcome {
    fn into_event(self, task: TaskId) -> Event {
        match self {
            Self::Succeeded(output) => Event::TaskSucceeded { task, output },
            Self::Submitted(output) => Event::TaskSubmitted { task, output },
            Self::Failed { error, cause } => {
                Event::TaskFailed { task, error: Some(error), cause: Some(cause) }
            }
        }
    }
}
