//! One order: what is on record, whether its execution is under way, and what
//! follows from the two.

use domain::order::Finding;
use domain::ports::{Answered, Carrier, ExecutionState, Gateway, ReadCatalogue};
use domain::rounds::{Stop, record};
use domain::waking::tell;
use domain::{Failure, Moment, Order, OrderId, undo};

use crate::event::Looked;
use crate::{Orders, ReconcileOrders, Workflow};

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders,
    I: ReadCatalogue,
    W: Workflow,
    G: Gateway,
    C: Carrier,
{
    /// Examines an order, and does what it needs. The index by which it was found
    /// may be late, so whether it is due is asked of the record.
    pub(crate) async fn examine(
        &self,
        id: &OrderId,
        if_due: bool,
        at: Moment,
    ) -> Result<Looked, Stop> {
        let Some(order) = self.orders.load(id).await? else { return Ok(Looked::default()) };
        if order.open.is_none() || (if_due && !order.is_due(at)) {
            return Ok(Looked::default());
        }
        let mut seen = match self.workflow.state(&order.execution).await? {
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
    pub(crate) async fn attend(&self, order: Order, at: Moment) -> Result<Looked, Stop> {
        if tell(&self.workflow, &order).await? == Some(Answered::Delivered) {
            // It goes on, and writes by itself.
            return Ok(Looked { answered: 1, ..Looked::default() });
        }
        let mut findings = self.follow_hint(&order).await?;
        if order.is_about_to_lapse(at) {
            findings.push(Finding::Lapses);
        }
        record(&self.orders, &order, order.checked(&findings, at)).await?;
        Ok(Looked { raised: raised(&order, &findings), ..Looked::default() })
    }

    /// What the providers show of an order about which one of them gave a hint.
    pub(crate) async fn follow_hint(&self, order: &Order) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        if order.hinted_at.is_none() {
            return Ok(findings);
        }
        if let Some(id) = &order.payment.intent_id
            && undo::intent(&self.gateway, id).await?.disputed
        {
            findings.push(Finding::Disputed);
        }
        if let Some(stored) = order.shipment.as_ref().filter(|stored| stored.is_live()) {
            let shipment = undo::shipment(&self.carrier, &stored.shipment_id).await?;
            findings.extend(shipment.tracking.map(Finding::Tracking));
        }
        Ok(findings)
    }
}

/// How often a person is called by these findings.
pub(crate) fn raised(order: &Order, findings: &[Finding]) -> u32 {
    let news = order.news(findings);
    let calls = news.iter().filter(|finding| finding.calls_a_person()).count();
    u32::try_from(calls).unwrap_or(u32::MAX)
}
