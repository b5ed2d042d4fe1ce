//! The test cards, by the token that stands for each: what the issuer says to them.
//!
//! Names and behaviour are Stripe's (docs.stripe.com/testing), but for two cards that are
//! marked as ours.

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) risk: Risk,
    pub(crate) issuer: Issuer,
    pub(crate) refund: RefundFate,
    /// Whether its owner disputes the charge once it is captured.
    pub(crate) disputed: bool,
}

/// The gateway's own view of the risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    Normal,
    Elevated,
    Highest,
}

impl Risk {
    pub(crate) const fn level(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Highest => "highest",
        }
    }

    pub(crate) const fn score(self) -> u8 {
        match self {
            Self::Normal => 24,
            Self::Elevated => 68,
            Self::Highest => 92,
        }
    }
}

/// What the issuer says when the card is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Issuer {
    Approves,
    Declines(&'static Decline),
    /// Wants the owner to prove who they are.
    Authenticates,
    /// Takes its time: the intent is `processing` for a minute.
    AnswersLater,
}

/// What becomes of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundFate {
    Succeeds,
    /// Pending first, succeeded some time later.
    PendsFirst,
    /// Succeeded first, failed some time later.
    FailsLater,
    /// Pending first, failed some time later.
    PendsThenFails,
}

impl RefundFate {
    /// Whether a refund is pending first.
    pub(crate) const fn pends(self) -> bool {
        matches!(self, Self::PendsFirst | Self::PendsThenFails)
    }

    /// The same, but that the refund fails in the end.
    pub(crate) const fn failing(self) -> Self {
        if self.pends() { Self::PendsThenFails } else { Self::FailsLater }
    }
}

/// A refusal by the issuer, in Stripe's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    /// Stripe's `decline_code`.
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
    pub(crate) advice: &'static str,
}

pub(crate) const GENERIC: Decline =
    declined("generic_decline", "Your card was declined.", NEVER_AGAIN);
pub(crate) const AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    reason: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
    advice: NEVER_AGAIN,
};
const INSUFFICIENT_FUNDS: Decline =
    declined("insufficient_funds", "Your card has insufficient funds.", DELIVERY_DELAY);
const LOST: Decline = declined("lost_card", "Your card was declined.", NEVER_AGAIN);
const STOLEN: Decline = declined("stolen_card", "Your card was declined.", NEVER_AGAIN);
const FRAUDULENT: Decline = declined("fraudulent", "Your card was declined.", NEVER_AGAIN);
const VELOCITY: Decline = declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    DELIVERY_DELAY,
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
    advice: DELIVERY_DELAY,
};

const NEVER_AGAIN: &str = "do_not_try_again";
const DELIVERY_DELAY: &str = "try_again_later";

const fn declined(reason: &'static str, message: &'static str, advice: &'static str) -> Decline {
    Decline { code: "card_declined", reason, message, advice }
}

const VISA: Card = Card {
    brand: "visa",
    last4: "4242",
    risk: Risk::Normal,
    issuer: Issuer::Approves,
    refund: RefundFate::Succeeds,
    disputed: false,
};

const fn declines(decline: &'static Decline) -> Card {
    Card { last4: "0002", issuer: Issuer::Declines(decline), ..VISA }
}

/// The cards by name, without the `pm_card_` that all begin with.
const CARDS: &[(&str, Card)] = &[
    ("visa", VISA),
    ("us", VISA),
    ("visa_debit", Card { last4: "5556", ..VISA }),
    ("mastercard", Card { brand: "mastercard", last4: "4444", ..VISA }),
    ("mastercard_debit", Card { brand: "mastercard", last4: "3222", ..VISA }),
    ("amex", Card { brand: "amex", last4: "8431", ..VISA }),
    ("discover", Card { brand: "discover", last4: "1117", ..VISA }),
    ("chargeDeclined", declines(&GENERIC)),
    ("chargeDeclinedInsufficientFunds", declines(&INSUFFICIENT_FUNDS)),
    ("chargeDeclinedLostCard", declines(&LOST)),
    ("chargeDeclinedStolenCard", declines(&STOLEN)),
    ("chargeDeclinedFraudulent", declines(&FRAUDULENT)),
    ("chargeDeclinedVelocityLimitExceeded", declines(&VELOCITY)),
    ("chargeDeclinedExpiredCard", declines(&EXPIRED)),
    ("chargeDeclinedIncorrectCvc", declines(&INCORRECT_CVC)),
    ("chargeDeclinedProcessingError", declines(&PROCESSING_ERROR)),
    ("chargeCustomerFail", declines(&GENERIC)),
    ("radarBlock", Card { risk: Risk::Highest, ..declines(&FRAUDULENT) }),
    ("riskLevelElevated", Card { last4: "9235", risk: Risk::Elevated, ..VISA }),
    ("riskLevelHighest", Card { last4: "4954", risk: Risk::Highest, ..VISA }),
    ("authenticationRequired", Card { last4: "3184", issuer: Issuer::Authenticates, ..VISA }),
    ("threeDSecure2Required", Card { last4: "3220", issuer: Issuer::Authenticates, ..VISA }),
    ("pendingRefund", Card { last4: "7726", refund: RefundFate::PendsFirst, ..VISA }),
    ("refundFail", Card { last4: "5126", refund: RefundFate::FailsLater, ..VISA }),
    ("createDispute", Card { last4: "0259", disputed: true, ..VISA }),
    // Ours, not Stripe's: no card of theirs stays in `processing`, nor has a refund fail that
    // was pending.
    ("lookalikeProcessing", Card { last4: "7777", issuer: Issuer::AnswersLater, ..VISA }),
    (
        "lookalikeRefundPendsThenFails",
        Card { last4: "7778", refund: RefundFate::PendsThenFails, ..VISA },
    ),
];

/// The card behind a token; none where the gateway would know no such payment method.
///
/// An id like those that the browser's script makes (`pm_1…`) stands for a plain card.
pub(crate) fn find(token: &str) -> Option<&'static Card> {
    if let Some(name) = token.strip_prefix("pm_card_") {
        let plain = name.strip_prefix("visa_").unwrap_or(name);
        let named = |requested: &str| {
            CARDS.iter().find(|(known, _)| *known == requested).map(|(_, card)| card)
        };
        return named(name).or_else(|| named(plain).filter(|card| card.brand == "visa"));
    }
    let id = token.strip_prefix("pm_1")?;
    (id.len() >= 8 && id.chars().all(|c| c.is_ascii_alphanumeric())).then_some(&VISA)
}

#[cfg(test)]
mod tests {
    use super::{Issuer, find};

    #[test]
    fn every_card_that_the_product_names_is_known_and_no_other() {
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
            ("pm_card_nobody", false),
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
    fn lost_and_stolen_are_told_apart_by_the_code_but_not_by_the_message() {
        let decline = |token| match find(token).map(|card| card.issuer) {
            Some(Issuer::Declines(decline)) => (decline.reason, decline.message),
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
