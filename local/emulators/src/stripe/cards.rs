//! Stripe's test cards: the token of each, and how its issuer responds.
//!
//! Names and behavior are Stripe's (docs.stripe.com/testing), except for three cards marked as ours.

/// The behavior of a test card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) risk: Risk,
    pub(crate) issuer: IssuerResponse,
    pub(crate) refund: RefundBehavior,
    /// Whether the cardholder disputes the charge after its capture.
    pub(crate) disputed: bool,
}

/// Stripe's risk level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    Normal,
    /// Normal, and a rule of the account's places the charge in review.
    Review,
    Elevated,
    Highest,
}

impl Risk {
    pub(crate) const fn level(self) -> &'static str {
        match self {
            Self::Normal | Self::Review => "normal",
            Self::Elevated => "elevated",
            Self::Highest => "highest",
        }
    }

    pub(crate) const fn score(self) -> u8 {
        match self {
            Self::Normal | Self::Review => 24,
            Self::Elevated => 68,
            Self::Highest => 92,
        }
    }
}

/// How the issuer responds to a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuerResponse {
    Approve,
    Decline(&'static Decline),
    /// Requires the cardholder to authenticate.
    RequireAuthentication,
    /// Approves after a minute; until then the intent is `processing`.
    ApproveLater,
}

/// How a refund proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundBehavior {
    Succeed,
    /// Pending, later succeeded.
    SucceedAfterPending,
    /// Succeeded, later failed.
    FailAfterSuccess,
    /// Pending, later failed.
    FailAfterPending,
}

impl RefundBehavior {
    /// Whether a refund is pending at first.
    pub(crate) const fn starts_pending(self) -> bool {
        matches!(self, Self::SucceedAfterPending | Self::FailAfterPending)
    }

    /// The same start, but the refund fails in the end.
    pub(crate) const fn ending_in_failure(self) -> Self {
        if self.starts_pending() { Self::FailAfterPending } else { Self::FailAfterSuccess }
    }
}

/// A decline by the issuer, in Stripe's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    /// Stripe's `decline_code`.
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
    pub(crate) advice: &'static str,
}

pub(crate) const GENERIC_DECLINE: Decline =
    declined("generic_decline", "Your card was declined.", DO_NOT_TRY_AGAIN);
pub(crate) const AUTHENTICATION_REQUIRED: Decline = Decline {
    code: "authentication_required",
    reason: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
    advice: DO_NOT_TRY_AGAIN,
};
const INSUFFICIENT_FUNDS: Decline =
    declined("insufficient_funds", "Your card has insufficient funds.", TRY_AGAIN_LATER);
const LOST: Decline = declined("lost_card", "Your card was declined.", DO_NOT_TRY_AGAIN);
const STOLEN: Decline = declined("stolen_card", "Your card was declined.", DO_NOT_TRY_AGAIN);
const FRAUDULENT: Decline = declined("fraudulent", "Your card was declined.", DO_NOT_TRY_AGAIN);
const VELOCITY: Decline = declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    TRY_AGAIN_LATER,
);
const EXPIRED: Decline = Decline {
    code: "expired_card",
    reason: "expired_card",
    message: "Your card has expired.",
    advice: "confirm_card_data",
};
const INCORRECT_CVC: Decline = Decline {
    code: "incorrect_cvc",
    reason: "incorrect_cvc",
    message: "Your card's security code is incorrect.",
    advice: "confirm_card_data",
};
const PROCESSING_ERROR: Decline = Decline {
    code: "processing_error",
    reason: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
    advice: TRY_AGAIN_LATER,
};

const DO_NOT_TRY_AGAIN: &str = "do_not_try_again";
const TRY_AGAIN_LATER: &str = "try_again_later";

const fn declined(reason: &'static str, message: &'static str, advice: &'static str) -> Decline {
    Decline { code: "card_declined", reason, message, advice }
}

const VISA: Card = Card {
    brand: "visa",
    last4: "4242",
    risk: Risk::Normal,
    issuer: IssuerResponse::Approve,
    refund: RefundBehavior::Succeed,
    disputed: false,
};

const fn declines(decline: &'static Decline) -> Card {
    Card { last4: "0002", issuer: IssuerResponse::Decline(decline), ..VISA }
}

/// The cards: the token without the common prefix `pm_card_`, and what happens, in words.
const CARDS: &[(&str, &str, Card)] = &[
    ("visa", "Approved (Visa)", VISA),
    ("us", "Approved (Visa issued in the United States)", VISA),
    ("visa_debit", "Approved (Visa debit)", Card { last4: "5556", ..VISA }),
    ("mastercard", "Approved (Mastercard)", Card { brand: "mastercard", last4: "4444", ..VISA }),
    (
        "mastercard_debit",
        "Approved (Mastercard debit)",
        Card { brand: "mastercard", last4: "3222", ..VISA },
    ),
    ("amex", "Approved (American Express)", Card { brand: "amex", last4: "8431", ..VISA }),
    ("discover", "Approved (Discover)", Card { brand: "discover", last4: "1117", ..VISA }),
    ("chargeDeclined", "Declined by the bank, without a reason", declines(&GENERIC_DECLINE)),
    (
        "chargeDeclinedInsufficientFunds",
        "Declined: insufficient funds",
        declines(&INSUFFICIENT_FUNDS),
    ),
    ("chargeDeclinedLostCard", "Declined: reported lost", declines(&LOST)),
    ("chargeDeclinedStolenCard", "Declined: reported stolen", declines(&STOLEN)),
    ("chargeDeclinedFraudulent", "Declined: suspected fraud", declines(&FRAUDULENT)),
    ("chargeDeclinedVelocityLimitExceeded", "Declined: too many attempts", declines(&VELOCITY)),
    ("chargeDeclinedExpiredCard", "Declined: expired", declines(&EXPIRED)),
    ("chargeDeclinedIncorrectCvc", "Declined: wrong security code", declines(&INCORRECT_CVC)),
    ("chargeDeclinedProcessingError", "Declined: error at the bank", declines(&PROCESSING_ERROR)),
    ("chargeCustomerFail", "Declined when it is charged", declines(&GENERIC_DECLINE)),
    ("radarBlock", "Blocked by fraud rules", Card { risk: Risk::Highest, ..declines(&FRAUDULENT) }),
    (
        "riskLevelElevated",
        "Approved with elevated risk: an operator reviews the order",
        Card { last4: "9235", risk: Risk::Elevated, ..VISA },
    ),
    (
        "riskLevelHighest",
        "Approved with the highest risk",
        Card { last4: "4954", risk: Risk::Highest, ..VISA },
    ),
    (
        "authenticationRequired",
        "Asks the customer to authenticate (3-D Secure)",
        Card { last4: "3184", issuer: IssuerResponse::RequireAuthentication, ..VISA },
    ),
    (
        "threeDSecure2Required",
        "Asks the customer to authenticate (3-D Secure 2)",
        Card { last4: "3220", issuer: IssuerResponse::RequireAuthentication, ..VISA },
    ),
    (
        "pendingRefund",
        "Approved; a refund stays pending for a while",
        Card { last4: "7726", refund: RefundBehavior::SucceedAfterPending, ..VISA },
    ),
    (
        "refundFail",
        "Approved; a refund fails afterwards",
        Card { last4: "5126", refund: RefundBehavior::FailAfterSuccess, ..VISA },
    ),
    (
        "createDispute",
        "Approved; the cardholder disputes the charge",
        Card { last4: "0259", disputed: true, ..VISA },
    ),
    // Ours, not Stripe's. No Stripe card stays in `processing`, none has a pending refund that
    // fails, and whether a charge is placed in review depends on the account's rules.
    (
        "lookalikeManualReview",
        "Approved and placed in Stripe's review: an operator reviews the order",
        Card { last4: "7779", risk: Risk::Review, ..VISA },
    ),
    (
        "lookalikeProcessing",
        "Approved after a minute of processing",
        Card { last4: "7777", issuer: IssuerResponse::ApproveLater, ..VISA },
    ),
    (
        "lookalikeRefundPendsThenFails",
        "Approved; a refund stays pending, then fails",
        Card { last4: "7778", refund: RefundBehavior::FailAfterPending, ..VISA },
    ),
];

/// A test card, for a list to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCard {
    /// The payment method's token.
    pub token: String,
    /// What happens, in a few words.
    pub title: &'static str,
    /// The brand, such as `visa`.
    pub brand: &'static str,
    /// The last four digits.
    pub last4: &'static str,
}

/// All test cards, approved ones first.
pub fn test_cards() -> impl Iterator<Item = TestCard> {
    CARDS.iter().map(|(name, title, card)| TestCard {
        token: format!("pm_card_{name}"),
        title,
        brand: card.brand,
        last4: card.last4,
    })
}

/// The card of a token, or `None` if Stripe would not know the payment method.
///
/// A payment method created in the browser (`pm_1…`) stands for a plain Visa card.
pub(crate) fn find(token: &str) -> Option<&'static Card> {
    if let Some(name) = token.strip_prefix("pm_card_") {
        let plain = name.strip_prefix("visa_").unwrap_or(name);
        let named = |requested: &str| {
            CARDS.iter().find(|(known, ..)| *known == requested).map(|(.., card)| card)
        };
        return named(name).or_else(|| named(plain).filter(|card| card.brand == "visa"));
    }
    let id = token.strip_prefix("pm_1")?;
    (id.len() >= 8 && id.chars().all(|c| c.is_ascii_alphanumeric())).then_some(&VISA)
}

#[cfg(test)]
mod tests {
    use super::{IssuerResponse, find, test_cards};

    #[test]
    fn every_card_that_the_product_uses_is_known_and_other_tokens_are_not() {
        let known = [
            ("pm_card_visa", true),
            ("pm_card_mastercard", true),
            ("pm_card_visa_chargeDeclined", true),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", true),
            ("pm_card_visa_chargeDeclinedLostCard", true),
            ("pm_card_visa_chargeDeclinedStolenCard", true),
            ("pm_card_chargeDeclined", true),
            ("pm_card_chargeDeclinedExpiredCard", true),
            ("pm_card_chargeDeclinedProcessingError", true),
            ("pm_card_authenticationRequired", true),
            ("pm_card_riskLevelElevated", true),
            ("pm_1PgafmB7WZ01zgkW6dKueIc5", true),
            ("pm_card_visa_mastercard", false),
            ("pm_card_missing", false),
            ("pm_card_", false),
            ("pm_1", false),
            ("4242424242424242", false),
            ("", false),
        ];
        for (token, expected) in known {
            assert_eq!(find(token).is_some(), expected, "{token}");
        }
    }

    #[test]
    fn every_listed_card_is_known_and_says_what_happens() {
        let cards: Vec<_> = test_cards().collect();
        assert!(cards.len() > 20);
        for card in cards {
            assert!(find(&card.token).is_some() && !card.title.is_empty(), "{card:?}");
        }
    }

    #[test]
    fn lost_and_stolen_cards_differ_in_the_decline_code_but_not_in_the_message() {
        let decline = |token| match find(token).map(|card| card.issuer) {
            Some(IssuerResponse::Decline(decline)) => (decline.reason, decline.message),
            other => panic!("{token} is not declined but {other:?}"),
        };
        let (lost, stolen) = (
            decline("pm_card_visa_chargeDeclinedLostCard"),
            decline("pm_card_visa_chargeDeclinedStolenCard"),
        );
        assert_ne!(lost.0, stolen.0);
        assert_eq!(lost.1, stolen.1);
    }
}
