//! The actions that are still to be done to one order. They run in their order, each at the
//! first event at which it is due.

use std::collections::VecDeque;

use anyhow::{Context, Result};

use super::action::{Action, ActionKind, Trigger};
use super::action_runner::ActionRunner;
use super::client::Client;
use super::observer::{Observer, text, timeline};
use super::watch::{OrderEvent, OrderWatch};
use crate::stack_handle::StackHandle;

/// The statuses in which an execution waits for a task token.
const WAITING: [&str; 3] = ["IN_REVIEW", "BACKORDERED", "NEEDS_ATTENTION"];

/// The pending actions of one order.
#[derive(Debug)]
pub(super) struct PendingActions {
    stack: StackHandle,
    client: Client,
    observer: Observer,
    pending: VecDeque<Action>,
    actions_run: usize,
}

/// An action that ran, and why it failed if it did.
#[derive(Debug)]
pub(super) struct ActionResult {
    pub(super) kind: ActionKind,
    pub(super) result: Result<()>,
}

impl PendingActions {
    pub(super) fn new(stack: &StackHandle, client: &Client, actions: &[Action]) -> Self {
        Self {
            stack: stack.clone(),
            client: client.clone(),
            observer: Observer::new(stack.clone(), client.clone()),
            pending: actions.iter().cloned().collect(),
            actions_run: 0,
        }
    }

    /// The actions that were not due yet.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.pending.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Runs the actions on this order that are due at this event, and returns them.
    pub(super) async fn run_due(
        &mut self,
        order_id: &str,
        watch: &OrderWatch,
        event: &OrderEvent,
    ) -> Result<Vec<ActionResult>> {
        let mut results = Vec::new();
        while let Some(action) = self.pending.front() {
            if !self.is_due(order_id, &action.trigger, watch, event).await? {
                break;
            }
            let action = self.pending.pop_front().context("no action is pending")?;
            let runner = ActionRunner {
                stack: &self.stack,
                client: &self.client,
                order_id,
                item: &self.observer.item(order_id).await?,
                index: self.actions_run,
            };
            let result = runner.run(&action).await;
            results.push(ActionResult { kind: action.kind, result });
            self.actions_run += 1;
            // One entry or wait triggers one action; the next action needs another.
            let next = self.pending.front().map(|action| &action.trigger);
            if matches!(next, Some(Trigger::State(_) | Trigger::WaitsIn(_))) {
                break;
            }
        }
        Ok(results)
    }

    async fn is_due(
        &self,
        order_id: &str,
        trigger: &Trigger,
        watch: &OrderWatch,
        event: &OrderEvent,
    ) -> Result<bool> {
        match trigger {
            Trigger::State(state) => return Ok(event.enters(state)),
            Trigger::WaitsIn(state) => return Ok(watch.begins_wait(state, event)),
            Trigger::Status(status) if WAITING.contains(&status.as_str()) => {
                if !event.may_begin_wait() {
                    return Ok(false);
                }
            }
            Trigger::Status(_) | Trigger::Timeline(_) => {}
        }
        if !event.may_change_order() {
            return Ok(false);
        }
        let item = self.observer.item(order_id).await?;
        Ok(match trigger {
            Trigger::Status(status) => text(&item, "status") == status,
            Trigger::Timeline(detail) => timeline(&item).contains(detail),
            Trigger::State(_) | Trigger::WaitsIn(_) => false,
        })
    }
}
