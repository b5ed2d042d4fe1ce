//! The gateway's JSON, as much of it as decides anything.

use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::RefundState;
use domain::{Currency, Money, Timestamp};
use serde::Deserialize;

use crate::ids::payment_intent_id;

/// A PaymentIntent.
#[derive(Deserialize)]
pub(super) struct WireIntent {
    id: String,
    status: PaymentIntentState,
    amount: u64,
    currency: String,
    #[serde(default)]
    latest_charge: Option<Expandable>,
}

/// An object that is there as a whole only when it was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable {
    Whole(Box<WireCharge>),
    #[expect(dead_code, reason = "its id is not needed, but has to be told from the whole")]
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
    #[serde(default)]
    payment_method_details: Option<WireMethod>,
}

#[derive(Deserialize)]
struct WireOutcome {
    #[serde(default)]
    risk_level: Option<String>,
}

#[derive(Deserialize)]
struct WireMethod {
    #[serde(default)]
    card: Option<WireCard>,
}

#[derive(Deserialize)]
struct WireCard {
    #[serde(default)]
    capture_before: Option<i64>,
}

impl WireIntent {
    /// The intent in our words.
    pub(super) fn parse(self) -> Result<PaymentIntent, &'static str> {
        let charge = match self.latest_charge {
            Some(Expandable::Whole(charge)) => *charge,
            Some(Expandable::Id(_)) | None => WireCharge::default(),
        };
        let currency = Currency::from_code(&self.currency.to_ascii_uppercase())
            .ok_or("the intent is in a currency that the shop cannot take")?;
        Ok(PaymentIntent {
            id: payment_intent_id(self.id).ok_or("the intent has no id of an intent")?,
            state: self.status,
            amount: Money::new(self.amount, currency),
            refunded_minor: charge.amount_refunded,
            risk: charge.risk(),
            disputed: charge.disputed,
            capture_before: charge.capture_before(),
        })
    }
}

impl WireCharge {
    fn risk(&self) -> RiskLevel {
        match self.outcome.as_ref().and_then(|outcome| outcome.risk_level.as_deref()) {
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
pub(super) struct WireRefund {
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

impl WireRefund {
    /// How far it is.
    pub(super) const fn state(&self) -> RefundState {
        match self.status {
            RefundStatus::Pending => RefundState::Pending,
            RefundStatus::Succeeded => RefundState::Succeeded,
            // One that waits for somebody will not come by itself.
            RefundStatus::RequiresAction | RefundStatus::Failed | RefundStatus::Canceled => {
                RefundState::Failed
            }
        }
    }
}

/// A list of objects.
#[derive(Deserialize)]
pub(super) struct Listed<T> {
    pub(super) data: Vec<T>,
}

/// An error. Its message is left out: it may hold anything.
#[derive(Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    error: WireError,
}

#[derive(Default, Deserialize)]
struct WireError {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    payment_intent: Option<serde_json::Value>,
}

/// Why a card was declined, as far as its holder may be told. Every other code
/// becomes [`GENERIC`]: that a card is lost, stolen or thought to be used by a
/// thief must not be told to whoever holds it.
const SAFE: [&str; 22] = [
    "authentication_required",
    "authentication_not_handled",
    "call_issuer",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "do_not_honor",
    "duplicate_transaction",
    "expired_card",
    "incorrect_cvc",
    "incorrect_number",
    "incorrect_zip",
    "insufficient_funds",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "issuer_not_available",
    "processing_error",
    "reenter_transaction",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
];
/// The code of a decline for which the bank gives no reason.
const GENERIC: &str = "generic_decline";

impl ErrorBody {
    /// The gateway's code.
    pub(super) fn code(&self) -> Option<&str> {
        self.error.code.as_deref()
    }

    /// Whether it is the card that is refused, not the request.
    pub(super) fn is_card_error(&self) -> bool {
        self.error.kind.as_deref() == Some("card_error")
    }

    /// The intent that it is about.
    pub(super) fn intent(&self) -> Option<PaymentIntent> {
        let intent = self.error.payment_intent.clone()?;
        serde_json::from_value::<WireIntent>(intent).ok()?.parse().ok()
    }

    /// Why the card was declined, in a word that may be shown.
    pub(super) fn safe_code(&self) -> String {
        let code = self.error.decline_code.as_deref().or(self.error.code.as_deref());
        code.filter(|code| SAFE.contains(code)).unwrap_or(GENERIC).to_owned()
    }

    /// What to say about it to an operator: the status and the code.
    pub(super) fn describe(&self, status: u16) -> String {
        let word = |text: &&str| {
            text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let code = self.code().filter(word);
        match code.or(self.error.kind.as_deref().filter(word)) {
            Some(code) => format!("answered {status} {code}"),
            None => format!("answered {status}"),
        }
    }
}
