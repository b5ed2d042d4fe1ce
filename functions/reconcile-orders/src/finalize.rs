//! Follows a closed order until its execution has ended and its payment and label are
//! final.
//!
//! The providers decide what is final: a canceled intent, a refund that succeeded, a label
//! refund that arrived, or a shipment still unbought a day after the order was closed. A
//! refund of a label that is rejected is submitted again for some days. A refund that failed
//! or was refused raises attention and is then up to the operator.

use domain::backorders::send_task_result;
use domain::compensate::{self, CompensationError};
use domain::conflict::{AttemptError, save_order};
use domain::order::Observation;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::ports::{PaymentProvider, ReadCatalog, RefundState, ShippingProvider, TaskDelivery};
use domain::settlement::{LabelClaim, MoneyClaim};
use domain::shipment::{LabelRefund, LabelRefundState, Shipment};
use domain::{Order, PaymentIntentId, ShipmentId, Status, StepError, Timestamp};

use crate::event::SweepOutput;
use crate::inspect::raised_attention;
use crate::{Orders, ReconcileOrders, Workflow};

/// How long the execution of a closed order may run before it is stopped. All that it
/// could still do is done.
const STOP_AFTER_MINUTES: i64 = 15;
/// When a closed order is inspected again whose execution still runs.
const RUNNING_RECHECK_MINUTES: i64 = 2;
/// A shipment that is unbought so long after the order was closed stays unbought.
const LATE_PURCHASE_HOURS: i64 = 24;

/// A carrier rejects the refund of a label that it does not know yet. A day later it does.
const REFUND_RESUBMISSION_HOURS: i64 = 24;
/// How often a rejected refund of a label is submitted again.
const MAX_REFUND_RESUBMISSIONS: usize = 3;

/// What was found out about payment or label, and whether it can still change.
struct Progress {
    observations: Vec<Observation>,
    is_final: bool,
}

impl Progress {
    fn complete(observations: Vec<Observation>) -> Self {
        Self { observations, is_final: true }
    }

    fn pending(observations: Vec<Observation>) -> Self {
        Self { observations, is_final: false }
    }

    /// The provider gives no answer about what an operator claimed: it is watched until an
    /// operator acknowledges that.
    fn of_claim(order: &Order) -> Self {
        Self { observations: Vec::new(), is_final: !order.has_unconfirmed_claims() }
    }

    /// The provider shows something else than what an operator claimed. An operator who
    /// acknowledges that ends the watch.
    fn add_difference(&mut self, order: &Order) {
        self.observations.push(Observation::SettlementDiffers);
        self.is_final |= !order.has_unconfirmed_claims();
    }
}

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    P: PaymentProvider,
    S: ShippingProvider,
{
    /// Inspects a closed order, and finalizes it once nothing about it can change.
    pub(crate) async fn finalize(
        &self,
        order: Order,
        is_running: bool,
        at: Timestamp,
    ) -> Result<SweepOutput, AttemptError> {
        if is_running
            && send_task_result(&self.workflow, &order).await? == Some(TaskDelivery::Delivered)
        {
            return Ok(SweepOutput { delivered: 1, ..SweepOutput::default() });
        }
        if is_running && can_be_stopped(&order, at) {
            self.workflow.stop(&order.execution, "the order is closed").await?;
        }
        let progress = self.progress(&order, at).await?;
        let is_final = progress.is_final && !is_running;
        let mut after = if is_final {
            order.finalized(&progress.observations, at)
        } else {
            order.inspected(&progress.observations, at)
        };
        if is_running {
            after.check_within(RUNNING_RECHECK_MINUTES, at);
        }
        save_order(&self.orders, &order, after).await?;
        let raised = raised_attention(&order, &progress.observations);
        Ok(SweepOutput { finalized: u32::from(is_final), raised, ..SweepOutput::default() })
    }

    async fn progress(&self, order: &Order, at: Timestamp) -> Result<Progress, StepError> {
        if order.status == Status::Fulfilled {
            return self.follow_webhook(order).await.map(Progress::complete);
        }
        let mut payment = self.payment_progress(order).await?;
        let label = self.label_progress(order, at).await?;
        payment.observations.extend(label.observations);
        payment.is_final &= label.is_final;
        Ok(payment)
    }

    /// Looks up the payment of an order that is not fulfilled, and voids or refunds what is
    /// left of it.
    async fn payment_progress(&self, order: &Order) -> Result<Progress, StepError> {
        let Some(id) = &order.payment.intent_id else {
            return Ok(Progress::complete(Vec::new()));
        };
        let claim = order.money_claim();
        let intent = match compensate::retrieve_payment_intent(&self.payment_provider, id).await {
            Ok(intent) => intent,
            Err(_) if claim.is_some() => return Ok(Progress::of_claim(order)),
            Err(error) if is_about_object(&error) => {
                return Ok(Progress::pending(vec![Observation::PaymentNotReturned]));
            }
            Err(error) => return Err(error),
        };
        let agrees = claim.is_none_or(|claim| claim.agrees_with(&intent));
        let mut progress = match intent.state {
            PaymentIntentState::Processing if claim.is_some() => Progress::of_claim(order),
            PaymentIntentState::Succeeded if claim == Some(MoneyClaim::Captured) && agrees => {
                Progress::complete(vec![Observation::Payment(PaymentStatus::Captured)])
            }
            PaymentIntentState::Canceled => {
                Progress::complete(vec![Observation::Payment(PaymentStatus::Voided)])
            }
            PaymentIntentState::Succeeded => {
                self.refund_progress(order, id, intent.is_refunded_in_full()).await?
            }
            _ => self.cancel_payment(order).await?,
        };
        if intent.disputed {
            progress.observations.push(Observation::Disputed);
        }
        if !agrees && intent.state != PaymentIntentState::Processing {
            progress.add_difference(order);
        }
        Ok(progress)
    }

    async fn refund_progress(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        in_full: bool,
    ) -> Result<Progress, StepError> {
        let observed = |status| vec![Observation::Payment(status)];
        Ok(match compensate::refund_progress(&self.payment_provider, id).await? {
            Some(RefundState::Succeeded) if in_full => {
                Progress::complete(observed(PaymentStatus::Refunded))
            }
            Some(RefundState::Pending) => Progress::pending(observed(PaymentStatus::Refunded)),
            Some(RefundState::Succeeded | RefundState::Failed) => {
                Progress::complete(observed(PaymentStatus::RefundFailed))
            }
            None => self.cancel_payment(order).await?,
        })
    }

    async fn cancel_payment(&self, order: &Order) -> Result<Progress, StepError> {
        match compensate::cancel_payment(&self.payment_provider, order).await {
            // The refund has just been requested and has not arrived yet.
            Ok(PaymentStatus::Refunded) => {
                Ok(Progress::pending(vec![Observation::Payment(PaymentStatus::Refunded)]))
            }
            Ok(status) => Ok(Progress::complete(vec![Observation::Payment(status)])),
            Err(CompensationError::NoEffect(error)) if error.name.is_transient() => {
                Ok(Progress::pending(vec![Observation::CallHadNoEffect]))
            }
            Err(CompensationError::NoEffect(_)) => Ok(Progress::pending(vec![
                Observation::CallHadNoEffect,
                Observation::PaymentNotReturned,
            ])),
            // Until an operator acknowledges that the money is kept.
            Err(CompensationError::RefundNotPermitted) => Ok(Progress {
                observations: vec![Observation::Payment(PaymentStatus::Captured)],
                is_final: order.acknowledged.is_some(),
            }),
            Err(CompensationError::Failed(error)) => Err(error),
        }
    }

    /// Looks up the label of an order that is not fulfilled, and refunds one that turns out
    /// to be bought.
    async fn label_progress(&self, order: &Order, at: Timestamp) -> Result<Progress, StepError> {
        let refused = Some(LabelRefund::Refused);
        let stored = order.shipment.as_ref().filter(|stored| stored.refund != refused);
        let Some(stored) = stored else { return Ok(Progress::complete(Vec::new())) };
        let (id, claim) = (&stored.shipment_id, order.label_claim());
        let shipment = match compensate::retrieve_shipment(&self.shipping_provider, id).await {
            Ok(shipment) => shipment,
            Err(_) if claim.is_some() => return Ok(Progress::of_claim(order)),
            Err(error) if is_about_object(&error) => {
                return Ok(Progress::pending(vec![Observation::LabelNotReturned]));
            }
            Err(error) => return Err(error),
        };
        let agrees = claim.is_none_or(|claim| claim.agrees_with(&shipment));
        let is_late = at >= order.closed_at().plus_hours(LATE_PURCHASE_HOURS);
        let observed = |refund| vec![Observation::Label(refund)];
        let mut progress = match (shipment.refund, &shipment.bought) {
            _ if claim == Some(LabelClaim::Kept) && agrees => {
                Progress::complete(observed(LabelRefund::Kept))
            }
            (LabelRefundState::Refunded, _) => Progress::complete(observed(LabelRefund::Submitted)),
            (LabelRefundState::NotApplicable, _) => {
                Progress::complete(observed(LabelRefund::NotApplicable))
            }
            (LabelRefundState::Rejected, _) => match next_submission(order, stored) {
                None => Progress::complete(observed(LabelRefund::Refused)),
                Some(due) if at < due => Progress::pending(observed(LabelRefund::Submitted)),
                Some(_due) => self.resubmit_label_refund(id).await?,
            },
            (LabelRefundState::Submitted, _) => Progress::pending(observed(LabelRefund::Submitted)),
            (LabelRefundState::NotRequested, None) if is_late => {
                Progress::complete(observed(LabelRefund::None))
            }
            (LabelRefundState::NotRequested, None) => {
                Progress::pending(observed(LabelRefund::None))
            }
            (LabelRefundState::NotRequested, Some(_)) => Progress::pending(observed(
                compensate::refund_label(&self.shipping_provider, id).await?,
            )),
        };
        if !agrees {
            progress.add_difference(order);
        }
        Ok(progress)
    }

    async fn resubmit_label_refund(&self, id: &ShipmentId) -> Result<Progress, StepError> {
        compensate::resubmit_label_refund(&self.shipping_provider, id).await?;
        Ok(Progress::pending(vec![Observation::LabelRefundResubmitted]))
    }
}

/// When a rejected refund of the label is submitted again; none after the last time.
fn next_submission(order: &Order, stored: &Shipment) -> Option<Timestamp> {
    let submitted = stored.refund_resubmissions.last().copied();
    let latest = submitted.unwrap_or_else(|| order.closed_at());
    let may_submit = stored.refund_resubmissions.len() < MAX_REFUND_RESUBMISSIONS;
    may_submit.then(|| latest.plus_hours(REFUND_RESUBMISSION_HOURS))
}

/// Whether the provider does not know the object, or refuses to show it, although it serves
/// our account. An operator must settle what became of it.
const fn is_about_object(error: &StepError) -> bool {
    !error.name.is_transient() && error.problem.is_none()
}

/// Whether the execution of a closed order has nothing left to do: the order was canceled
/// before it began, or the execution had enough time to end.
fn can_be_stopped(order: &Order, at: Timestamp) -> bool {
    let never_began = order.scheduled_for.is_some() && order.payment.intent_id.is_none();
    never_began || at >= order.closed_at().plus_minutes(STOP_AFTER_MINUTES)
}
