//! The life of a `PaymentIntent`: created, confirmed, captured or cancelled, or lapsed.
//!
//! A hold of money lapses by itself, seven days after the confirmation, or after less than
//! five where nobody was present (docs.stripe.com/payments/place-a-hold-on-a-payment-method).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cards::{self, Card, Decline, Issuer};
use super::error::{Refusal, doc_url};
use super::ledger::{HistoryEntry, PaymentTotals};
use super::params::Params;
use super::request::{self, Cancellation, Capture, Confirmation, NewIntent};
use super::{StripeEmulator, Timer};
use crate::schedule::DueKey;

/// How long the gateway holds money that a present customer confirmed.
pub const AUTHORIZATION_VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long it holds money that the merchant asked for off-session: 4 days and 18 hours.
pub const AUTHORIZATION_VALIDITY_OFF_SESSION: SignedDuration =
    SignedDuration::from_hours(4 * 24 + 18);
/// How long the one hesitating card is `processing`.
pub const PROCESSING_TIME: SignedDuration = SignedDuration::from_secs(60);
/// How long after the capture the one disputed card's owner complains.
const COMPLAINT: SignedDuration = SignedDuration::from_hours(1);

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
    pub(crate) timer: Option<DueKey>,
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

    fn note(&mut self, doing: &Doing<'_>, what: &'static str, amount: i64) {
        self.history.push(HistoryEntry {
            at: doing.at,
            what,
            amount,
            key: doing.key.map(str::to_owned),
        });
    }
}

/// Who does something to an object, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doing<'a> {
    pub(crate) at: Timestamp,
    pub(crate) key: Option<&'a str>,
    pub(crate) request: Option<&'a str>,
    /// Whether the plan wants the business to say no.
    pub(crate) refuse: bool,
}

impl Doing<'_> {
    /// What happens by itself.
    pub(crate) const fn by_itself(at: Timestamp) -> Self {
        Self { at, key: None, request: None, refuse: false }
    }
}

impl StripeEmulator {
    pub(super) fn create_intent(
        &mut self,
        params: &Params,
        doing: Doing<'_>,
    ) -> Result<Value, Refusal> {
        let asked = NewIntent::of(params)?;
        if doing.refuse {
            return Err(refused_outright());
        }
        let expand = asked.expand.clone();
        let confirmation = asked.confirmation;
        let place = self.add_intent(NewIntent { confirmation: None, ..asked }, doing);
        if let Some(confirmation) = confirmation {
            self.confirm_at(place, &confirmation, doing)?;
        }
        Ok(self.render_intent(place, &expand))
    }

    fn add_intent(&mut self, asked: NewIntent, doing: Doing<'_>) -> usize {
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
            created: doing.at,
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
        intent.note(&doing, "created", 0);
        let place = self.intents.len();
        self.intent_places.insert(intent.id.clone(), place);
        self.intents.push(intent);
        self.tell_of_intent("payment_intent.created", place, doing);
        place
    }

    pub(super) fn confirm_intent(
        &mut self,
        id: &str,
        params: &Params,
        doing: Doing<'_>,
    ) -> Result<Value, Refusal> {
        let asked = Confirmation::of(params)?;
        let place = self.place_of_intent(id)?;
        self.confirm_at(place, &asked, doing)?;
        Ok(self.render_intent(place, &asked.expand))
    }

    fn confirm_at(
        &mut self,
        place: usize,
        asked: &Confirmation,
        doing: Doing<'_>,
    ) -> Result<(), Refusal> {
        let card = self.card_to_confirm(place, asked)?;
        let intent = &mut self.intents[place];
        intent.off_session = asked.off_session;
        intent.confirms += 1;
        match if doing.refuse { Issuer::Declines(&cards::GENERIC) } else { card.issuer } {
            Issuer::Approves => self.approve(place, card, doing),
            Issuer::Declines(decline) => return Err(self.decline(place, card, decline, doing)),
            Issuer::Authenticates if asked.must_not_ask || asked.off_session => {
                return Err(self.decline(place, card, &cards::AUTHENTICATION, doing));
            }
            Issuer::Authenticates => {
                self.move_to(place, IntentStatus::RequiresAction, doing);
            }
            Issuer::Hesitates => {
                self.move_to(place, IntentStatus::Processing, doing);
                let timer = self.due.put(doing.at + PROCESSING_TIME, Timer::Approve(place));
                self.intents[place].timer = Some(timer);
            }
        }
        Ok(())
    }

    /// The card that a confirmation asks the issuer about, where the intent's state allows one.
    fn card_to_confirm(
        &mut self,
        place: usize,
        asked: &Confirmation,
    ) -> Result<&'static Card, Refusal> {
        use IntentStatus::{RequiresAction, RequiresConfirmation, RequiresPaymentMethod};
        let intent = &self.intents[place];
        if asked.off_session && intent.customer.is_none() {
            let message =
                "`off_session` needs a saved payment method: the PaymentIntent has no customer.";
            return Err(Refusal::invalid(message));
        }
        if !matches!(intent.status, RequiresPaymentMethod | RequiresConfirmation | RequiresAction) {
            return Err(self.unexpected_state(place, "confirmed"));
        }
        if asked.card.is_some() {
            let payment_method = self.ids.stripe("pm");
            let intent = &mut self.intents[place];
            (intent.card, intent.payment_method) = (asked.card, Some(payment_method));
        }
        let message =
            "You cannot confirm this PaymentIntent because it's missing a payment method.";
        self.intents[place].card.ok_or_else(|| {
            self.by_state_with_intent(place, Some("payment_intent_unexpected_state"), message)
        })
    }

    fn move_to(&mut self, place: usize, status: IntentStatus, doing: Doing<'_>) {
        let intent = &mut self.intents[place];
        intent.status = status;
        intent.note(&doing, status.name(), 0);
        self.tell_of_intent(&format!("payment_intent.{}", status.name()), place, doing);
    }

    /// The issuer says yes: the money is held, or taken at once.
    pub(super) fn approve(&mut self, place: usize, card: &'static Card, doing: Doing<'_>) {
        let id = self.ids.stripe("ch");
        let intent = &mut self.intents[place];
        let hold = if intent.off_session {
            AUTHORIZATION_VALIDITY_OFF_SESSION
        } else {
            AUTHORIZATION_VALIDITY
        };
        let capture_before = (intent.capture_method == "manual").then(|| doing.at + hold);
        intent.charges.push(Charge {
            id,
            created: doing.at,
            card,
            payment_method: intent.payment_method.clone().unwrap_or_default(),
            decline: None,
            captured: false,
            capture_before,
            disputed: false,
        });
        let amount = intent.amount;
        intent.totals.authorized += amount;
        intent.note(&doing, "authorized", amount);
        intent.status = IntentStatus::RequiresCapture;
        match capture_before {
            Some(due) => {
                intent.timer = Some(self.due.put(due, Timer::Lapse(place)));
                self.tell_of_intent("payment_intent.amount_capturable_updated", place, doing);
            }
            None => self.take_money(place, amount, doing),
        }
    }

    /// The issuer says no: the card is of no use to this intent any more.
    fn decline(
        &mut self,
        place: usize,
        card: &'static Card,
        decline: &'static Decline,
        doing: Doing<'_>,
    ) -> Refusal {
        let id = self.ids.stripe("ch");
        let intent = &mut self.intents[place];
        intent.charges.push(Charge {
            id,
            created: doing.at,
            card,
            payment_method: intent.payment_method.take().unwrap_or_default(),
            decline: Some(decline),
            captured: false,
            capture_before: None,
            disputed: false,
        });
        intent.card = None;
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.note(&doing, "declined", 0);
        self.tell_of_intent("payment_intent.payment_failed", place, doing);
        let mut error = self.intents[place]
            .last_decline()
            .map(|(charge, _)| card_error(charge))
            .unwrap_or_default();
        error.insert("payment_intent".to_owned(), self.render_intent(place, &[]));
        Refusal::card(error)
    }

    pub(super) fn capture_intent(
        &mut self,
        id: &str,
        params: &Params,
        doing: Doing<'_>,
    ) -> Result<Value, Refusal> {
        let asked = Capture::of(params)?;
        let place = self.place_of_intent(id)?;
        if self.intents[place].status != IntentStatus::RequiresCapture {
            return Err(self.unexpected_state(place, "captured"));
        }
        if doing.refuse {
            // The one way in which a capture is refused for good: the hold is gone.
            self.lapse(place, Doing { key: None, ..doing });
            return Err(self.unexpected_state(place, "captured"));
        }
        let held = self.intents[place].amount;
        let amount = asked.amount.unwrap_or(held);
        if amount == 0 || amount > held {
            let message = format!(
                "The amount to capture must be between 1 and the {held} that is capturable."
            );
            let code = if amount == 0 { "amount_too_small" } else { "amount_too_large" };
            return Err(Refusal::parameter(code, "amount_to_capture", &message));
        }
        self.take_money(place, amount, doing);
        Ok(self.render_intent(place, &asked.expand))
    }

    /// The held money is taken; what is not taken of it is given back.
    fn take_money(&mut self, place: usize, amount: i64, doing: Doing<'_>) {
        let intent = &mut self.intents[place];
        let rest = intent.amount - amount;
        intent.totals.captured += amount;
        intent.totals.voided += rest;
        intent.status = IntentStatus::Succeeded;
        intent.note(&doing, "captured", amount);
        if rest > 0 {
            intent.note(&doing, "voided", rest);
        }
        let timer = intent.timer.take();
        let disputed = intent.card.is_some_and(|card| card.disputed);
        if let Some(charge) = intent.charges.last_mut() {
            charge.captured = true;
        }
        self.due.cancel(timer);
        if disputed {
            self.due.put(doing.at + COMPLAINT, Timer::Dispute(place));
        }
        self.tell_of_intent("payment_intent.succeeded", place, doing);
    }

    pub(super) fn cancel_intent(
        &mut self,
        id: &str,
        params: &Params,
        doing: Doing<'_>,
    ) -> Result<Value, Refusal> {
        let asked = Cancellation::of(params)?;
        let place = self.place_of_intent(id)?;
        let status = self.intents[place].status;
        if matches!(
            status,
            IntentStatus::Succeeded | IntentStatus::Canceled | IntentStatus::Processing
        ) {
            return Err(self.unexpected_state(place, "canceled"));
        }
        if doing.refuse {
            let message =
                "This PaymentIntent could not be canceled because of a restriction on the account.";
            return Err(self.by_state_with_intent(place, None, message));
        }
        self.give_up(place, asked.reason, "voided", doing);
        Ok(self.render_intent(place, &asked.expand))
    }

    /// Nobody came for the money in time.
    pub(super) fn lapse(&mut self, place: usize, doing: Doing<'_>) {
        self.give_up(place, Some("automatic"), "lapsed", doing);
    }

    fn give_up(
        &mut self,
        place: usize,
        reason: Option<&'static str>,
        what: &'static str,
        doing: Doing<'_>,
    ) {
        let intent = &mut self.intents[place];
        let held = intent.capturable();
        intent.totals.voided += held;
        intent.note(&doing, if held > 0 { what } else { "canceled" }, held);
        intent.status = IntentStatus::Canceled;
        intent.canceled = Some((doing.at, reason));
        let timer = intent.timer.take();
        self.due.cancel(timer);
        self.tell_of_intent("payment_intent.canceled", place, doing);
    }

    /// The owner of the card complains of a captured charge.
    pub(super) fn dispute(&mut self, place: usize, doing: Doing<'_>) {
        let intent = &mut self.intents[place];
        intent.note(&doing, "disputed", 0);
        if let Some(charge) = intent.charges.last_mut() {
            charge.disputed = true;
        }
        self.tell_of_dispute(place, doing);
    }

    pub(super) fn get_intent(&self, id: &str, params: &Params) -> Result<Value, Refusal> {
        let expand = request::look(params)?;
        Ok(self.render_intent(self.place_of_intent(id)?, &expand))
    }

    pub(super) fn place_of_intent(&self, id: &str) -> Result<usize, Refusal> {
        let missing = || Refusal::missing(404, "intent", "payment_intent", id);
        self.intent_places.get(id).copied().ok_or_else(missing)
    }

    fn unexpected_state(&self, place: usize, done: &str) -> Refusal {
        let status = self.intents[place].status.name();
        let message =
            format!("This PaymentIntent could not be {done} because it has a status of {status}.");
        self.by_state_with_intent(place, Some("payment_intent_unexpected_state"), &message)
    }

    fn by_state_with_intent(&self, place: usize, code: Option<&str>, message: &str) -> Refusal {
        Refusal::by_state(code, message).with("payment_intent", self.render_intent(place, &[]))
    }
}

/// A card that is refused before there is an intent.
fn refused_outright() -> Refusal {
    let mut error = decline_fields(&cards::GENERIC);
    error.insert("param".to_owned(), json!("payment_method"));
    Refusal::card(error)
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
