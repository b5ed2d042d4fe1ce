//! The payment gateway: intents that admit each call once, keys under which the
//! first result is kept, and a ledger.

use std::collections::BTreeMap;

use super::{InjectedFault, State, TestBed};
use crate::samples;
use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::{
    CallOutcome, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
};
use domain::{Money, PaymentIntentId};

/// The payment gateway.
#[derive(Debug, Clone)]
pub struct FakePaymentProvider(pub(super) TestBed);

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

type Outcome = CallOutcome<PaymentIntent, PaymentRejection>;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    card: Card,
    pub(super) intents: BTreeMap<PaymentIntentId, PaymentIntent>,
    keys: BTreeMap<String, Option<Outcome>>,
    refunds: Vec<RefundState>,
    refunds_fail: bool,
    refunds_pend: bool,
    charges_instead: Option<Money>,
    authorization_requests: usize,
}

impl TestBed {
    /// The customer's bank says this from now on.
    #[must_use]
    pub fn card(self, card: Card) -> Self {
        self.state().payment_provider.card = card;
        self
    }

    /// The gateway makes intents for another amount than it is asked to.
    #[must_use]
    pub fn charging(self, amount: Money) -> Self {
        self.state().payment_provider.charges_instead = Some(amount);
        self
    }

    /// The gateway fails to give anything back.
    #[must_use]
    pub fn failing_refunds(self) -> Self {
        self.state().payment_provider.refunds_fail = true;
        self
    }

    /// The gateway takes its time to give anything back.
    #[must_use]
    pub fn pending_refunds(self) -> Self {
        self.state().payment_provider.refunds_pend = true;
        self
    }

    /// What all refunds have come to by now.
    pub fn resolve_refunds(&self, state: RefundState) {
        self.state().payment_provider.refunds.fill(state);
    }

    /// Puts an intent into the gateway's books.
    #[must_use]
    pub fn intent(self, intent: PaymentIntent) -> Self {
        self.state().payment_provider.intents.insert(intent.id.clone(), intent);
        self
    }

    /// Puts a refund into the gateway's books.
    #[must_use]
    pub fn refund(self, state: RefundState) -> Self {
        self.state().payment_provider.refunds.push(state);
        self
    }

    /// The intents in this state.
    pub fn payment_intents_in(&self, state: PaymentIntentState) -> usize {
        self.state()
            .payment_provider
            .intents
            .values()
            .filter(|intent| intent.state == state)
            .count()
    }

    /// How often the bank was asked for money.
    pub fn authorization_requests(&self) -> usize {
        self.state().payment_provider.authorization_requests
    }

    /// How many refunds there are.
    pub fn refunds(&self) -> usize {
        self.state().payment_provider.refunds.len()
    }
}

impl State {
    /// Acts once under a key; the result is kept, and given again.
    fn once(&mut self, key: &str, act: impl FnOnce(&mut Ledger) -> Outcome) -> Outcome {
        if let Some(kept) = self.payment_provider.keys.get(key) {
            return kept.clone().unwrap_or(CallOutcome::Unknown("kept failure".to_owned()));
        }
        let answer = act(&mut self.payment_provider);
        self.payment_provider.keys.insert(key.to_owned(), Some(answer.clone()));
        answer
    }
}

impl Ledger {
    fn create(&mut self, amount: Money) -> Outcome {
        let number = self.intents.len() + 1;
        let Ok(id) = PaymentIntentId::parse(format!("pi_{number}")) else {
            return CallOutcome::Rejected(PaymentRejection::NotFound);
        };
        let amount = self.charges_instead.unwrap_or(amount);
        let intent = PaymentIntent {
            id: id.clone(),
            amount,
            capture_before: None,
            ..samples::payment_intent(PaymentIntentState::RequiresConfirmation)
        };
        self.intents.insert(id, intent.clone());
        CallOutcome::Succeeded(intent)
    }

    /// Moves an intent on, if it is in a state that admits it.
    fn act(
        &mut self,
        id: &PaymentIntentId,
        from: &[PaymentIntentState],
        to: PaymentIntentState,
    ) -> Outcome {
        match self.intents.get_mut(id) {
            None => CallOutcome::Rejected(PaymentRejection::NotFound),
            Some(intent) if !from.contains(&intent.state) => {
                CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent.clone()))
            }
            Some(intent) => {
                intent.state = to;
                CallOutcome::Succeeded(intent.clone())
            }
        }
    }

    fn confirm(&mut self, id: &PaymentIntentId) -> Outcome {
        use PaymentIntentState::{
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
        let CallOutcome::Succeeded(mut intent) = answer else { return answer };
        self.authorization_requests += 1;
        if to == RequiresCapture {
            intent.capture_before = samples::payment_intent(RequiresCapture).capture_before;
            intent.risk =
                if self.card == Card::Risky { RiskLevel::Elevated } else { RiskLevel::Normal };
            self.intents.insert(id.clone(), intent.clone());
        }
        match self.card {
            Card::Declined => {
                let code = "insufficient_funds".to_owned();
                CallOutcome::Rejected(PaymentRejection::Declined { code })
            }
            _ => CallOutcome::Succeeded(intent),
        }
    }

    fn refund(&mut self, id: &PaymentIntentId) -> CallOutcome<RefundState, PaymentRejection> {
        let Some(intent) = self.intents.get_mut(id) else {
            return CallOutcome::Rejected(PaymentRejection::NotFound);
        };
        if intent.state != PaymentIntentState::Succeeded || intent.refunded_minor > 0 {
            return CallOutcome::Rejected(PaymentRejection::Misconfigured(
                "cannot refund".to_owned(),
            ));
        }
        let state = if self.refunds_fail {
            RefundState::Failed
        } else {
            intent.refunded_minor = intent.amount.amount_minor();
            if self.refunds_pend { RefundState::Pending } else { RefundState::Succeeded }
        };
        self.refunds.insert(0, state);
        CallOutcome::Succeeded(state)
    }
}

impl FakePaymentProvider {
    async fn keyed(
        &self,
        point: &'static str,
        key: &str,
        act: impl FnOnce(&mut Ledger) -> Outcome,
    ) -> Outcome {
        let result = self.0.call(point, |state| state.once(key, act)).await;
        result.unwrap_or_else(|trouble| {
            if matches!(trouble, InjectedFault::StoredFailure) {
                self.0.state().payment_provider.keys.insert(key.to_owned(), None);
            }
            shown(trouble)
        })
    }
}

/// The intent as a trouble has the gateway show it, or what else comes of it.
fn shown(trouble: InjectedFault) -> Outcome {
    match trouble {
        InjectedFault::PaymentIntentIs(intent) => CallOutcome::Succeeded(intent),
        other => troubled(other),
    }
}

fn troubled<T>(trouble: InjectedFault) -> CallOutcome<T, PaymentRejection> {
    match trouble {
        InjectedFault::NotSent => CallOutcome::NotSent("down".to_owned()),
        InjectedFault::PaymentRejected(refusal) => CallOutcome::Rejected(refusal),
        _ => CallOutcome::Unknown("no answer".to_owned()),
    }
}

impl PaymentProvider for FakePaymentProvider {
    async fn create(&self, request: &PaymentIntentRequest<'_>, key: &str) -> Outcome {
        self.keyed("payment.create", key, |ledger| ledger.create(request.amount)).await
    }

    async fn confirm(&self, id: &PaymentIntentId, _off_session: bool, key: &str) -> Outcome {
        self.keyed("payment.confirm", key, |ledger| ledger.confirm(id)).await
    }

    async fn capture(&self, id: &PaymentIntentId, key: &str) -> Outcome {
        let from = [PaymentIntentState::RequiresCapture];
        let act = |ledger: &mut Ledger| ledger.act(id, &from, PaymentIntentState::Succeeded);
        self.keyed("payment.capture", key, act).await
    }

    async fn cancel(&self, id: &PaymentIntentId, key: &str) -> Outcome {
        let from = [
            PaymentIntentState::RequiresPaymentMethod,
            PaymentIntentState::RequiresConfirmation,
            PaymentIntentState::RequiresAction,
            PaymentIntentState::RequiresCapture,
        ];
        let act = |ledger: &mut Ledger| ledger.act(id, &from, PaymentIntentState::Canceled);
        self.keyed("payment.cancel", key, act).await
    }

    async fn refund(
        &self,
        id: &PaymentIntentId,
        _key: &str,
    ) -> CallOutcome<RefundState, PaymentRejection> {
        let result = self.0.call("payment.refund", |state| state.payment_provider.refund(id)).await;
        result.unwrap_or_else(troubled)
    }

    async fn refunds(
        &self,
        _id: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        let list =
            |state: &mut State| CallOutcome::Succeeded(state.payment_provider.refunds.clone());
        self.0.call("payment.refunds", list).await.unwrap_or_else(troubled)
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> Outcome {
        let get = |state: &mut State| match state.payment_provider.intents.get(id) {
            Some(intent) => CallOutcome::Succeeded(intent.clone()),
            None => CallOutcome::Rejected(PaymentRejection::NotFound),
        };
        self.0.call("payment.retrieve", get).await.unwrap_or_else(shown)
    }
}
