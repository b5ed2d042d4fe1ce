//! The money of an order: what is on record, what the gateway holds, and what
//! each state of an intent means to each operation (`workflow.md`, section 2).

use serde::{Deserialize, Serialize};

use crate::{ErrorName, Money, PaymentIntentId, Timestamp};

/// What is on record about the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The one intent of this order, stored before it is ever confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<PaymentIntentId>,
    /// The number in the idempotency keys. It rises only after a look-up showed
    /// that a call had no effect.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// How far the money has got, as far as we know.
    pub status: PaymentStatus,
    /// When the authorisation lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_before: Option<Timestamp>,
}

/// How far the money has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Nothing is authorised.
    None,
    /// The card's bank holds the money for us.
    Authorized,
    /// We have the money.
    Captured,
    /// The hold was given up, or there never was one.
    Voided,
    /// The money went back, or is on its way.
    Refunded,
    /// The gateway could not give it back: a person must.
    RefundFailed,
}

impl Payment {
    /// The record before anything was tried.
    pub const fn initial() -> Self {
        Self { intent_id: None, attempt: 1, status: PaymentStatus::None, capture_before: None }
    }

    /// Whether the money was authorised, whatever became of it.
    pub fn was_authorized(&self) -> bool {
        !matches!(self.status, PaymentStatus::None)
    }
}

/// The state of a payment intent, in the gateway's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentIntentState {
    /// No card, or the last one was refused.
    RequiresPaymentMethod,
    /// Created, not confirmed: costs nothing.
    RequiresConfirmation,
    /// The bank wants the customer to do something.
    RequiresAction,
    /// The bank has not answered yet.
    Processing,
    /// Authorised.
    RequiresCapture,
    /// Captured.
    Succeeded,
    /// Given up, by us or by the lapse of the authorisation.
    Canceled,
}

impl PaymentIntentState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::RequiresPaymentMethod,
        Self::RequiresConfirmation,
        Self::RequiresAction,
        Self::Processing,
        Self::RequiresCapture,
        Self::Succeeded,
        Self::Canceled,
    ];
}

/// How risky the gateway thinks the charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskLevel {
    /// Nothing unusual, or not assessed.
    Normal,
    /// A person should look.
    Elevated,
}

/// A payment intent as the gateway shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentIntent {
    /// Its id.
    pub id: PaymentIntentId,
    /// Its state.
    pub state: PaymentIntentState,
    /// What it is for.
    pub amount: Money,
    /// How much of it went back, in minor units.
    pub refunded_minor: u64,
    /// When the authorisation lapses; known once there is one.
    pub capture_before: Option<Timestamp>,
    /// The gateway's risk assessment.
    pub risk: RiskLevel,
    /// Whether the customer disputes the charge at their bank.
    pub disputed: bool,
}

/// What an operation that goes forward does next about an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardAction {
    /// Make the call that the operation is for.
    Call,
    /// It has its effect already.
    AlreadyDone,
    /// It can never have it.
    Reject(ErrorName),
    /// Nobody knows yet: ask again later.
    Unknown,
}

/// What undoing the money takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAction {
    /// Cancel the intent. Also when it seems unconfirmed: a confirmation may be in flight.
    Void,
    /// Give all of it back.
    Refund,
    /// Nothing is left to undo.
    AlreadyDone,
    /// Nobody knows yet: ask again later.
    Unknown,
}

impl PaymentIntent {
    /// What `authorize` does about this intent.
    pub fn next_for_authorize(&self) -> ForwardAction {
        match self.state {
            PaymentIntentState::RequiresConfirmation => ForwardAction::Call,
            PaymentIntentState::RequiresPaymentMethod | PaymentIntentState::RequiresAction => {
                ForwardAction::Reject(ErrorName::PaymentDeclined)
            }
            PaymentIntentState::Processing => ForwardAction::Unknown,
            PaymentIntentState::RequiresCapture => ForwardAction::AlreadyDone,
            PaymentIntentState::Succeeded if self.refunded_minor == 0 => ForwardAction::AlreadyDone,
            PaymentIntentState::Succeeded | PaymentIntentState::Canceled => {
                ForwardAction::Reject(ErrorName::PaymentNotCapturable)
            }
        }
    }

    /// What `capture` does about this intent.
    pub fn next_for_capture(&self) -> ForwardAction {
        match self.state {
            PaymentIntentState::RequiresCapture => ForwardAction::Call,
            PaymentIntentState::Processing => ForwardAction::Unknown,
            PaymentIntentState::Succeeded if self.refunded_minor == 0 => ForwardAction::AlreadyDone,
            PaymentIntentState::RequiresConfirmation
            | PaymentIntentState::RequiresPaymentMethod
            | PaymentIntentState::RequiresAction
            | PaymentIntentState::Succeeded
            | PaymentIntentState::Canceled => {
                ForwardAction::Reject(ErrorName::PaymentNotCapturable)
            }
        }
    }

    /// What `cancel` does about this intent.
    pub fn next_for_cancel(&self) -> CancelAction {
        match self.state {
            PaymentIntentState::RequiresConfirmation
            | PaymentIntentState::RequiresPaymentMethod
            | PaymentIntentState::RequiresAction
            | PaymentIntentState::RequiresCapture => CancelAction::Void,
            PaymentIntentState::Processing => CancelAction::Unknown,
            PaymentIntentState::Succeeded if self.refunded_minor == 0 => CancelAction::Refund,
            PaymentIntentState::Succeeded | PaymentIntentState::Canceled => {
                CancelAction::AlreadyDone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn intent(state: PaymentIntentState, refunded_minor: u64) -> PaymentIntent {
        PaymentIntent {
            id: PaymentIntentId::parse("pi_1").unwrap(),
            state,
            amount: Money::new(500, Currency::Usd),
            refunded_minor,
            capture_before: None,
            risk: RiskLevel::Normal,
            disputed: false,
        }
    }

    #[test]
    fn each_state_of_an_intent_means_to_each_operation_what_the_table_says() {
        use ForwardAction::{Call, Reject};
        use PaymentIntentState as S;
        let declined = Reject(ErrorName::PaymentDeclined);
        let gone = Reject(ErrorName::PaymentNotCapturable);
        let check = |state, refunded, authorize, capture, cancel| {
            let intent = intent(state, refunded);
            assert_eq!(intent.next_for_authorize(), authorize, "authorize {state:?}");
            assert_eq!(intent.next_for_capture(), capture, "capture {state:?}");
            assert_eq!(intent.next_for_cancel(), cancel, "cancel {state:?}");
        };
        check(S::RequiresConfirmation, 0, Call, gone, CancelAction::Void);
        check(S::RequiresPaymentMethod, 0, declined, gone, CancelAction::Void);
        check(S::RequiresAction, 0, declined, gone, CancelAction::Void);
        check(
            S::Processing,
            0,
            ForwardAction::Unknown,
            ForwardAction::Unknown,
            CancelAction::Unknown,
        );
        check(S::RequiresCapture, 0, ForwardAction::AlreadyDone, Call, CancelAction::Void);
        check(
            S::Succeeded,
            0,
            ForwardAction::AlreadyDone,
            ForwardAction::AlreadyDone,
            CancelAction::Refund,
        );
        check(S::Succeeded, 500, gone, gone, CancelAction::AlreadyDone);
        check(S::Canceled, 0, gone, gone, CancelAction::AlreadyDone);
    }
}
