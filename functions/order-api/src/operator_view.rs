//! What only an operator sees of an order.

use domain::decision::ReviewDecision;
use domain::order::{Attention, LabelFact, MoneyFact, StockFact};
use domain::policy::ReviewReason;
use domain::{Order, Sku, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema;

/// Why an order needs attention.
#[derive(Serialize, ToSchema)]
#[schema(as = RaisedAttention)]
pub(crate) struct AttentionView<'a> {
    #[schema(value_type = schema::AttentionSchema)]
    kind: Attention,
    #[schema(value_type = schema::TimestampSchema)]
    since: Timestamp,
    /// Why, in one word: what is wrong with our account at a provider, such as `KEY_MISSING`
    /// or `WALLET_EMPTY`, or the code in the timeline, such as `REFUND_FAILED`. Without one, the
    /// workflow is waiting; the last error is in the order's execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cause: Option<&'a str>,
}

/// The review of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Review)]
pub(crate) struct ReviewView<'a> {
    /// Whether an operator must decide before the order continues.
    required: bool,
    #[schema(value_type = Vec<schema::ReviewReasonSchema>)]
    reasons: &'a [ReviewReason],
    /// By when it must be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    deadline: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::ReviewDecisionSchema)]
    decision: Option<ReviewDecision>,
    /// The operator who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<&'a str>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<&'a str>,
}

/// The wait for a restock.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Backorder)]
pub(crate) struct BackorderView<'a> {
    /// When the order was first short: its place in the queue.
    #[schema(value_type = schema::TimestampSchema)]
    since: Timestamp,
    #[schema(value_type = schema::TimestampSchema)]
    deadline: Timestamp,
    /// The SKU that is short, while the order waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::SkuSchema)]
    waits_for: Option<&'a Sku>,
}

/// What the record knows of money, label and stock.
#[derive(Serialize, ToSchema)]
#[schema(as = Facts)]
pub(crate) struct FactsView {
    money: MoneyView,
    label: LabelView,
    stock: StockView,
}

/// The customer's money.
#[derive(Serialize, ToSchema)]
#[schema(as = MoneyState)]
pub(crate) struct MoneyView {
    #[schema(value_type = schema::MoneyFactSchema)]
    state: MoneyFact,
    /// False while a call may have changed it without a recorded result.
    known: bool,
}

/// The shipping label.
#[derive(Serialize, ToSchema)]
#[schema(as = LabelState)]
pub(crate) struct LabelView {
    #[schema(value_type = schema::LabelFactSchema)]
    state: LabelFact,
    /// False while a call may have changed it without a recorded result.
    known: bool,
}

/// The stock.
#[derive(Serialize, ToSchema)]
#[schema(as = StockState)]
pub(crate) struct StockView {
    #[schema(value_type = schema::StockFactSchema)]
    state: StockFact,
    /// Always true: the stock changes together with the order.
    known: bool,
}

impl<'a> AttentionView<'a> {
    pub(crate) fn of(order: &'a Order) -> Option<Self> {
        let raised = order.raised_attention()?;
        Some(Self { kind: raised.kind, since: raised.since, cause: raised.cause })
    }
}

impl<'a> ReviewView<'a> {
    pub(crate) fn of(order: &'a Order) -> Option<Self> {
        let review = order.review.as_ref()?;
        Some(Self {
            required: review.required,
            reasons: &review.reasons,
            deadline: review.deadline,
            decision: review.decision,
            by: review.by.as_deref(),
            at: review.at,
            note: review.note.as_deref(),
        })
    }
}

impl<'a> BackorderView<'a> {
    pub(crate) fn of(order: &'a Order) -> Option<Self> {
        let wait = order.backorder.as_ref()?;
        let waits_for = order.waits_for.as_ref();
        Some(Self { since: wait.since, deadline: wait.deadline, waits_for })
    }
}

impl FactsView {
    pub(crate) fn of(order: &Order) -> Self {
        let facts = order.recorded_facts();
        Self {
            money: MoneyView { state: facts.money, known: facts.money_is_known },
            label: LabelView { state: facts.label, known: facts.label_is_known },
            stock: StockView { state: facts.stock, known: true },
        }
    }
}
