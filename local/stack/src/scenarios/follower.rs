//! Follows one order and does to it what its actions say, in the background.

use anyhow::Result;

use super::action::{Action, ActionKind};
use super::client::Client;
use super::pending_actions::PendingActions;
use super::watch::OrderWatch;
use crate::stack_handle::StackHandle;

/// Watches one order from its creation on.
#[derive(Debug)]
pub(crate) struct OrderFollower {
    watch: OrderWatch,
    pending: PendingActions,
    order_ids: [String; 1],
}

impl OrderFollower {
    /// Watches from now on, also before the order exists.
    pub(crate) fn start(
        stack: &StackHandle,
        client: &Client,
        order_id: &str,
        actions: &[Action],
    ) -> Self {
        let pending = PendingActions::new(stack, client, actions);
        Self { watch: OrderWatch::start(stack), pending, order_ids: [order_id.to_owned()] }
    }

    /// Runs until every action has run. `on_action` receives the result of each.
    ///
    /// # Errors
    /// Events were missed, or the stack has shut down.
    pub(crate) async fn run(
        mut self,
        mut on_action: impl FnMut(&ActionKind, Result<()>),
    ) -> Result<()> {
        while !self.pending.is_empty() {
            let event = self.watch.next(&self.order_ids).await?;
            let [order_id] = &self.order_ids;
            for action in self.pending.run_due(order_id, &self.watch, &event).await? {
                on_action(&action.kind, action.result);
            }
        }
        Ok(())
    }
}
