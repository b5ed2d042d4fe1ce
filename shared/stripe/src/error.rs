//! Stripe's error responses.
//!
//! The message is never read: it may hold private data.

use domain::payment::PaymentIntent;
use domain::ports::Response;
use serde::Deserialize;

use crate::wire::WireIntent;

/// An error response; empty if the body cannot be read.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    error: WireError,
}

#[derive(Default, Deserialize)]
struct WireError {
    #[serde(default, rename = "type")]
    error_type: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    payment_intent: Option<serde_json::Value>,
}

/// The codes that the customer may see. Every other code becomes [`GENERIC_DECLINE`]:
/// the person who presents a lost or stolen card, or is suspected of fraud, must not
/// learn it.
/// Source: <https://docs.stripe.com/declines/codes>.
const CUSTOMER_CODES: [&str; 22] = [
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
/// The code of a decline without a reason.
const GENERIC_DECLINE: &str = "generic_decline";

impl ErrorBody {
    /// The error in a response.
    pub(crate) fn parse(response: &Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    /// Stripe's error code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.error.code.as_deref()
    }

    /// Whether Stripe rejected the card, not the request.
    pub(crate) fn is_card_error(&self) -> bool {
        self.error.error_type.as_deref() == Some("card_error")
    }

    /// Whether Stripe says that it rejected something else than the card.
    pub(crate) fn is_about_account(&self) -> bool {
        self.error.error_type.is_some() && !self.is_card_error()
    }

    /// The intent that the error is about.
    pub(crate) fn intent(&self) -> Option<PaymentIntent> {
        let intent = self.error.payment_intent.clone()?;
        serde_json::from_value::<WireIntent>(intent).ok()?.parse().ok()
    }

    /// Why the card was declined, as a code that the customer may see.
    pub(crate) fn customer_code(&self) -> String {
        let code = self.error.decline_code.as_deref().or(self.error.code.as_deref());
        code.filter(|code| CUSTOMER_CODES.contains(code)).unwrap_or(GENERIC_DECLINE).to_owned()
    }

    /// The status and the code, for an operator.
    pub(crate) fn summary(&self, status: u16) -> String {
        let is_word = |text: &&str| {
            text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let code = self.code().filter(is_word);
        match code.or(self.error.error_type.as_deref().filter(is_word)) {
            Some(code) => format!("answered {status} {code}"),
            None => format!("answered {status}"),
        }
    }
}
