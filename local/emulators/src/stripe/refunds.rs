//! The life of a refund: it succeeds at once, later, or fails.
//!
//! The refunds of a charge that have not failed never exceed the captured amount
//! (docs.stripe.com/refunds).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::cards::RefundBehavior;
use super::error::ApiError;
use super::history::HistoryEntry;
use super::params::Params;
use super::payment_intents::{CallContext, IntentStatus};
use super::{StripeEmulator, Timer};
use crate::schedule::ScheduleKey;

/// How long after its creation a pending refund succeeds, or a failing one fails.
pub const REFUND_COMPLETES_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// The status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It is on its way.
    Pending,
    /// It succeeded; it may still fail later.
    Succeeded,
    /// It failed; the shop keeps the money.
    Failed,
}

impl RefundStatus {
    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One refund.
#[derive(Debug, Clone)]
pub struct Refund {
    /// `re_…`.
    pub id: String,
    /// The refunded intent, `pi_…`.
    pub intent: String,
    /// The order of that intent.
    pub order: Option<String>,
    /// The amount, in minor units.
    pub amount: i64,
    /// The status.
    pub status: RefundStatus,
    /// When it was created.
    pub created: Timestamp,
    /// Its events, oldest first.
    pub history: Vec<HistoryEntry>,
    pub(crate) charge: String,
    pub(crate) currency: String,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) timer: Option<ScheduleKey>,
}

impl Refund {
    /// Its entry in the ledger.
    pub(crate) fn to_ledger(&self) -> Value {
        json!({
            "id": self.id, "object": "refund", "order": self.order, "intent": self.intent,
            "amount": self.amount, "currency": self.currency, "status": self.status,
            "created": self.created, "history": self.history,
        })
    }
}

const CREATE_PARAMS: &[&str] =
    &["amount", "charge", "expand", "metadata", "payment_intent", "reason"];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];
const EXPANDABLE: &[&str] = &["charge", "payment_intent"];

impl StripeEmulator {
    pub(super) fn create_refund(
        &mut self,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        params.reject_unknown(CREATE_PARAMS)?;
        let expand = params.expand(EXPANDABLE)?;
        let requested = params.integer("amount")?;
        let reason = params.one_of("reason", REASONS)?;
        let intent_index = self.intent_to_refund(params)?;
        let amount = self.amount_to_refund(intent_index, requested)?;
        if let Some(charge) =
            self.intents[intent_index].charges.last().filter(|charge| charge.disputed)
        {
            let message =
                format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
            return Err(ApiError::invalid_state(Some("charge_disputed"), &message));
        }
        if context.reject {
            let message =
                "You have insufficient funds in your Stripe balance to issue this refund.";
            return Err(ApiError::invalid_state(Some("balance_insufficient"), message));
        }
        let refund = self.new_refund(intent_index, amount, context);
        let Some(refund) = refund else {
            return Err(nothing_to_refund(&self.intents[intent_index].id));
        };
        let refund = Refund { reason, metadata: params.map("metadata"), ..refund };
        let refund_index = self.add_refund(refund, intent_index, context);
        Ok(self.render_refund(refund_index, &expand))
    }

    /// A refund of what is left of the charge; none if nothing is.
    pub(super) fn refund_of_rest(
        &mut self,
        intent_index: usize,
        context: CallContext<'_>,
    ) -> Option<Refund> {
        let amount = self.amount_to_refund(intent_index, None).ok()?;
        self.new_refund(intent_index, amount, context)
    }

    fn new_refund(
        &mut self,
        intent_index: usize,
        amount: i64,
        context: CallContext<'_>,
    ) -> Option<Refund> {
        let intent = &self.intents[intent_index];
        let charge = intent.charges.last()?.id.clone();
        let (intent, order, currency) =
            (intent.id.clone(), intent.order.clone(), intent.currency.clone());
        let is_pending = self.refund_behavior(intent_index).starts_pending();
        Some(Refund {
            id: self.ids.stripe("re"),
            intent,
            order,
            amount,
            status: if is_pending { RefundStatus::Pending } else { RefundStatus::Succeeded },
            created: context.at,
            history: Vec::new(),
            charge,
            currency,
            reason: None,
            metadata: Vec::new(),
            timer: None,
        })
    }

    /// How a refund of this intent proceeds: as its card says, unless its refunds fail.
    fn refund_behavior(&self, intent_index: usize) -> RefundBehavior {
        let intent = &self.intents[intent_index];
        let card = intent.charges.last().map(|charge| charge.card.refund);
        let behavior = card.unwrap_or(RefundBehavior::Succeed);
        let fails = self.failing_refunds.contains(intent.order.as_deref().unwrap_or_default());
        if fails { behavior.ending_in_failure() } else { behavior }
    }

    pub(super) fn add_refund(
        &mut self,
        mut refund: Refund,
        intent_index: usize,
        context: CallContext<'_>,
    ) -> usize {
        let behavior = self.refund_behavior(intent_index);
        let refund_index = self.refunds.len();
        let (amount, status) = (refund.amount, refund.status.name());
        let entry = |event| HistoryEntry {
            at: context.at,
            event,
            amount,
            idempotency_key: context.idempotency_key.map(str::to_owned),
        };
        refund.history.push(entry(status));
        refund.timer = match behavior {
            RefundBehavior::Succeed => None,
            RefundBehavior::SucceedAfterPending => {
                Some(self.schedule.insert(
                    context.at + REFUND_COMPLETES_AFTER,
                    Timer::CompleteRefund(refund_index),
                ))
            }
            RefundBehavior::FailAfterSuccess | RefundBehavior::FailAfterPending => Some(
                self.schedule
                    .insert(context.at + REFUND_COMPLETES_AFTER, Timer::FailRefund(refund_index)),
            ),
        };
        self.refunds_by_id.insert(refund.id.clone(), refund_index);
        self.refunds.push(refund);
        let intent = &mut self.intents[intent_index];
        intent.totals.refunded += amount;
        intent.history.push(entry("refunded"));
        self.queue_refund_event("refund.created", refund_index, context);
        self.queue_charge_event("charge.refunded", intent_index, context);
        refund_index
    }

    fn intent_to_refund(&self, params: &Params) -> Result<usize, ApiError> {
        if let Some(id) = params.text("payment_intent") {
            let missing = || ApiError::missing(404, "payment_intent", "payment_intent", id);
            return self.intents_by_id.get(id).copied().ok_or_else(missing);
        }
        let id = params.text("charge").ok_or_else(|| {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            ApiError::invalid(message).with("code", json!("parameter_missing"))
        })?;
        let of = |charge: &super::payment_intents::Charge| charge.id == id;
        let index = self.intents.iter().position(|intent| intent.charges.iter().any(of));
        index.ok_or_else(|| ApiError::missing(404, "charge", "charge", id))
    }

    fn amount_to_refund(&self, index: usize, requested: Option<i64>) -> Result<i64, ApiError> {
        let intent = &self.intents[index];
        if intent.status != IntentStatus::Succeeded {
            return Err(nothing_to_refund(&intent.id));
        }
        let remaining = intent.totals.captured - intent.totals.refunded;
        let charge = intent.charges.last().map_or("", |charge| charge.id.as_str());
        if remaining == 0 {
            let message = format!("Charge {charge} has already been refunded.");
            return Err(ApiError::invalid_state(Some("charge_already_refunded"), &message));
        }
        match requested.unwrap_or(remaining) {
            0 => Err(ApiError::parameter(
                "parameter_invalid_integer",
                "amount",
                "Invalid positive integer",
            )),
            amount if amount > remaining => {
                let message = format!(
                    "Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining})"
                );
                Err(ApiError::invalid_state(None, &message).with("param", json!("amount")))
            }
            amount => Ok(amount),
        }
    }

    /// A pending refund succeeds.
    pub(super) fn complete_refund(&mut self, refund_index: usize, context: CallContext<'_>) {
        self.finalize_refund(refund_index, RefundStatus::Succeeded, context);
        self.queue_refund_event("charge.refund.updated", refund_index, context);
        self.queue_refund_event("refund.updated", refund_index, context);
    }

    /// A pending or succeeded refund fails.
    pub(super) fn fail_refund(&mut self, refund_index: usize, context: CallContext<'_>) {
        self.finalize_refund(refund_index, RefundStatus::Failed, context);
        let refund = &self.refunds[refund_index];
        let amount = refund.amount;
        if let Some(index) = self.intents_by_id.get(&refund.intent).copied() {
            let intent = &mut self.intents[index];
            intent.totals.refunded -= amount;
            intent.failed_refunds += 1;
            intent.history.push(HistoryEntry {
                at: context.at,
                event: "refund_failed",
                amount,
                idempotency_key: None,
            });
        }
        self.queue_refund_event("charge.refund.updated", refund_index, context);
        self.queue_refund_event("refund.failed", refund_index, context);
    }

    fn finalize_refund(
        &mut self,
        refund_index: usize,
        status: RefundStatus,
        context: CallContext<'_>,
    ) {
        let refund = &mut self.refunds[refund_index];
        refund.status = status;
        refund.history.push(HistoryEntry {
            at: context.at,
            event: status.name(),
            amount: refund.amount,
            idempotency_key: None,
        });
        let timer = refund.timer.take();
        self.schedule.cancel(timer);
    }

    pub(super) fn get_refund(&self, id: &str, params: &Params) -> Result<Value, ApiError> {
        params.reject_unknown(&["expand"])?;
        let expand = params.expand(EXPANDABLE)?;
        let missing = || ApiError::missing(404, "id", "refund", id);
        let refund_index = self.refunds_by_id.get(id).copied().ok_or_else(missing)?;
        Ok(self.render_refund(refund_index, &expand))
    }
}

fn nothing_to_refund(id: &str) -> ApiError {
    let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
    ApiError::invalid_state(None, &message)
}
