//! An order that is closed: looked after until nothing of it waits and its money
//! and its label are final.
//!
//! Final is what the provider shows to be so: an intent that is cancelled, or
//! whose refund has arrived; a label whose refund has arrived, or which was never
//! bought, as a look a day after the closing shows. What will not come back calls
//! a person, and is then theirs.

use domain::backorders::send_task_result;
use domain::compensate::{self, CompensationError};
use domain::conflict::{AttemptError, save_order};
use domain::order::Observation;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::ports::{PaymentProvider, ReadCatalog, RefundState, ShippingProvider, TaskDelivery};
use domain::shipment::{LabelRefund, LabelRefundState};
use domain::{Order, PaymentIntentId, Status, StepError, Timestamp};

use crate::event::Looked;
use crate::examine::raised;
use crate::{Orders, ReconcileOrders, Workflow};

/// An execution of a closed order that nothing can be said to is stopped after
/// this long. What it would still do has been done.
const STOP_AFTER_MINUTES: i64 = 15;
/// How soon a closed order is looked at again whose execution still runs.
const STILL_RUNS_MINUTES: i64 = 2;
/// A shipment that is still unbought so long after the closing is not bought any more.
const LATE_LABEL_HOURS: i64 = 24;

/// What was found about the money or the label, and whether that is the last of it.
struct Found {
    findings: Vec<Observation>,
    is_final: bool,
}

impl Found {
    fn last(findings: Vec<Observation>) -> Self {
        Self { findings, is_final: true }
    }

    fn so_far(findings: Vec<Observation>) -> Self {
        Self { findings, is_final: false }
    }
}

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    G: PaymentProvider,
    C: ShippingProvider,
{
    /// Looks after a closed order.
    pub(crate) async fn settle(
        &self,
        order: Order,
        runs: bool,
        at: Timestamp,
    ) -> Result<Looked, AttemptError> {
        if runs && send_task_result(&self.workflow, &order).await? == Some(TaskDelivery::Delivered)
        {
            return Ok(Looked { answered: 1, ..Looked::default() });
        }
        if runs && may_be_stopped(&order, at) {
            self.workflow.stop(&order.execution, "the order is closed").await?;
        }
        let found = self.find_out(&order, at).await?;
        let after = if found.is_final && !runs {
            order.finalized(&found.findings, at)
        } else {
            let mut after = order.inspected(&found.findings, at);
            if runs {
                after.check_within(STILL_RUNS_MINUTES, at);
            }
            after
        };
        save_order(&self.orders, &order, after).await?;
        let settled = u32::from(found.is_final && !runs);
        Ok(Looked { settled, raised: raised(&order, &found.findings), ..Looked::default() })
    }

    async fn find_out(&self, order: &Order, at: Timestamp) -> Result<Found, StepError> {
        if order.status == Status::Fulfilled {
            return self.follow_hint(order).await.map(Found::last);
        }
        let mut money = self.find_money(order).await?;
        let label = self.find_label(order, at).await?;
        money.findings.extend(label.findings);
        Ok(Found { findings: money.findings, is_final: money.is_final && label.is_final })
    }

    /// What became of the money; what is left of it is undone.
    async fn find_money(&self, order: &Order) -> Result<Found, StepError> {
        let Some(id) = &order.payment.intent_id else { return Ok(Found::last(Vec::new())) };
        let intent = compensate::retrieve_payment_intent(&self.gateway, id).await?;
        let mut found = match intent.state {
            PaymentIntentState::Canceled => {
                Found::last(vec![Observation::Payment(PaymentStatus::Voided)])
            }
            PaymentIntentState::Succeeded => {
                let whole = intent.refunded_minor >= intent.amount.amount_minor();
                self.find_refund(order, id, whole).await?
            }
            _ => self.undo_money(order).await?,
        };
        if intent.disputed {
            found.findings.push(Observation::Disputed);
        }
        Ok(found)
    }

    async fn find_refund(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        whole: bool,
    ) -> Result<Found, StepError> {
        let back = |status| vec![Observation::Payment(status)];
        Ok(match compensate::refund_progress(&self.gateway, id).await? {
            Some(RefundState::Succeeded) if whole => Found::last(back(PaymentStatus::Refunded)),
            Some(RefundState::Pending) => Found::so_far(back(PaymentStatus::Refunded)),
            Some(RefundState::Succeeded | RefundState::Failed) => {
                Found::last(back(PaymentStatus::RefundFailed))
            }
            None => self.undo_money(order).await?,
        })
    }

    async fn undo_money(&self, order: &Order) -> Result<Found, StepError> {
        match compensate::cancel_payment(&self.gateway, order).await {
            // A refund that was made just now is on its way.
            Ok(PaymentStatus::Refunded) => {
                Ok(Found::so_far(vec![Observation::Payment(PaymentStatus::Refunded)]))
            }
            Ok(status) => Ok(Found::last(vec![Observation::Payment(status)])),
            Err(CompensationError::NoEffect(_)) => {
                Ok(Found::so_far(vec![Observation::CallHadNoEffect]))
            }
            Err(CompensationError::Failed(failure)) => Err(failure),
        }
    }

    /// What became of the label; one that turns out to be bought is given back.
    async fn find_label(&self, order: &Order, at: Timestamp) -> Result<Found, StepError> {
        let refused = Some(LabelRefund::Refused);
        let stored = order.shipment.as_ref().filter(|stored| stored.refund != refused);
        let Some(stored) = stored else { return Ok(Found::last(Vec::new())) };
        let id = &stored.shipment_id;
        let shipment = compensate::retrieve_shipment(&self.carrier, id).await?;
        let late = at >= order.closed_at().plus_hours(LATE_LABEL_HOURS);
        let back = |refund| vec![Observation::Label(refund)];
        Ok(match (shipment.refund, &shipment.bought) {
            (LabelRefundState::Refunded, _) => Found::last(back(LabelRefund::Submitted)),
            (LabelRefundState::Rejected, _) => Found::last(back(LabelRefund::Refused)),
            (LabelRefundState::Submitted, _) => Found::so_far(back(LabelRefund::Submitted)),
            (LabelRefundState::NotRequested, None) if late => Found::last(back(LabelRefund::None)),
            (LabelRefundState::NotRequested, None) => Found::so_far(back(LabelRefund::None)),
            (LabelRefundState::NotRequested, Some(_)) => {
                Found::so_far(back(compensate::refund_label(&self.carrier, id).await?))
            }
        })
    }
}

/// Whether the execution of a closed order has nothing left to do: one of an order
/// that was cancelled before it began, and one that had time enough.
fn may_be_stopped(order: &Order, at: Timestamp) -> bool {
    let never_began = order.scheduled_for.is_some() && order.payment.intent_id.is_none();
    never_began || at >= order.closed_at().plus_minutes(STOP_AFTER_MINUTES)
}
