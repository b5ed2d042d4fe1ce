//! The life of a refund: what was taken goes back, at once, later, or not after all.
//!
//! The refunds of a charge that have not failed never exceed what was captured
//! (docs.stripe.com/refunds).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::cards::RefundFate;
use super::error::ApiError;
use super::history::HistoryEntry;
use super::params::Params;
use super::payment_intents::{CallContext, IntentStatus};
use super::{StripeEmulator, Timer};
use crate::schedule::ScheduleKey;

/// How long after it was asked for a refund that pends succeeds, or one that fails fails.
pub const REFUND_COMPLETES_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// The gateway believes that it arrived.
    Succeeded,
    /// It came back; the money is the shop's again.
    Failed,
}

impl RefundStatus {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One refund, as the gateway knows it.
#[derive(Debug, Clone)]
pub struct Refund {
    /// `re_…`.
    pub id: String,
    /// The intent that it gives back, `pi_…`.
    pub intent: String,
    /// The order of that intent.
    pub order: Option<String>,
    /// How much, in minor units.
    pub amount: i64,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created: Timestamp,
    /// Everything that happened to it, oldest first.
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

const CREATE: &[&str] = &["amount", "charge", "expand", "metadata", "payment_intent", "reason"];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];
const EXPANDABLE: &[&str] = &["charge", "payment_intent"];

impl StripeEmulator {
    pub(super) fn create_refund(
        &mut self,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        params.only(CREATE)?;
        let expand = params.expand(EXPANDABLE)?;
        let requested = params.whole("amount")?;
        let reason = params.one_of("reason", REASONS)?;
        let index = self.refunded_intent(params)?;
        let amount = self.refundable(index, requested)?;
        if context.reject {
            let message =
                "You have insufficient funds in your Stripe balance to issue this refund.";
            return Err(ApiError::by_state(Some("balance_insufficient"), message));
        }
        let intent = &self.intents[index];
        let Some((charge, card)) =
            intent.charges.last().map(|charge| (charge.id.clone(), charge.card))
        else {
            return Err(nothing_to_refund(&intent.id));
        };
        let (intent_id, order, currency) =
            (intent.id.clone(), intent.order.clone(), intent.currency.clone());
        let fails = self.failing_refunds.contains(&order.clone().unwrap_or_default());
        let fate = if fails { card.refund.failing() } else { card.refund };
        let refund = Refund {
            id: self.ids.stripe("re"),
            intent: intent_id,
            order,
            amount,
            status: if fate.pends() { RefundStatus::Pending } else { RefundStatus::Succeeded },
            created: context.at,
            history: Vec::new(),
            charge,
            currency,
            reason,
            metadata: params.map("metadata"),
            timer: None,
        };
        let number = self.add_refund(refund, index, fate, context);
        Ok(self.render_refund(number, &expand))
    }

    fn add_refund(
        &mut self,
        mut refund: Refund,
        index: usize,
        fate: RefundFate,
        context: CallContext<'_>,
    ) -> usize {
        let number = self.refunds.len();
        let (amount, status) = (refund.amount, refund.status.name());
        let step = |what| HistoryEntry {
            at: context.at,
            what,
            amount,
            key: context.key.map(str::to_owned),
        };
        refund.history.push(step(status));
        refund.timer = match fate {
            RefundFate::Succeeds => None,
            RefundFate::PendsFirst => Some(
                self.schedule
                    .insert(context.at + REFUND_COMPLETES_AFTER, Timer::CompleteRefund(number)),
            ),
            RefundFate::FailsLater | RefundFate::PendsThenFails => Some(
                self.schedule
                    .insert(context.at + REFUND_COMPLETES_AFTER, Timer::FailRefund(number)),
            ),
        };
        self.refund_index.insert(refund.id.clone(), number);
        self.refunds.push(refund);
        let intent = &mut self.intents[index];
        intent.totals.refunded += amount;
        intent.history.push(step("refunded"));
        self.queue_refund_event("refund.created", number, context);
        self.queue_charge_event("charge.refunded", index, context);
        number
    }

    fn refunded_intent(&self, params: &Params) -> Result<usize, ApiError> {
        if let Some(id) = params.text("payment_intent") {
            let missing = || ApiError::missing(404, "payment_intent", "payment_intent", id);
            return self.intent_index.get(id).copied().ok_or_else(missing);
        }
        let id = params.text("charge").ok_or_else(|| {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            ApiError::invalid(message).with("code", json!("parameter_missing"))
        })?;
        let of = |charge: &super::payment_intents::Charge| charge.id == id;
        let index = self.intents.iter().position(|intent| intent.charges.iter().any(of));
        index.ok_or_else(|| ApiError::missing(404, "charge", "charge", id))
    }

    fn refundable(&self, index: usize, requested: Option<i64>) -> Result<i64, ApiError> {
        let intent = &self.intents[index];
        if intent.status != IntentStatus::Succeeded {
            return Err(nothing_to_refund(&intent.id));
        }
        let left = intent.totals.captured - intent.totals.refunded;
        let charge = intent.charges.last().map_or("", |charge| charge.id.as_str());
        if left == 0 {
            let message = format!("Charge {charge} has already been refunded.");
            return Err(ApiError::by_state(Some("charge_already_refunded"), &message));
        }
        match requested.unwrap_or(left) {
            0 => Err(ApiError::parameter(
                "parameter_invalid_integer",
                "amount",
                "Invalid positive integer",
            )),
            amount if amount > left => {
                let message = format!(
                    "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
                );
                Err(ApiError::by_state(None, &message).with("param", json!("amount")))
            }
            amount => Ok(amount),
        }
    }

    /// What was pending has arrived.
    pub(super) fn complete_refund(&mut self, number: usize, context: CallContext<'_>) {
        self.finalize_refund(number, RefundStatus::Succeeded, context);
        self.queue_refund_event("charge.refund.updated", number, context);
        self.queue_refund_event("refund.updated", number, context);
    }

    /// What was on its way, or thought to have arrived, has come back.
    pub(super) fn fail_refund(&mut self, number: usize, context: CallContext<'_>) {
        self.finalize_refund(number, RefundStatus::Failed, context);
        let refund = &self.refunds[number];
        let amount = refund.amount;
        if let Some(index) = self.intent_index.get(&refund.intent).copied() {
            let intent = &mut self.intents[index];
            intent.totals.refunded -= amount;
            intent.failed_refunds += 1;
            intent.history.push(HistoryEntry {
                at: context.at,
                what: "refund_failed",
                amount,
                key: None,
            });
        }
        self.queue_refund_event("charge.refund.updated", number, context);
        self.queue_refund_event("refund.failed", number, context);
    }

    fn finalize_refund(&mut self, number: usize, status: RefundStatus, context: CallContext<'_>) {
        let refund = &mut self.refunds[number];
        refund.status = status;
        refund.history.push(HistoryEntry {
            at: context.at,
            what: status.name(),
            amount: refund.amount,
            key: None,
        });
        let timer = refund.timer.take();
        self.schedule.cancel(timer);
    }

    pub(super) fn get_refund(&self, id: &str, params: &Params) -> Result<Value, ApiError> {
        params.only(&["expand"])?;
        let expand = params.expand(EXPANDABLE)?;
        let missing = || ApiError::missing(404, "id", "refund", id);
        let number = self.refund_index.get(id).copied().ok_or_else(missing)?;
        Ok(self.render_refund(number, &expand))
    }
}

fn nothing_to_refund(id: &str) -> ApiError {
    let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
    ApiError::by_state(None, &message)
}
