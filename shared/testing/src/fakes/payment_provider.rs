//! The fake payment provider: payment intents that allow each call once, idempotency keys
//! that replay the first result, and a ledger.

use std::collections::BTreeMap;

use super::{InjectedFault, State, TestBed};
use crate::samples;
use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::{
    CallOutcome, PaymentCustomer, PaymentIntentRequest, PaymentProvider, PaymentRejection,
    RefundState,
};
use domain::{Money, PaymentIntentId, Private};

/// The fake payment provider.
#[derive(Debug, Clone)]
pub struct FakePaymentProvider(pub(super) TestBed);

/// How the card issuer answers a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Card {
    /// It authorizes.
    #[default]
    Good,
    /// It authorizes, with an elevated risk.
    Risky,
    /// It declines.
    Declined,
    /// It wants the customer to authenticate.
    NeedsAction,
    /// It has not answered yet.
    Silent,
}

type Outcome = CallOutcome<PaymentIntent, PaymentRejection>;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    card: Card,
    pub(super) intents: BTreeMap<PaymentIntentId, PaymentIntent>,
    keys: BTreeMap<String, Option<Outcome>>,
    refunds: Vec<RefundState>,
    /// Our customer of each of the provider's.
    customers: BTreeMap<String, Option<String>>,
    refunds_fail: bool,
    refunds_pend: bool,
    charges_instead: Option<Money>,
    authorization_requests: usize,
}

impl TestBed {
    /// Sets how the card issuer answers.
    #[must_use]
    pub fn card(self, card: Card) -> Self {
        self.state().payment_provider.card = card;
        self
    }

    /// Adds a customer with saved cards, who is this customer of ours.
    #[must_use]
    pub fn saved_cards_of(self, id: &str, customer_id: Option<&str>) -> Self {
        let customer_id = customer_id.map(str::to_owned);
        self.state().payment_provider.customers.insert(id.to_owned(), customer_id);
        self
    }

    /// Creates intents for another amount than requested.
    #[must_use]
    pub fn charging(self, amount: Money) -> Self {
        self.state().payment_provider.charges_instead = Some(amount);
        self
    }

    /// Makes refunds fail.
    #[must_use]
    pub fn failing_refunds(self) -> Self {
        self.state().payment_provider.refunds_fail = true;
        self
    }

    /// Makes refunds stay pending.
    #[must_use]
    pub fn pending_refunds(self) -> Self {
        self.state().payment_provider.refunds_pend = true;
        self
    }

    /// Moves all refunds to this state.
    pub fn resolve_refunds(&self, state: RefundState) {
        self.state().payment_provider.refunds.fill(state);
    }

    /// Adds a payment intent.
    #[must_use]
    pub fn intent(self, intent: PaymentIntent) -> Self {
        self.state().payment_provider.intents.insert(intent.id.clone(), intent);
        self
    }

    /// Adds a refund.
    #[must_use]
    pub fn refund(self, state: RefundState) -> Self {
        self.state().payment_provider.refunds.push(state);
        self
    }

    /// The number of payment intents in this state.
    pub fn payment_intents_in(&self, state: PaymentIntentState) -> usize {
        self.state()
            .payment_provider
            .intents
            .values()
            .filter(|intent| intent.state == state)
            .count()
    }

    /// The number of authorizations requested from the card issuer.
    pub fn authorization_requests(&self) -> usize {
        self.state().payment_provider.authorization_requests
    }

    /// The number of refunds.
    pub fn refunds(&self) -> usize {
        self.state().payment_provider.refunds.len()
    }
}

impl State {
    /// Acts once under an idempotency key and replays the result.
    fn once(&mut self, key: &str, act: impl FnOnce(&mut Ledger) -> Outcome) -> Outcome {
        if let Some(stored) = self.payment_provider.keys.get(key) {
            return stored.clone().unwrap_or(CallOutcome::Unknown("stored failure".to_owned()));
        }
        let outcome = act(&mut self.payment_provider);
        self.payment_provider.keys.insert(key.to_owned(), Some(outcome.clone()));
        outcome
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

    /// Moves an intent to another state, if its state allows it.
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
                if to == PaymentIntentState::Succeeded {
                    intent.received_minor = intent.amount.amount_minor();
                }
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
        // A declined intent would accept another confirmation. The workflow never makes one.
        let outcome = self.act(id, &[RequiresConfirmation, RequiresPaymentMethod], to);
        let CallOutcome::Succeeded(mut intent) = outcome else { return outcome };
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
            intent.refunded_minor = intent.received_minor;
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
        result.unwrap_or_else(|fault| {
            if matches!(fault, InjectedFault::StoredFailure) {
                self.0.state().payment_provider.keys.insert(key.to_owned(), None);
            }
            shown(fault)
        })
    }
}

/// The outcome of a fault for a call that returns an intent.
fn shown(fault: InjectedFault) -> Outcome {
    match fault {
        InjectedFault::PaymentIntentIs(intent) => CallOutcome::Succeeded(intent),
        other => injected(other),
    }
}

fn injected<T>(fault: InjectedFault) -> CallOutcome<T, PaymentRejection> {
    match fault {
        InjectedFault::NotSent => CallOutcome::NotSent("down".to_owned()),
        InjectedFault::Throttled => CallOutcome::Throttled("answered 429".to_owned()),
        InjectedFault::PaymentRejected(rejection) => CallOutcome::Rejected(rejection),
        _ => CallOutcome::Unknown("no response".to_owned()),
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
        result.unwrap_or_else(injected)
    }

    async fn refunds(
        &self,
        _id: &PaymentIntentId,
    ) -> CallOutcome<Vec<RefundState>, PaymentRejection> {
        let list =
            |state: &mut State| CallOutcome::Succeeded(state.payment_provider.refunds.clone());
        self.0.call("payment.refunds", list).await.unwrap_or_else(injected)
    }

    async fn customer(
        &self,
        id: &Private<String>,
    ) -> CallOutcome<PaymentCustomer, PaymentRejection> {
        let get = |state: &mut State| match state.payment_provider.customers.get(id.expose()) {
            Some(customer_id) => {
                CallOutcome::Succeeded(PaymentCustomer { customer_id: customer_id.clone() })
            }
            None => CallOutcome::Rejected(PaymentRejection::NotFound),
        };
        self.0.call("payment.customer", get).await.unwrap_or_else(injected)
    }

    async fn retrieve(&self, id: &PaymentIntentId) -> Outcome {
        let get = |state: &mut State| match state.payment_provider.intents.get(id) {
            Some(intent) => CallOutcome::Succeeded(intent.clone()),
            None => CallOutcome::Rejected(PaymentRejection::NotFound),
        };
        self.0.call("payment.retrieve", get).await.unwrap_or_else(shown)
    }
}
