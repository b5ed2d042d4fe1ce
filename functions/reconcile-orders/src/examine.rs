//! One order: what is on record, whether its execution is under way, and what
//! follows from the two.

use domain::backorders::send_task_result;
use domain::conflict::{AttemptError, save_order};
use domain::order::Observation;
use domain::ports::{ExecutionState, PaymentProvider, ReadCatalog, ShippingProvider, TaskDelivery};
use domain::{Order, OrderId, StepError, Timestamp, compensate};

use crate::event::Looked;
use crate::{Orders, ReconcileOrders, Workflow};

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    G: PaymentProvider,
    C: ShippingProvider,
{
    /// Examines an order, and does what it needs. The index by which it was found
    /// may be late, so whether it is due is asked of the record.
    pub(crate) async fn examine(
        &self,
        id: &OrderId,
        if_due: bool,
        at: Timestamp,
    ) -> Result<Looked, AttemptError> {
        let Some(order) = self.orders.load(id).await? else { return Ok(Looked::default()) };
        if order.open.is_none() || (if_due && !order.is_due(at)) {
            return Ok(Looked::default());
        }
        let mut seen = match self.workflow.execution_state(&order.execution).await? {
            state if order.status.is_closed() => {
                self.settle(order, state == Some(ExecutionState::Running), at).await?
            }
            Some(ExecutionState::Running) => self.attend(order, at).await?,
            Some(ExecutionState::Ended) => self.recover(order, at).await?,
            None => self.start_missing(order, at).await?,
        };
        seen.looked = 1;
        Ok(seen)
    }

    /// An order that is under way: its wait is told what is on record for it, and
    /// a person what they must know.
    pub(crate) async fn attend(&self, order: Order, at: Timestamp) -> Result<Looked, AttemptError> {
        if send_task_result(&self.workflow, &order).await? == Some(TaskDelivery::Delivered) {
            // It goes on, and writes by itself.
            return Ok(Looked { answered: 1, ..Looked::default() });
        }
        let mut findings = self.follow_hint(&order).await?;
        if order.is_authorization_expiring(at) {
            findings.push(Observation::AuthorizationExpiring);
        }
        save_order(&self.orders, &order, order.inspected(&findings, at)).await?;
        Ok(Looked { raised: raised(&order, &findings), ..Looked::default() })
    }

    /// What the providers show of an order about which one of them gave a hint.
    pub(crate) async fn follow_hint(&self, order: &Order) -> Result<Vec<Observation>, StepError> {
        let mut findings = Vec::new();
        if order.webhook_pending_at.is_none() {
            return Ok(findings);
        }
        if let Some(id) = &order.payment.intent_id
            && compensate::retrieve_payment_intent(&self.gateway, id).await?.disputed
        {
            findings.push(Observation::Disputed);
        }
        if let Some(stored) = order.shipment.as_ref().filter(|stored| stored.is_live()) {
            let shipment =
                compensate::retrieve_shipment(&self.carrier, &stored.shipment_id).await?;
            findings.extend(shipment.tracking.map(Observation::Tracking));
        }
        Ok(findings)
    }
}

/// How often a person is called by these findings.
pub(crate) fn raised(order: &Order, findings: &[Observation]) -> u32 {
    let news = order.new_observations(findings);
    let calls = news.iter().filter(|finding| finding.needs_operator()).count();
    u32::try_from(calls).unwrap_or(u32::MAX)
}
