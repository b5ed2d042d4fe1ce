//! Stripe's JSON: only the fields that the product reads.
//!
//! Source: <https://docs.stripe.com/api>, in the version of [`API_VERSION`](crate::API_VERSION).

use std::collections::BTreeMap;

use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::{PaymentCustomer, ProviderMode, RefundState};
use domain::{Currency, Money, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::ids::payment_intent_id;

/// An object whose mode is checked before it is used: a live object has no place in a
/// deployment in test mode, nor the reverse.
pub(crate) trait HasMode {
    /// Whether the object is of this mode, as far as it says.
    fn is_in(&self, mode: ProviderMode) -> bool;
}

fn is_in(livemode: Option<bool>, mode: ProviderMode) -> bool {
    livemode.is_none_or(|live| live == (mode == ProviderMode::Live))
}

impl HasMode for Value {
    fn is_in(&self, mode: ProviderMode) -> bool {
        is_in(self["livemode"].as_bool(), mode)
    }
}

/// A payment intent.
#[derive(Deserialize)]
pub(crate) struct WireIntent {
    id: String,
    #[serde(default)]
    livemode: Option<bool>,
    status: PaymentIntentState,
    amount: u64,
    currency: String,
    #[serde(default)]
    amount_received: u64,
    #[serde(default)]
    latest_charge: Option<ExpandableCharge>,
}

/// A charge: an object if the request expanded it, otherwise an id.
#[derive(Deserialize)]
#[serde(untagged)]
enum ExpandableCharge {
    Expanded(Box<WireCharge>),
    #[expect(dead_code, reason = "serde needs the variant, the id is not used")]
    Id(String),
}

#[derive(Default, Deserialize)]
struct WireCharge {
    #[serde(default)]
    amount_refunded: u64,
    #[serde(default)]
    disputed: bool,
    #[serde(default)]
    outcome: Option<WireOutcome>,
    /// The review of the charge, an id or an object, if there is one.
    #[serde(default)]
    review: Option<Value>,
    #[serde(default)]
    payment_method_details: Option<WirePaymentMethodDetails>,
}

#[derive(Deserialize)]
struct WireOutcome {
    #[serde(default)]
    risk_level: Option<String>,
    #[serde(default, rename = "type")]
    outcome_type: Option<String>,
}

#[derive(Deserialize)]
struct WirePaymentMethodDetails {
    #[serde(default)]
    card: Option<WireCard>,
}

#[derive(Deserialize)]
struct WireCard {
    #[serde(default)]
    capture_before: Option<i64>,
}

/// A customer.
#[derive(Deserialize)]
pub(crate) struct WireCustomer {
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    pub(crate) deleted: bool,
    /// What the shop wrote on it: `customer_id`.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl HasMode for WireCustomer {
    fn is_in(&self, mode: ProviderMode) -> bool {
        is_in(self.livemode, mode)
    }
}

impl From<WireCustomer> for PaymentCustomer {
    fn from(mut customer: WireCustomer) -> Self {
        Self { customer_id: customer.metadata.remove("customer_id") }
    }
}

impl HasMode for WireIntent {
    fn is_in(&self, mode: ProviderMode) -> bool {
        is_in(self.livemode, mode)
    }
}

impl WireIntent {
    /// The domain's payment intent.
    ///
    /// # Errors
    /// If the currency is not supported or the id is not a payment intent's.
    pub(crate) fn parse(self) -> Result<PaymentIntent, &'static str> {
        let charge = match self.latest_charge {
            Some(ExpandableCharge::Expanded(charge)) => *charge,
            Some(ExpandableCharge::Id(_)) | None => WireCharge::default(),
        };
        let currency = Currency::from_code(&self.currency.to_ascii_uppercase())
            .ok_or("the payment intent has an unsupported currency")?;
        Ok(PaymentIntent {
            id: payment_intent_id(self.id).ok_or("the payment intent has an invalid id")?,
            state: self.status,
            amount: Money::new(self.amount, currency),
            received_minor: self.amount_received,
            refunded_minor: charge.amount_refunded,
            risk: charge.risk(),
            disputed: charge.disputed,
            capture_before: charge.capture_before(),
        })
    }
}

impl WireCharge {
    /// Source: <https://docs.stripe.com/api/charges/object>, `outcome.type` and `review`. The
    /// review is taken for open: who closes it in Stripe's dashboard did not decide here.
    fn risk(&self) -> RiskLevel {
        let outcome = self.outcome.as_ref();
        let is_queued =
            outcome.and_then(|outcome| outcome.outcome_type.as_deref()) == Some("manual_review");
        if is_queued || self.review.is_some() {
            return RiskLevel::ManualReview;
        }
        match outcome.and_then(|outcome| outcome.risk_level.as_deref()) {
            Some("elevated" | "highest") => RiskLevel::Elevated,
            _ => RiskLevel::Normal,
        }
    }

    fn capture_before(&self) -> Option<Timestamp> {
        let card = self.payment_method_details.as_ref()?.card.as_ref()?;
        Timestamp::from_seconds(card.capture_before?).ok()
    }
}

/// A refund.
#[derive(Deserialize)]
pub(crate) struct WireRefund {
    status: RefundStatus,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
}

impl HasMode for WireRefund {
    /// A refund does not say its mode; its key does.
    fn is_in(&self, _: ProviderMode) -> bool {
        true
    }
}

impl WireRefund {
    /// The domain's state of the refund.
    pub(crate) const fn state(&self) -> RefundState {
        match self.status {
            RefundStatus::Pending => RefundState::Pending,
            RefundStatus::Succeeded => RefundState::Succeeded,
            // `requires_action` does not complete without an operator.
            RefundStatus::RequiresAction | RefundStatus::Failed | RefundStatus::Canceled => {
                RefundState::Failed
            }
        }
    }
}

/// A list.
#[derive(Deserialize)]
pub(crate) struct WireList<T> {
    pub(crate) data: Vec<T>,
}

impl<T: HasMode> HasMode for WireList<T> {
    fn is_in(&self, mode: ProviderMode) -> bool {
        self.data.iter().all(|object| object.is_in(mode))
    }
}
