//! The life of a `PaymentIntent`: created, confirmed, captured or cancelled, or lapsed.
//!
//! A hold of money lapses by itself, seven days after the confirmation, or after less than
//! five where nobody was present (docs.stripe.com/payments/place-a-hold-on-a-payment-method).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cards::{self, Card, Decline, Issuer};
use super::error::{ApiError, doc_url};
use super::history::{HistoryEntry, PaymentTotals};
use super::params::Params;
use super::request::{self, Cancellation, Capture, Confirmation, NewIntent};
use super::{StripeEmulator, Timer};
use crate::schedule::ScheduleKey;

/// How long the gateway holds money that a present customer confirmed.
pub const AUTHORIZATION_VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long it holds money that the merchant asked for off-session: 4 days and 18 hours.
pub const AUTHORIZATION_VALIDITY_OFF_SESSION: SignedDuration =
    SignedDuration::from_hours(4 * 24 + 18);
/// How long the one hesitating card is `processing`.
pub const PROCESSING_TIME: SignedDuration = SignedDuration::from_secs(60);
/// How long after the capture the one disputed card's owner complains.
const DISPUTE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// Without a card, or its card was declined.
    RequiresPaymentMethod,
    /// With a card, not confirmed.
    RequiresConfirmation,
    /// The card's owner must prove who they are.
    RequiresAction,
    /// The issuer has not answered yet.
    Processing,
    /// Money is held.
    RequiresCapture,
    /// Money was taken.
    Succeeded,
    /// Given up, by a call or by itself.
    Canceled,
}

impl IntentStatus {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// An attempt to hold or take money from a card.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) card: &'static Card,
    pub(crate) payment_method: String,
    pub(crate) decline: Option<&'static Decline>,
    pub(crate) captured: bool,
    pub(crate) capture_before: Option<Timestamp>,
    pub(crate) disputed: bool,
}

/// One `PaymentIntent`, as the gateway knows it.
#[derive(Debug, Clone)]
pub struct Intent {
    /// `pi_…`.
    pub id: String,
    /// The order in `metadata[order_id]`.
    pub order: Option<String>,
    /// What it is for, in minor units.
    pub amount: i64,
    /// Its currency, in small letters.
    pub currency: String,
    /// Where it stands.
    pub status: IntentStatus,
    /// When it was created.
    pub created: Timestamp,
    /// Its money.
    pub totals: PaymentTotals,
    /// How often it was confirmed, whatever the issuer said.
    pub confirms: u32,
    /// How many of its refunds failed.
    pub failed_refunds: usize,
    /// Everything that happened to it, oldest first.
    pub history: Vec<HistoryEntry>,
    pub(crate) capture_method: &'static str,
    pub(crate) automatic_methods: Option<&'static str>,
    pub(crate) card: Option<&'static Card>,
    pub(crate) payment_method: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) off_session: bool,
    pub(crate) canceled: Option<(Timestamp, Option<&'static str>)>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) timer: Option<ScheduleKey>,
}

impl Intent {
    /// When the money that it holds is given back by itself.
    pub fn capture_before(&self) -> Option<Timestamp> {
        self.charges.last().and_then(|charge| charge.capture_before)
    }

    pub(crate) fn capturable(&self) -> i64 {
        if self.status == IntentStatus::RequiresCapture { self.amount } else { 0 }
    }

    /// Why the last attempt was refused.
    pub(crate) fn last_decline(&self) -> Option<(&Charge, &'static Decline)> {
        let charge = self.charges.last()?;
        Some((charge, charge.decline?))
    }

    /// Its entry in the ledger.
    pub(crate) fn to_ledger(&self) -> Value {
        json!({
            "id": self.id, "object": "payment_intent", "order": self.order,
            "amount": self.amount, "currency": self.currency, "status": self.status,
            "created": self.created, "captureBefore": self.capture_before(),
            "sums": self.totals, "confirms": self.confirms, "history": self.history,
        })
    }

    fn note(&mut self, context: &CallContext<'_>, what: &'static str, amount: i64) {
        self.history.push(HistoryEntry {
            at: context.at,
            what,
            amount,
            key: context.key.map(str::to_owned),
        });
    }
}

/// Who does something to an object, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallContext<'a> {
    pub(crate) at: Timestamp,
    pub(crate) key: Option<&'a str>,
    pub(crate) request: Option<&'a str>,
    /// Whether the plan wants the business to say no.
    pub(crate) reject: bool,
}

impl CallContext<'_> {
    /// What happens by itself.
    pub(crate) const fn scheduled(at: Timestamp) -> Self {
        Self { at, key: None, request: None, reject: false }
    }
}

impl StripeEmulator {
    pub(super) fn create_intent(
        &mut self,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        let asked = NewIntent::of(params)?;
        if context.reject {
            return Err(declined_at_creation());
        }
        let expand = asked.expand.clone();
        let confirmation = asked.confirmation;
        let index = self.add_intent(NewIntent { confirmation: None, ..asked }, context);
        if let Some(confirmation) = confirmation {
            self.confirm_at(index, &confirmation, context)?;
        }
        Ok(self.render_intent(index, &expand))
    }

    fn add_intent(&mut self, asked: NewIntent, context: CallContext<'_>) -> usize {
        let order = asked
            .metadata
            .iter()
            .find(|(key, _)| key == "order_id")
            .map(|(_, order)| order.clone());
        let mut intent = Intent {
            id: self.ids.stripe("pi"),
            order,
            amount: asked.amount,
            currency: asked.currency.to_owned(),
            status: IntentStatus::RequiresPaymentMethod,
            created: context.at,
            totals: PaymentTotals::default(),
            confirms: 0,
            failed_refunds: 0,
            history: Vec::new(),
            capture_method: asked.capture_method,
            automatic_methods: asked.automatic_methods,
            card: None,
            payment_method: None,
            customer: asked.customer,
            description: asked.description,
            metadata: asked.metadata,
            off_session: false,
            canceled: None,
            charges: Vec::new(),
            timer: None,
        };
        if asked.card.is_some() {
            intent.status = IntentStatus::RequiresConfirmation;
            intent.card = asked.card;
            intent.payment_method = Some(self.ids.stripe("pm"));
        }
        intent.note(&context, "created", 0);
        let index = self.intents.len();
        self.intent_index.insert(intent.id.clone(), index);
        self.intents.push(intent);
        self.queue_intent_event("payment_intent.created", index, context);
        index
    }

    pub(super) fn confirm_intent(
        &mut self,
        id: &str,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        let asked = Confirmation::of(params)?;
        let index = self.index_of_intent(id)?;
        self.confirm_at(index, &asked, context)?;
        Ok(self.render_intent(index, &asked.expand))
    }

    fn confirm_at(
        &mut self,
        index: usize,
        asked: &Confirmation,
        context: CallContext<'_>,
    ) -> Result<(), ApiError> {
        let card = self.card_to_confirm(index, asked)?;
        let intent = &mut self.intents[index];
        intent.off_session = asked.off_session;
        intent.confirms += 1;
        match if context.reject { Issuer::Declines(&cards::GENERIC) } else { card.issuer } {
            Issuer::Approves => self.approve(index, card, context),
            Issuer::Declines(decline) => return Err(self.decline(index, card, decline, context)),
            Issuer::Authenticates if asked.must_not_ask || asked.off_session => {
                return Err(self.decline(index, card, &cards::AUTHENTICATION, context));
            }
            Issuer::Authenticates => {
                self.move_to(index, IntentStatus::RequiresAction, context);
            }
            Issuer::AnswersLater => {
                self.move_to(index, IntentStatus::Processing, context);
                let timer =
                    self.schedule.insert(context.at + PROCESSING_TIME, Timer::Approve(index));
                self.intents[index].timer = Some(timer);
            }
        }
        Ok(())
    }

    /// The card that a confirmation asks the issuer about, where the intent's state allows one.
    fn card_to_confirm(
        &mut self,
        index: usize,
        asked: &Confirmation,
    ) -> Result<&'static Card, ApiError> {
        use IntentStatus::{RequiresAction, RequiresConfirmation, RequiresPaymentMethod};
        let intent = &self.intents[index];
        if asked.off_session && intent.customer.is_none() {
            let message =
                "`off_session` needs a saved payment method: the PaymentIntent has no customer.";
            return Err(ApiError::invalid(message));
        }
        if !matches!(intent.status, RequiresPaymentMethod | RequiresConfirmation | RequiresAction) {
            return Err(self.unexpected_state(index, "confirmed"));
        }
        if asked.card.is_some() {
            let payment_method = self.ids.stripe("pm");
            let intent = &mut self.intents[index];
            (intent.card, intent.payment_method) = (asked.card, Some(payment_method));
        }
        let message =
            "You cannot confirm this PaymentIntent because it's missing a payment method.";
        self.intents[index].card.ok_or_else(|| {
            self.by_state_with_intent(index, Some("payment_intent_unexpected_state"), message)
        })
    }

    fn move_to(&mut self, index: usize, status: IntentStatus, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        intent.status = status;
        intent.note(&context, status.name(), 0);
        self.queue_intent_event(&format!("payment_intent.{}", status.name()), index, context);
    }

    /// The issuer says yes: the money is held, or taken at once.
    pub(super) fn approve(&mut self, index: usize, card: &'static Card, context: CallContext<'_>) {
        let id = self.ids.stripe("ch");
        let intent = &mut self.intents[index];
        let hold = if intent.off_session {
            AUTHORIZATION_VALIDITY_OFF_SESSION
        } else {
            AUTHORIZATION_VALIDITY
        };
        let capture_before = (intent.capture_method == "manual").then(|| context.at + hold);
        intent.charges.push(Charge {
            id,
            created: context.at,
            card,
            payment_method: intent.payment_method.clone().unwrap_or_default(),
            decline: None,
            captured: false,
            capture_before,
            disputed: false,
        });
        let amount = intent.amount;
        intent.totals.authorized += amount;
        intent.note(&context, "authorized", amount);
        intent.status = IntentStatus::RequiresCapture;
        match capture_before {
            Some(due) => {
                intent.timer = Some(self.schedule.insert(due, Timer::Lapse(index)));
                self.queue_intent_event("payment_intent.amount_capturable_updated", index, context);
            }
            None => self.capture_amount(index, amount, context),
        }
    }

    /// The issuer says no: the card is of no use to this intent any more.
    fn decline(
        &mut self,
        index: usize,
        card: &'static Card,
        decline: &'static Decline,
        context: CallContext<'_>,
    ) -> ApiError {
        let id = self.ids.stripe("ch");
        let intent = &mut self.intents[index];
        intent.charges.push(Charge {
            id,
            created: context.at,
            card,
            payment_method: intent.payment_method.take().unwrap_or_default(),
            decline: Some(decline),
            captured: false,
            capture_before: None,
            disputed: false,
        });
        intent.card = None;
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.note(&context, "declined", 0);
        self.queue_intent_event("payment_intent.payment_failed", index, context);
        let mut error = self.intents[index]
            .last_decline()
            .map(|(charge, _)| card_error(charge))
            .unwrap_or_default();
        error.insert("payment_intent".to_owned(), self.render_intent(index, &[]));
        ApiError::card(error)
    }

    pub(super) fn capture_intent(
        &mut self,
        id: &str,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        let asked = Capture::of(params)?;
        let index = self.index_of_intent(id)?;
        if self.intents[index].status != IntentStatus::RequiresCapture {
            return Err(self.unexpected_state(index, "captured"));
        }
        if context.reject {
            // The one way in which a capture is refused for good: the hold is gone.
            self.lapse(index, CallContext { key: None, ..context });
            return Err(self.unexpected_state(index, "captured"));
        }
        let held = self.intents[index].amount;
        let amount = asked.amount.unwrap_or(held);
        if amount == 0 || amount > held {
            let message = format!(
                "The amount to capture must be between 1 and the {held} that is capturable."
            );
            let code = if amount == 0 { "amount_too_small" } else { "amount_too_large" };
            return Err(ApiError::parameter(code, "amount_to_capture", &message));
        }
        self.capture_amount(index, amount, context);
        Ok(self.render_intent(index, &asked.expand))
    }

    /// The held money is taken; what is not taken of it is given back.
    fn capture_amount(&mut self, index: usize, amount: i64, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        let rest = intent.amount - amount;
        intent.totals.captured += amount;
        intent.totals.voided += rest;
        intent.status = IntentStatus::Succeeded;
        intent.note(&context, "captured", amount);
        if rest > 0 {
            intent.note(&context, "voided", rest);
        }
        let timer = intent.timer.take();
        let disputed = intent.card.is_some_and(|card| card.disputed);
        if let Some(charge) = intent.charges.last_mut() {
            charge.captured = true;
        }
        self.schedule.cancel(timer);
        if disputed {
            self.schedule.insert(context.at + DISPUTE_AFTER, Timer::Dispute(index));
        }
        self.queue_intent_event("payment_intent.succeeded", index, context);
    }

    pub(super) fn cancel_intent(
        &mut self,
        id: &str,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        let asked = Cancellation::of(params)?;
        let index = self.index_of_intent(id)?;
        let status = self.intents[index].status;
        if matches!(
            status,
            IntentStatus::Succeeded | IntentStatus::Canceled | IntentStatus::Processing
        ) {
            return Err(self.unexpected_state(index, "canceled"));
        }
        if context.reject {
            let message =
                "This PaymentIntent could not be canceled because of a restriction on the account.";
            return Err(self.by_state_with_intent(index, None, message));
        }
        self.release_hold(index, asked.reason, "voided", context);
        Ok(self.render_intent(index, &asked.expand))
    }

    /// Nobody came for the money in time.
    pub(super) fn lapse(&mut self, index: usize, context: CallContext<'_>) {
        self.release_hold(index, Some("automatic"), "lapsed", context);
    }

    fn release_hold(
        &mut self,
        index: usize,
        reason: Option<&'static str>,
        what: &'static str,
        context: CallContext<'_>,
    ) {
        let intent = &mut self.intents[index];
        let held = intent.capturable();
        intent.totals.voided += held;
        intent.note(&context, if held > 0 { what } else { "canceled" }, held);
        intent.status = IntentStatus::Canceled;
        intent.canceled = Some((context.at, reason));
        let timer = intent.timer.take();
        self.schedule.cancel(timer);
        self.queue_intent_event("payment_intent.canceled", index, context);
    }

    /// The owner of the card complains of a captured charge.
    pub(super) fn dispute(&mut self, index: usize, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        intent.note(&context, "disputed", 0);
        if let Some(charge) = intent.charges.last_mut() {
            charge.disputed = true;
        }
        self.queue_dispute_event(index, context);
    }

    pub(super) fn get_intent(&self, id: &str, params: &Params) -> Result<Value, ApiError> {
        let expand = request::look(params)?;
        Ok(self.render_intent(self.index_of_intent(id)?, &expand))
    }

    pub(super) fn index_of_intent(&self, id: &str) -> Result<usize, ApiError> {
        let missing = || ApiError::missing(404, "intent", "payment_intent", id);
        self.intent_index.get(id).copied().ok_or_else(missing)
    }

    fn unexpected_state(&self, index: usize, done: &str) -> ApiError {
        let status = self.intents[index].status.name();
        let message =
            format!("This PaymentIntent could not be {done} because it has a status of {status}.");
        self.by_state_with_intent(index, Some("payment_intent_unexpected_state"), &message)
    }

    fn by_state_with_intent(&self, index: usize, code: Option<&str>, message: &str) -> ApiError {
        ApiError::by_state(code, message).with("payment_intent", self.render_intent(index, &[]))
    }
}

/// A card that is refused before there is an intent.
fn declined_at_creation() -> ApiError {
    let mut error = decline_fields(&cards::GENERIC);
    error.insert("param".to_owned(), json!("payment_method"));
    ApiError::card(error)
}

/// The error object of a declined charge.
pub(super) fn card_error(charge: &Charge) -> Map<String, Value> {
    let mut error = Map::new();
    error.insert("charge".to_owned(), json!(charge.id));
    error.extend(charge.decline.map(decline_fields).unwrap_or_default());
    error
}

fn decline_fields(decline: &'static Decline) -> Map<String, Value> {
    let mut error = Map::new();
    error.insert("code".to_owned(), json!(decline.code));
    error.insert("decline_code".to_owned(), json!(decline.reason));
    error.insert("doc_url".to_owned(), doc_url(decline.code));
    error.insert("message".to_owned(), json!(decline.message));
    error.insert("request_log_url".to_owned(), json!("https://dashboard.stripe.com/test/logs"));
    error.insert("type".to_owned(), json!("card_error"));
    error.insert("advice_code".to_owned(), json!(decline.advice));
    error
}
