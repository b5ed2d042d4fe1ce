//! Inspects one open order: reads its record and the state of its execution, and decides
//! what the order needs.

use domain::backorders::send_task_result;
use domain::conflict::{AttemptError, save_order};
use domain::order::Observation;
use domain::ports::{ExecutionState, PaymentProvider, ReadCatalog, ShippingProvider, TaskDelivery};
use domain::{Order, OrderId, Status, StepError, Timestamp, compensate};

use crate::event::SweepOutput;
use crate::{Orders, ReconcileOrders, Workflow};

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    P: PaymentProvider,
    S: ShippingProvider,
{
    /// Inspects an order and does what it needs. With `if_due`, an order that is not due is
    /// skipped: the record decides that, because the index may be stale.
    pub(crate) async fn inspect(
        &self,
        id: &OrderId,
        if_due: bool,
        at: Timestamp,
    ) -> Result<SweepOutput, AttemptError> {
        let Some(order) = self.orders.load(id).await? else { return Ok(SweepOutput::default()) };
        if order.open.is_none() || (if_due && !order.is_due(at)) {
            return Ok(SweepOutput::default());
        }
        let due_since = order.check_at.filter(|_| if_due);
        let mut output = match self.workflow.execution_state(&order.execution).await? {
            state if order.status.is_closed() => {
                self.finalize(order, state == Some(ExecutionState::Running), at).await?
            }
            Some(ExecutionState::Running) => self.inspect_running(order, at).await?,
            Some(ExecutionState::Ended) => self.restart_ended(order, at).await?,
            None => self.start_missing(order, at).await?,
        };
        output.inspected = 1;
        output.delay_seconds = due_since.map_or(0, |due| at.seconds_since(due));
        Ok(output)
    }

    /// An order whose execution runs: delivers a recorded decision to its waiting task, or
    /// records what the providers show.
    pub(crate) async fn inspect_running(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<SweepOutput, AttemptError> {
        if send_task_result(&self.workflow, &order).await? == Some(TaskDelivery::Delivered) {
            // The execution continues and writes the order itself.
            return Ok(SweepOutput { delivered: 1, ..SweepOutput::default() });
        }
        let mut observations = self.follow_webhook(&order).await?;
        if order.is_authorization_expiring(at) {
            observations.push(Observation::AuthorizationExpiring);
        }
        save_order(&self.orders, &order, order.inspected(&observations, at)).await?;
        let raised = raised_attention(&order, &observations);
        Ok(SweepOutput { raised, ..SweepOutput::default() })
    }

    /// Retrieves the payment intent and the shipment of an order with a pending webhook.
    pub(crate) async fn follow_webhook(
        &self,
        order: &Order,
    ) -> Result<Vec<Observation>, StepError> {
        let mut observations = Vec::new();
        if order.webhook_pending_at.is_none() {
            return Ok(observations);
        }
        if let Some(id) = &order.payment.intent_id {
            let intent = compensate::retrieve_payment_intent(&self.payment_provider, id).await?;
            if order.status == Status::Fulfilled {
                observations.push(Observation::Refunded(intent.refunded_minor));
            }
            if intent.disputed {
                observations.push(Observation::Disputed);
            }
        }
        if let Some(stored) = order.shipment.as_ref().filter(|stored| stored.is_live()) {
            let shipment =
                compensate::retrieve_shipment(&self.shipping_provider, &stored.shipment_id).await?;
            observations.extend(shipment.tracking.map(Observation::Tracking));
        }
        Ok(observations)
    }
}

/// How many of these observations are new to the order and need an operator.
pub(crate) fn raised_attention(order: &Order, observations: &[Observation]) -> u32 {
    let new = order.new_observations(observations);
    let raised = new.iter().filter(|observation| observation.needs_operator()).count();
    u32::try_from(raised).unwrap_or(u32::MAX)
}
