//! The money of an order: what is on record, what the gateway holds, and what
//! each state of an intent means to each operation (`workflow.md`, section 2).

use serde::{Deserialize, Serialize};

use crate::{Fault, IntentId, Moment, Money};

/// What is on record about the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The one intent of this order, stored before it is ever confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<IntentId>,
    /// The number in the idempotency keys. It rises only after a look-up showed
    /// that a call had no effect.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// How far the money has got, as far as we know.
    pub status: PaymentStatus,
    /// When the authorisation lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_before: Option<Moment>,
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
    pub const fn none() -> Self {
        Self { intent_id: None, attempt: 1, status: PaymentStatus::None, capture_before: None }
    }

    /// Whether the money was authorised, whatever became of it.
    pub fn was_authorised(&self) -> bool {
        !matches!(self.status, PaymentStatus::None)
    }
}

/// The state of a payment intent, in the gateway's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
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

impl IntentState {
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
pub enum Risk {
    /// Nothing unusual, or not assessed.
    Normal,
    /// A person should look.
    Elevated,
}

/// A payment intent as the gateway shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: IntentId,
    /// Its state.
    pub state: IntentState,
    /// What it is for.
    pub amount: Money,
    /// How much of it went back, in minor units.
    pub refunded_minor: u64,
    /// When the authorisation lapses; known once there is one.
    pub capture_before: Option<Moment>,
    /// The gateway's risk assessment.
    pub risk: Risk,
    /// Whether the customer disputes the charge at their bank.
    pub disputed: bool,
}

/// What an operation that goes forward does next about an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Make the call that the operation is for.
    Call,
    /// It has its effect already.
    Done,
    /// It can never have it.
    Refuse(Fault),
    /// Nobody knows yet: ask again later.
    Unknown,
}

/// What undoing the money takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Cancel the intent. Also when it seems unconfirmed: a confirmation may be in flight.
    Void,
    /// Give all of it back.
    Refund,
    /// Nothing is left to undo.
    Done,
    /// Nobody knows yet: ask again later.
    Unknown,
}

impl Intent {
    /// What `authorize` does about this intent.
    pub fn next_for_authorize(&self) -> Forward {
        match self.state {
            IntentState::RequiresConfirmation => Forward::Call,
            IntentState::RequiresPaymentMethod | IntentState::RequiresAction => {
                Forward::Refuse(Fault::PaymentDeclined)
            }
            IntentState::Processing => Forward::Unknown,
            IntentState::RequiresCapture => Forward::Done,
            IntentState::Succeeded if self.refunded_minor == 0 => Forward::Done,
            IntentState::Succeeded | IntentState::Canceled => {
                Forward::Refuse(Fault::PaymentNotCapturable)
            }
        }
    }

    /// What `capture` does about this intent.
    pub fn next_for_capture(&self) -> Forward {
        match self.state {
            IntentState::RequiresCapture => Forward::Call,
            IntentState::Processing => Forward::Unknown,
            IntentState::Succeeded if self.refunded_minor == 0 => Forward::Done,
            IntentState::RequiresConfirmation
            | IntentState::RequiresPaymentMethod
            | IntentState::RequiresAction
            | IntentState::Succeeded
            | IntentState::Canceled => Forward::Refuse(Fault::PaymentNotCapturable),
        }
    }

    /// What `cancel` does about this intent.
    pub fn next_for_cancel(&self) -> Undo {
        match self.state {
            IntentState::RequiresConfirmation
            | IntentState::RequiresPaymentMethod
            | IntentState::RequiresAction
            | IntentState::RequiresCapture => Undo::Void,
            IntentState::Processing => Undo::Unknown,
            IntentState::Succeeded if self.refunded_minor == 0 => Undo::Refund,
            IntentState::Succeeded | IntentState::Canceled => Undo::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn intent(state: IntentState, refunded_minor: u64) -> Intent {
        Intent {
            id: IntentId::parse("pi_1").unwrap(),
            state,
            amount: Money::new(500, Currency::Usd),
            refunded_minor,
            capture_before: None,
            risk: Risk::Normal,
            disputed: false,
        }
    }

    #[test]
    fn each_state_of_an_intent_means_to_each_operation_what_the_table_says() {
        use Forward::{Call, Refuse};
        use IntentState as S;
        let declined = Refuse(Fault::PaymentDeclined);
        let gone = Refuse(Fault::PaymentNotCapturable);
        let check = |state, refunded, authorize, capture, cancel| {
            let intent = intent(state, refunded);
            assert_eq!(intent.next_for_authorize(), authorize, "authorize {state:?}");
            assert_eq!(intent.next_for_capture(), capture, "capture {state:?}");
            assert_eq!(intent.next_for_cancel(), cancel, "cancel {state:?}");
        };
        check(S::RequiresConfirmation, 0, Call, gone, Undo::Void);
        check(S::RequiresPaymentMethod, 0, declined, gone, Undo::Void);
        check(S::RequiresAction, 0, declined, gone, Undo::Void);
        check(S::Processing, 0, Forward::Unknown, Forward::Unknown, Undo::Unknown);
        check(S::RequiresCapture, 0, Forward::Done, Call, Undo::Void);
        check(S::Succeeded, 0, Forward::Done, Forward::Done, Undo::Refund);
        check(S::Succeeded, 500, gone, gone, Undo::Done);
        check(S::Canceled, 0, gone, gone, Undo::Done);
    }
}
