//! The life of a PaymentIntent: created, confirmed, then captured, canceled or expired.
//!
//! An authorization expires seven days after the confirmation, or after less than five days if it
//! was off-session (docs.stripe.com/payments/place-a-hold-on-a-payment-method).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cards::{self, Card, Decline, IssuerResponse};
use super::error::{ApiError, doc_url};
use super::history::{HistoryEntry, PaymentTotals};
use super::params::Params;
use super::request::{self, Cancellation, Capture, Confirmation, NewIntent};
use super::{StripeEmulator, Timer};
use crate::schedule::ScheduleKey;

/// How long Stripe holds money that a customer confirmed on-session.
pub const AUTHORIZATION_VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long Stripe holds money that was confirmed off-session: 4 days and 18 hours.
pub const AUTHORIZATION_VALIDITY_OFF_SESSION: SignedDuration =
    SignedDuration::from_hours(4 * 24 + 18);
/// How long an intent with the card `lookalikeProcessing` is `processing`.
pub const PROCESSING_TIME: SignedDuration = SignedDuration::from_secs(60);
/// How long after the capture a charge of the card `createDispute` is disputed.
const DISPUTE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The status of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// It has no card, or its card was declined.
    RequiresPaymentMethod,
    /// It has a card and is not confirmed.
    RequiresConfirmation,
    /// The cardholder must authenticate.
    RequiresAction,
    /// The issuer has not responded yet.
    Processing,
    /// Money is held.
    RequiresCapture,
    /// Money was captured.
    Succeeded,
    /// Canceled by a call, or expired.
    Canceled,
}

impl IntentStatus {
    /// The wire name.
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

/// An attempt to charge a card.
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

/// One PaymentIntent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// `pi_…`.
    pub id: String,
    /// The order in `metadata[order_id]`.
    pub order: Option<String>,
    /// The amount, in minor units.
    pub amount: i64,
    /// The currency, in lowercase letters.
    pub currency: String,
    /// The status.
    pub status: IntentStatus,
    /// When it was created.
    pub created: Timestamp,
    /// The amounts.
    pub totals: PaymentTotals,
    /// How often it was confirmed, with any response of the issuer.
    pub confirms: u32,
    /// How many of its refunds failed.
    pub failed_refunds: usize,
    /// Its events, oldest first.
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
    /// When its authorization expires.
    pub fn capture_before(&self) -> Option<Timestamp> {
        self.charges.last().and_then(|charge| charge.capture_before)
    }

    pub(crate) fn capturable(&self) -> i64 {
        if self.status == IntentStatus::RequiresCapture { self.amount } else { 0 }
    }

    /// The last charge and its decline, if it was declined.
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

    fn record(&mut self, context: &CallContext<'_>, event: &'static str, amount: i64) {
        self.history.push(HistoryEntry {
            at: context.at,
            event,
            amount,
            idempotency_key: context.idempotency_key.map(str::to_owned),
        });
    }
}

/// The time and origin of a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallContext<'a> {
    pub(crate) at: Timestamp,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    /// Whether the fault plan rejects the call.
    pub(crate) reject: bool,
}

impl CallContext<'_> {
    /// The context of a change that no API call triggers.
    pub(crate) const fn scheduled(at: Timestamp) -> Self {
        Self { at, idempotency_key: None, request_id: None, reject: false }
    }
}

impl StripeEmulator {
    pub(super) fn create_intent(
        &mut self,
        params: &Params,
        context: CallContext<'_>,
    ) -> Result<Value, ApiError> {
        let new_intent = NewIntent::parse(params)?;
        if let Some(customer) = &new_intent.customer {
            self.require_customer(customer)?;
        }
        if context.reject {
            return Err(declined_at_creation());
        }
        let expand = new_intent.expand.clone();
        let confirmation = new_intent.confirmation;
        let index = self.add_intent(NewIntent { confirmation: None, ..new_intent }, context);
        if let Some(confirmation) = confirmation {
            self.confirm_intent_at(index, &confirmation, context)?;
        }
        Ok(self.render_intent(index, &expand))
    }

    fn add_intent(&mut self, new_intent: NewIntent, context: CallContext<'_>) -> usize {
        let order = new_intent
            .metadata
            .iter()
            .find(|(key, _)| key == "order_id")
            .map(|(_, order)| order.clone());
        let mut intent = Intent {
            id: self.ids.stripe("pi"),
            order,
            amount: new_intent.amount,
            currency: new_intent.currency.to_owned(),
            status: IntentStatus::RequiresPaymentMethod,
            created: context.at,
            totals: PaymentTotals::default(),
            confirms: 0,
            failed_refunds: 0,
            history: Vec::new(),
            capture_method: new_intent.capture_method,
            automatic_methods: new_intent.automatic_methods,
            card: None,
            payment_method: None,
            customer: new_intent.customer,
            description: new_intent.description,
            metadata: new_intent.metadata,
            off_session: false,
            canceled: None,
            charges: Vec::new(),
            timer: None,
        };
        if new_intent.card.is_some() {
            intent.status = IntentStatus::RequiresConfirmation;
            intent.card = new_intent.card;
            intent.payment_method = Some(self.ids.stripe("pm"));
        }
        intent.record(&context, "created", 0);
        let index = self.intents.len();
        self.intents_by_id.insert(intent.id.clone(), index);
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
        let confirmation = Confirmation::parse(params)?;
        let index = self.index_of_intent(id)?;
        self.confirm_intent_at(index, &confirmation, context)?;
        Ok(self.render_intent(index, &confirmation.expand))
    }

    fn confirm_intent_at(
        &mut self,
        index: usize,
        confirmation: &Confirmation,
        context: CallContext<'_>,
    ) -> Result<(), ApiError> {
        let card = self.card_to_confirm(index, confirmation)?;
        let intent = &mut self.intents[index];
        intent.off_session = confirmation.off_session;
        intent.confirms += 1;
        let issuer = if context.reject {
            IssuerResponse::Decline(&cards::GENERIC_DECLINE)
        } else {
            card.issuer
        };
        match issuer {
            IssuerResponse::Approve => self.approve(index, card, context),
            IssuerResponse::Decline(decline) => {
                return Err(self.decline(index, card, decline, context));
            }
            IssuerResponse::RequireAuthentication
                if confirmation.error_on_requires_action || confirmation.off_session =>
            {
                return Err(self.decline(index, card, &cards::AUTHENTICATION_REQUIRED, context));
            }
            IssuerResponse::RequireAuthentication => {
                self.move_to(index, IntentStatus::RequiresAction, context);
            }
            IssuerResponse::ApproveLater => {
                self.move_to(index, IntentStatus::Processing, context);
                let timer =
                    self.schedule.insert(context.at + PROCESSING_TIME, Timer::Approve(index));
                self.intents[index].timer = Some(timer);
            }
        }
        Ok(())
    }

    /// The card to charge, if the state of the intent allows a confirmation.
    fn card_to_confirm(
        &mut self,
        index: usize,
        confirmation: &Confirmation,
    ) -> Result<&'static Card, ApiError> {
        use IntentStatus::{RequiresAction, RequiresConfirmation, RequiresPaymentMethod};
        let intent = &self.intents[index];
        if confirmation.off_session && intent.customer.is_none() {
            let message =
                "`off_session` needs a saved payment method: the PaymentIntent has no customer.";
            return Err(ApiError::invalid(message));
        }
        if !matches!(intent.status, RequiresPaymentMethod | RequiresConfirmation | RequiresAction) {
            return Err(self.unexpected_state(index, "confirmed"));
        }
        if confirmation.card.is_some() {
            let payment_method = self.ids.stripe("pm");
            let intent = &mut self.intents[index];
            (intent.card, intent.payment_method) = (confirmation.card, Some(payment_method));
        }
        let message =
            "You cannot confirm this PaymentIntent because it's missing a payment method.";
        self.intents[index].card.ok_or_else(|| {
            self.invalid_state_with_intent(index, Some("payment_intent_unexpected_state"), message)
        })
    }

    fn move_to(&mut self, index: usize, status: IntentStatus, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        intent.status = status;
        intent.record(&context, status.name(), 0);
        self.queue_intent_event(&format!("payment_intent.{}", status.name()), index, context);
    }

    /// The issuer approves: Stripe authorizes the amount, and captures it at once if the capture
    /// method is automatic.
    pub(super) fn approve(&mut self, index: usize, card: &'static Card, context: CallContext<'_>) {
        let id = self.ids.stripe("ch");
        let intent = &mut self.intents[index];
        let validity = if intent.off_session {
            AUTHORIZATION_VALIDITY_OFF_SESSION
        } else {
            AUTHORIZATION_VALIDITY
        };
        let capture_before = (intent.capture_method == "manual").then(|| context.at + validity);
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
        intent.record(&context, "authorized", amount);
        intent.status = IntentStatus::RequiresCapture;
        match capture_before {
            Some(due) => {
                intent.timer = Some(self.schedule.insert(due, Timer::ExpireAuthorization(index)));
                self.queue_intent_event("payment_intent.amount_capturable_updated", index, context);
            }
            None => self.capture_amount(index, amount, context),
        }
    }

    /// The issuer declines: the intent loses its card.
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
        intent.record(&context, "declined", 0);
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
        let capture = Capture::parse(params)?;
        let index = self.index_of_intent(id)?;
        if self.intents[index].status != IntentStatus::RequiresCapture {
            return Err(self.unexpected_state(index, "captured"));
        }
        if context.reject {
            // A capture is final only if the authorization has expired, so the fault expires it.
            self.expire_authorization(index, CallContext { idempotency_key: None, ..context });
            return Err(self.unexpected_state(index, "captured"));
        }
        let held = self.intents[index].amount;
        let amount = capture.amount.unwrap_or(held);
        if amount == 0 || amount > held {
            let message = format!(
                "The amount to capture must be between 1 and the {held} that is capturable."
            );
            let code = if amount == 0 { "amount_too_small" } else { "amount_too_large" };
            return Err(ApiError::parameter(code, "amount_to_capture", &message));
        }
        self.capture_amount(index, amount, context);
        Ok(self.render_intent(index, &capture.expand))
    }

    /// Captures `amount` and releases the rest.
    pub(super) fn capture_amount(&mut self, index: usize, amount: i64, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        let rest = intent.amount - amount;
        intent.totals.captured += amount;
        intent.totals.voided += rest;
        intent.status = IntentStatus::Succeeded;
        intent.record(&context, "captured", amount);
        if rest > 0 {
            intent.record(&context, "voided", rest);
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
        let cancellation = Cancellation::parse(params)?;
        let index = self.index_of_intent(id)?;
        let status = self.intents[index].status;
        if matches!(
            status,
            IntentStatus::Succeeded | IntentStatus::Canceled | IntentStatus::Processing
        ) {
            return Err(self.not_cancelable(index));
        }
        if context.reject {
            let message =
                "This PaymentIntent could not be canceled because of a restriction on the account.";
            return Err(self.invalid_state_with_intent(index, None, message));
        }
        self.release_hold(index, cancellation.reason, "voided", context);
        Ok(self.render_intent(index, &cancellation.expand))
    }

    /// Cancels the intent because the authorization was not captured in time.
    pub(super) fn expire_authorization(&mut self, index: usize, context: CallContext<'_>) {
        self.release_hold(index, Some("automatic"), "lapsed", context);
    }

    fn release_hold(
        &mut self,
        index: usize,
        reason: Option<&'static str>,
        event: &'static str,
        context: CallContext<'_>,
    ) {
        let intent = &mut self.intents[index];
        let held = intent.capturable();
        intent.totals.voided += held;
        intent.record(&context, if held > 0 { event } else { "canceled" }, held);
        intent.status = IntentStatus::Canceled;
        intent.canceled = Some((context.at, reason));
        let timer = intent.timer.take();
        self.schedule.cancel(timer);
        self.queue_intent_event("payment_intent.canceled", index, context);
    }

    /// The cardholder disputes a captured charge.
    pub(super) fn dispute(&mut self, index: usize, context: CallContext<'_>) {
        let intent = &mut self.intents[index];
        intent.record(&context, "disputed", 0);
        if let Some(charge) = intent.charges.last_mut() {
            charge.disputed = true;
        }
        self.queue_dispute_event(index, context);
    }

    pub(super) fn get_intent(&self, id: &str, params: &Params) -> Result<Value, ApiError> {
        let expand = request::retrieve_expand(params)?;
        Ok(self.render_intent(self.index_of_intent(id)?, &expand))
    }

    pub(super) fn index_of_intent(&self, id: &str) -> Result<usize, ApiError> {
        let missing = || ApiError::missing(404, "intent", "payment_intent", id);
        self.intents_by_id.get(id).copied().ok_or_else(missing)
    }

    fn unexpected_state(&self, index: usize, done: &str) -> ApiError {
        let status = self.intents[index].status.name();
        let message =
            format!("This PaymentIntent could not be {done} because it has a status of {status}.");
        self.invalid_state_with_intent(index, Some("payment_intent_unexpected_state"), &message)
    }

    /// Stripe's text for a cancellation differs from that of its other calls
    /// (github.com/medusajs/medusa/issues/4946).
    fn not_cancelable(&self, index: usize) -> ApiError {
        let status = self.intents[index].status.name();
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {status}. Only a \
             PaymentIntent with one of the following statuses may be canceled: \
             requires_payment_method, requires_capture, requires_confirmation, requires_action, \
             processing."
        );
        self.invalid_state_with_intent(index, Some("payment_intent_unexpected_state"), &message)
    }

    fn invalid_state_with_intent(
        &self,
        index: usize,
        code: Option<&str>,
        message: &str,
    ) -> ApiError {
        ApiError::invalid_state(code, message)
            .with("payment_intent", self.render_intent(index, &[]))
    }
}

/// A decline before an intent exists.
fn declined_at_creation() -> ApiError {
    let mut error = decline_fields(&cards::GENERIC_DECLINE);
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
