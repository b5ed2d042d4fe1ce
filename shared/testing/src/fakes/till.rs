//! The payment gateway: intents that admit each call once, keys under which the
//! first result is kept, and a ledger.

use std::collections::BTreeMap;

use super::{State, Trouble, World};
use crate::sample;
use domain::payment::{Intent, IntentState, Risk};
use domain::ports::{Called, Gateway, GatewayRefusal, IntentRequest, RefundState};
use domain::{IntentId, Money};

/// The payment gateway.
#[derive(Debug, Clone)]
pub struct Till(pub(super) World);

/// What the customer's bank says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Card {
    /// Yes.
    #[default]
    Good,
    /// Yes, and the gateway thinks it risky.
    Risky,
    /// No.
    Declined,
    /// Only after the customer did something.
    NeedsAction,
    /// Nothing yet.
    Silent,
}

type Answer = Called<Intent, GatewayRefusal>;

#[derive(Debug, Default)]
pub(super) struct Books {
    card: Card,
    pub(super) intents: BTreeMap<IntentId, Intent>,
    keys: BTreeMap<String, Option<Answer>>,
    refunds: Vec<RefundState>,
    refunds_fail: bool,
    refunds_pend: bool,
    charges_instead: Option<Money>,
    asked_the_bank: usize,
}

impl World {
    /// The customer's bank says this from now on.
    #[must_use]
    pub fn card(self, card: Card) -> Self {
        self.state().till.card = card;
        self
    }

    /// The gateway makes intents for another amount than it is asked to.
    #[must_use]
    pub fn charging(self, amount: Money) -> Self {
        self.state().till.charges_instead = Some(amount);
        self
    }

    /// The gateway fails to give anything back.
    #[must_use]
    pub fn failing_refunds(self) -> Self {
        self.state().till.refunds_fail = true;
        self
    }

    /// The gateway takes its time to give anything back.
    #[must_use]
    pub fn pending_refunds(self) -> Self {
        self.state().till.refunds_pend = true;
        self
    }

    /// What all refunds have come to by now.
    pub fn refunds_end(&self, state: RefundState) {
        self.state().till.refunds.fill(state);
    }

    /// Puts an intent into the gateway's books.
    #[must_use]
    pub fn intent(self, intent: Intent) -> Self {
        self.state().till.intents.insert(intent.id.clone(), intent);
        self
    }

    /// Puts a refund into the gateway's books.
    #[must_use]
    pub fn refund(self, state: RefundState) -> Self {
        self.state().till.refunds.push(state);
        self
    }

    /// The intents in this state.
    pub fn intents_in(&self, state: IntentState) -> usize {
        self.state().till.intents.values().filter(|intent| intent.state == state).count()
    }

    /// How often the bank was asked for money.
    pub fn asked_the_bank(&self) -> usize {
        self.state().till.asked_the_bank
    }

    /// How many refunds there are.
    pub fn refunds(&self) -> usize {
        self.state().till.refunds.len()
    }
}

impl State {
    /// Acts once under a key; the result is kept, and given again.
    fn once(&mut self, key: &str, act: impl FnOnce(&mut Books) -> Answer) -> Answer {
        if let Some(kept) = self.till.keys.get(key) {
            return kept.clone().unwrap_or(Called::Unknown("kept failure".to_owned()));
        }
        let answer = act(&mut self.till);
        self.till.keys.insert(key.to_owned(), Some(answer.clone()));
        answer
    }
}

impl Books {
    fn create(&mut self, amount: Money) -> Answer {
        let number = self.intents.len() + 1;
        let Ok(id) = IntentId::parse(format!("pi_{number}")) else {
            return Called::Refused(GatewayRefusal::NotFound);
        };
        let amount = self.charges_instead.unwrap_or(amount);
        let intent = Intent {
            id: id.clone(),
            amount,
            capture_before: None,
            ..sample::intent(IntentState::RequiresConfirmation)
        };
        self.intents.insert(id, intent.clone());
        Called::Done(intent)
    }

    /// Moves an intent on, if it is in a state that admits it.
    fn act(&mut self, id: &IntentId, from: &[IntentState], to: IntentState) -> Answer {
        match self.intents.get_mut(id) {
            None => Called::Refused(GatewayRefusal::NotFound),
            Some(intent) if !from.contains(&intent.state) => {
                Called::Refused(GatewayRefusal::WrongState(intent.clone()))
            }
            Some(intent) => {
                intent.state = to;
                Called::Done(intent.clone())
            }
        }
    }

    fn confirm(&mut self, id: &IntentId) -> Answer {
        use IntentState::{
            Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
            RequiresPaymentMethod,
        };
        let to = match self.card {
            Card::Good | Card::Risky => RequiresCapture,
            Card::Declined => RequiresPaymentMethod,
            Card::NeedsAction => RequiresAction,
            Card::Silent => Processing,
        };
        // A declined intent would take another try: that nobody makes one is a promise.
        let answer = self.act(id, &[RequiresConfirmation, RequiresPaymentMethod], to);
        let Called::Done(mut intent) = answer else { return answer };
        self.asked_the_bank += 1;
        if to == RequiresCapture {
            intent.capture_before = sample::intent(RequiresCapture).capture_before;
            intent.risk = if self.card == Card::Risky { Risk::Elevated } else { Risk::Normal };
            self.intents.insert(id.clone(), intent.clone());
        }
        match self.card {
            Card::Declined => {
                let code = "insufficient_funds".to_owned();
                Called::Refused(GatewayRefusal::Declined { code })
            }
            _ => Called::Done(intent),
        }
    }

    fn refund(&mut self, id: &IntentId) -> Called<RefundState, GatewayRefusal> {
        let Some(intent) = self.intents.get_mut(id) else {
            return Called::Refused(GatewayRefusal::NotFound);
        };
        if intent.state != IntentState::Succeeded || intent.refunded_minor > 0 {
            return Called::Refused(GatewayRefusal::Misconfigured("cannot refund".to_owned()));
        }
        let state = if self.refunds_fail {
            RefundState::Failed
        } else {
            intent.refunded_minor = intent.amount.amount_minor();
            if self.refunds_pend { RefundState::Pending } else { RefundState::Done }
        };
        self.refunds.insert(0, state);
        Called::Done(state)
    }
}

impl Till {
    async fn keyed(
        &self,
        point: &'static str,
        key: &str,
        act: impl FnOnce(&mut Books) -> Answer,
    ) -> Answer {
        let result = self.0.call(point, |state| state.once(key, act)).await;
        result.unwrap_or_else(|trouble| {
            if matches!(trouble, Trouble::KeptFailure) {
                self.0.state().till.keys.insert(key.to_owned(), None);
            }
            shown(trouble)
        })
    }
}

/// The intent as a trouble has the gateway show it, or what else comes of it.
fn shown(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::GatewayShows(intent) => Called::Done(intent),
        other => troubled(other),
    }
}

fn troubled<T>(trouble: Trouble) -> Called<T, GatewayRefusal> {
    match trouble {
        Trouble::Down => Called::NotBegun("down".to_owned()),
        Trouble::GatewayRefuses(refusal) => Called::Refused(refusal),
        _ => Called::Unknown("no answer".to_owned()),
    }
}

impl Gateway for Till {
    async fn create(&self, request: &IntentRequest<'_>, key: &str) -> Answer {
        self.keyed("gateway.create", key, |books| books.create(request.amount)).await
    }

    async fn confirm(&self, id: &IntentId, _off_session: bool, key: &str) -> Answer {
        self.keyed("gateway.confirm", key, |books| books.confirm(id)).await
    }

    async fn capture(&self, id: &IntentId, key: &str) -> Answer {
        let from = [IntentState::RequiresCapture];
        let act = |books: &mut Books| books.act(id, &from, IntentState::Succeeded);
        self.keyed("gateway.capture", key, act).await
    }

    async fn cancel(&self, id: &IntentId, key: &str) -> Answer {
        let from = [
            IntentState::RequiresPaymentMethod,
            IntentState::RequiresConfirmation,
            IntentState::RequiresAction,
            IntentState::RequiresCapture,
        ];
        let act = |books: &mut Books| books.act(id, &from, IntentState::Canceled);
        self.keyed("gateway.cancel", key, act).await
    }

    async fn refund(&self, id: &IntentId, _key: &str) -> Called<RefundState, GatewayRefusal> {
        let result = self.0.call("gateway.refund", |state| state.till.refund(id)).await;
        result.unwrap_or_else(troubled)
    }

    async fn refunds(&self, _id: &IntentId) -> Called<Vec<RefundState>, GatewayRefusal> {
        let list = |state: &mut State| Called::Done(state.till.refunds.clone());
        self.0.call("gateway.refunds", list).await.unwrap_or_else(troubled)
    }

    async fn look_up(&self, id: &IntentId) -> Answer {
        let get = |state: &mut State| match state.till.intents.get(id) {
            Some(intent) => Called::Done(intent.clone()),
            None => Called::Refused(GatewayRefusal::NotFound),
        };
        self.0.call("gateway.look_up", get).await.unwrap_or_else(shown)
    }
}
