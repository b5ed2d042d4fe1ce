//! Orders in every situation, and what the providers then know of them. Each order is made
//! by the writes that make a real one, and its ledgers are consistent.

use domain::compensation::{FailedState, FailedStates};
use domain::decision::ReviewDecision;
use domain::ledger::{LabelEntry, PaymentIntentEntry};
use domain::order::Attention;
use domain::payment::{PaymentIntentState, PaymentStatus, RiskLevel};
use domain::policy::ReviewPolicy;
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use domain::steps::State;
use domain::{ErrorName, Order, OrderId, PaymentIntentId, ShipmentId, Status};
use testing::samples;

/// An order with its entries in the providers' ledgers.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) order: Order,
    pub(crate) intents: Vec<PaymentIntentEntry>,
    pub(crate) labels: Vec<LabelEntry>,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    Fulfilled,
    FulfilledAfterReview,
    Declined,
    NeverAuthorized,
    OutOfStock,
    CanceledBeforeItBegan,
    Canceled,
    Rejected,
    ShippingFailed,
    LabelRefunded,
    LabelRefused,
    Refunded,
    RefundPending,
    RefundFailed,
    Received,
    Authorized,
    Reserved,
    NeedsAttention,
    ClosedNotFinalized,
}

impl Situation {
    /// Situations in which an order is at rest.
    pub(crate) const AT_REST: [Self; 14] = [
        Self::Fulfilled,
        Self::FulfilledAfterReview,
        Self::Declined,
        Self::NeverAuthorized,
        Self::OutOfStock,
        Self::CanceledBeforeItBegan,
        Self::Canceled,
        Self::Rejected,
        Self::ShippingFailed,
        Self::LabelRefunded,
        Self::LabelRefused,
        Self::Refunded,
        Self::RefundPending,
        Self::RefundFailed,
    ];

    /// Situations in which it is not.
    pub(crate) const OPEN: [Self; 5] = [
        Self::Received,
        Self::Authorized,
        Self::Reserved,
        Self::NeedsAttention,
        Self::ClosedNotFinalized,
    ];
}

/// Builds a history write by write.
struct Builder {
    number: usize,
    order: Order,
    intent: PaymentIntentEntry,
    label: Option<LabelEntry>,
}

/// The order with this number, in this situation.
pub(crate) fn make(number: usize, situation: Situation) -> History {
    let mut builder = Builder::begin(number, situation == Situation::CanceledBeforeItBegan);
    match situation {
        Situation::Received => {}
        Situation::CanceledBeforeItBegan => builder.cancel(),
        Situation::NeverAuthorized => {
            builder.compensate(State::ProcessPayment, ErrorName::PaymentGatewayUnavailable);
        }
        Situation::Declined => builder.decline(),
        Situation::Fulfilled => builder.fulfill(RiskLevel::Normal),
        Situation::FulfilledAfterReview => builder.fulfill(RiskLevel::Elevated),
        _ => builder.advance(situation),
    }
    if Situation::AT_REST.contains(&situation) {
        builder.order = builder.order.finalized(&[], samples::placed_at());
    }
    builder.build()
}

impl Builder {
    fn begin(number: usize, scheduled: bool) -> Self {
        let mut request = samples::new_order();
        request.order_id = OrderId::for_request(&request.customer_id, &number.to_string());
        request.scheduled_for = scheduled.then(|| samples::placed_at().plus_hours(1));
        let order = Order::accept(request, samples::placed_at());
        let id = PaymentIntentId::parse(format!("pi_{number}")).unwrap();
        let intent = PaymentIntentEntry {
            order: Some(order.order_id.to_string()),
            state: PaymentIntentState::RequiresConfirmation,
            amount: order.total,
            captured_minor: 0,
            refunded_minor: 0,
            confirmed: false,
            id,
        };
        Self { number, order, intent, label: None }
    }

    fn advance(&mut self, situation: Situation) {
        let is_rejected = situation == Situation::Rejected;
        self.authorize(if is_rejected { RiskLevel::Elevated } else { RiskLevel::Normal });
        match situation {
            Situation::Authorized => {}
            Situation::OutOfStock => self.compensate(State::OutOfStock, ErrorName::StockContended),
            Situation::Rejected => self.reject(),
            Situation::Canceled => {
                self.cancel();
                self.compensate(State::CheckInventory, ErrorName::OrderCancelled);
            }
            Situation::Reserved => self.reserve(),
            Situation::ShippingFailed => {
                self.reserve();
                self.ship(false);
                self.compensate(State::InitiateShipping, ErrorName::ShippingRejected);
            }
            Situation::NeedsAttention => {
                self.reserve();
                self.ship(true);
                let needs_attention = samples::waiting(
                    self.order.clone(),
                    Status::NeedsAttention,
                    Attention::Operator,
                );
                self.order = needs_attention;
            }
            _ => {
                self.reserve();
                self.ship(true);
                self.compensate_after_label(situation);
            }
        }
    }

    fn compensate_after_label(&mut self, situation: Situation) {
        let captured = [Situation::Refunded, Situation::RefundPending, Situation::RefundFailed]
            .contains(&situation);
        if captured {
            self.intent.state = PaymentIntentState::Succeeded;
            self.intent.captured_minor = self.intent.amount.amount_minor();
        }
        let refund = if situation == Situation::LabelRefused {
            LabelRefund::Refused
        } else {
            LabelRefund::Submitted
        };
        self.refund_label(refund);
        match situation {
            Situation::RefundFailed => self.close(PaymentStatus::RefundFailed),
            _ if captured => {
                self.intent.refunded_minor = self.intent.captured_minor;
                self.close(PaymentStatus::Refunded);
            }
            Situation::ClosedNotFinalized => self.close(PaymentStatus::Voided),
            _ => {
                self.intent.state = PaymentIntentState::Canceled;
                self.close(PaymentStatus::Voided);
            }
        }
    }

    fn authorize(&mut self, risk: RiskLevel) {
        let at = samples::placed_at();
        let intent = domain::payment::PaymentIntent {
            risk,
            ..samples::payment_intent(PaymentIntentState::RequiresCapture)
        };
        self.order = self.order.with_intent(&self.intent.id, at);
        self.order = self.order.authorized(&intent, &ReviewPolicy::default(), at).unwrap();
        self.intent.state = PaymentIntentState::RequiresCapture;
        self.intent.confirmed = true;
        if risk == RiskLevel::Elevated {
            let waiting = Attention::Review;
            self.order = samples::waiting(self.order.clone(), Status::InReview, waiting);
        }
    }

    fn decline(&mut self) {
        self.order = self.order.with_intent(&self.intent.id, samples::placed_at());
        self.intent.confirmed = true;
        self.compensate(State::ProcessPayment, ErrorName::PaymentDeclined);
    }

    fn reserve(&mut self) {
        self.order = self.order.reserved(samples::placed_at()).unwrap();
    }

    fn reject(&mut self) {
        let decided = self.order.decide_review(ReviewDecision::Reject, "operator-1", None, now());
        self.order = decided.unwrap();
        self.compensate(State::AwaitReview, ErrorName::ReviewRejected);
    }

    fn cancel(&mut self) {
        self.order = self.order.request_cancellation("customer-1", now()).unwrap().unwrap();
    }

    fn ship(&mut self, bought: bool) {
        let at = samples::placed_at();
        let id = ShipmentId::parse(format!("shp_{}", self.number)).unwrap();
        let shipment = ProviderShipment { id: id.clone(), ..samples::provider_shipment() };
        let rate = shipment.rates[0].clone();
        self.order = self.order.with_shipment(&shipment, &rate, at).unwrap();
        let code = format!("TRACK{}", self.number);
        if bought {
            self.order = self.order.with_label(&code, None, at);
        }
        self.label = Some(LabelEntry {
            id,
            reference: Some(self.order.order_id.to_string()),
            is_bought: bought,
            tracking_code: bought.then_some(code),
            refund: LabelRefundState::NotRequested,
        });
    }

    fn fulfill(&mut self, risk: RiskLevel) {
        self.authorize(risk);
        if risk == RiskLevel::Elevated {
            let decided =
                self.order.decide_review(ReviewDecision::Approve, "operator-1", None, now());
            self.order = decided.unwrap();
        }
        self.reserve();
        self.ship(true);
        self.intent.state = PaymentIntentState::Succeeded;
        self.intent.captured_minor = self.intent.amount.amount_minor();
        self.order = self.order.fulfilled(samples::placed_at()).unwrap();
    }

    fn compensate(&mut self, state: State, error: ErrorName) {
        let failed = failed(state, error);
        self.order = self.order.begin_compensation(&failed, now());
        if self.order.shipment.is_some() {
            self.order = self.order.with_label_refund(LabelRefund::None, now());
        }
        if self.order.holds_stock() {
            self.order = self.order.released(now());
        }
        // A declined intent is canceled too.
        self.intent.state = PaymentIntentState::Canceled;
        self.close(PaymentStatus::Voided);
    }

    fn refund_label(&mut self, refund: LabelRefund) {
        let failed = failed(State::CapturePayment, ErrorName::PaymentNotCapturable);
        let order = self.order.begin_compensation(&failed, now());
        self.order = order.with_label_refund(refund, now()).released(now());
        if let (Some(label), LabelRefund::Submitted) = (&mut self.label, refund) {
            label.refund = LabelRefundState::Submitted;
        }
    }

    fn close(&mut self, payment: PaymentStatus) {
        self.order = self.order.closed(payment, now()).unwrap();
    }

    /// Adds an unconfirmed intent and an unbought shipment, as a lost response leaves them.
    /// They cost nothing.
    fn build(self) -> History {
        let spare = PaymentIntentEntry {
            id: PaymentIntentId::parse(format!("pi_spare{}", self.number)).unwrap(),
            order: Some(self.order.order_id.to_string()),
            state: PaymentIntentState::RequiresConfirmation,
            amount: self.order.total,
            captured_minor: 0,
            refunded_minor: 0,
            confirmed: false,
        };
        let unbought = LabelEntry {
            id: ShipmentId::parse(format!("shp_spare{}", self.number)).unwrap(),
            reference: Some(self.order.order_id.to_string()),
            is_bought: false,
            tracking_code: None,
            refund: LabelRefundState::NotRequested,
        };
        let labels = self.label.into_iter().chain([unbought]).collect();
        let is_stored = self.order.payment.intent_id.is_some();
        let intents = is_stored.then_some(self.intent).into_iter().chain([spare]).collect();
        History { order: self.order, intents, labels }
    }
}

fn now() -> domain::Timestamp {
    samples::placed_at().plus_minutes(1)
}

fn failed(state: State, error: ErrorName) -> FailedStates {
    let failure = FailedState { error: error.as_str().to_owned(), shortages: Vec::new() };
    [(state, failure)].into()
}
