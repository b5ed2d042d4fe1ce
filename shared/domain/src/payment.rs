//! The payment of an order: what is on record, what the payment provider holds, and what
//! each state of a payment intent means to each operation.
//!
//! | intent | authorize | capture | cancel |
//! |---|---|---|---|
//! | `requires_confirmation` | confirm it | `PaymentNotCapturable` | void it |
//! | `requires_payment_method`, `requires_action` | `PaymentDeclined` | `PaymentNotCapturable` | void it |
//! | `processing` | unknown | unknown | unknown |
//! | `requires_capture` | done | capture it | void it |
//! | `succeeded` in full, nothing refunded | done | done | refund it in full |
//! | `succeeded`, only a part captured | `PaymentNotCapturable` | `PaymentNotCapturable` | refund what was captured |
//! | `succeeded`, refunded | `PaymentNotCapturable` | `PaymentNotCapturable` | done |
//! | `canceled` | `PaymentNotCapturable` | `PaymentNotCapturable` | done |
//!
//! An intent that seems unconfirmed is voided too: a confirmation may be in flight.

use serde::{Deserialize, Serialize};

use crate::{ErrorName, Money, PaymentIntentId, Timestamp};

/// The payment on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The only intent of this order, stored before it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<PaymentIntentId>,
    /// The number in the idempotency keys. It rises only after a lookup showed that a
    /// call had no effect.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// The status, as far as it is known.
    pub status: PaymentStatus,
    /// When the authorization expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_before: Option<Timestamp>,
    /// What was refunded of a fulfilled order, in minor units: by hand, at the provider.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: u64,
    /// Whether captured money may be refunded.
    #[serde(default, skip_serializing_if = "RefundPermission::is_not_asked")]
    pub refund_permission: RefundPermission,
}

/// Whether captured money may be refunded, as far as operators decided. It outlives the
/// decision that set it, restarts and attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundPermission {
    /// No operator was asked. The workflow refunds what it captured.
    #[default]
    NotAsked,
    /// An operator had the order compensated and did not permit a refund.
    Refused,
    /// An operator permitted it. That never changes.
    Granted,
}

impl RefundPermission {
    /// The permission after another decision of an operator.
    #[must_use]
    pub const fn after(self, refund: bool) -> Self {
        if refund || matches!(self, Self::Granted) { Self::Granted } else { Self::Refused }
    }

    /// Whether a refund may be requested.
    pub const fn permits(self) -> bool {
        !matches!(self, Self::Refused)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(minor: &u64) -> bool {
    *minor == 0
}

/// The status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Nothing is authorized.
    None,
    /// The card issuer holds the money for the shop.
    Authorized,
    /// The money is captured.
    Captured,
    /// The hold is released, or there never was one.
    Voided,
    /// The money is refunded, or the refund is on its way.
    Refunded,
    /// The refund failed: an operator must act.
    RefundFailed,
}

impl Payment {
    /// The payment of a new order.
    pub const fn initial() -> Self {
        Self {
            intent_id: None,
            attempt: 1,
            status: PaymentStatus::None,
            capture_before: None,
            refunded: 0,
            refund_permission: RefundPermission::NotAsked,
        }
    }

    /// Whether the payment was ever authorized.
    pub fn was_authorized(&self) -> bool {
        !matches!(self.status, PaymentStatus::None)
    }
}

/// The state of a payment intent, in the payment provider's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum PaymentIntentState {
    /// There is no card, or the last one was declined.
    RequiresPaymentMethod,
    /// Created and not confirmed.
    RequiresConfirmation,
    /// The card issuer wants the customer to authenticate.
    RequiresAction,
    /// The card issuer has not answered yet.
    Processing,
    /// Authorized.
    RequiresCapture,
    /// Captured.
    Succeeded,
    /// Canceled, by the shop or because the authorization expired.
    Canceled,
}

impl PaymentIntentState {
    /// Every state.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

/// The payment provider's assessment of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskLevel {
    /// Normal, or not assessed.
    Normal,
    /// An operator should review the order.
    Elevated,
    /// The provider wants the charge reviewed by a person, or a review of it is open.
    ManualReview,
}

/// A payment intent, as the payment provider shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentIntent {
    /// Its id.
    pub id: PaymentIntentId,
    /// Its state.
    pub state: PaymentIntentState,
    /// The amount to charge.
    pub amount: Money,
    /// The captured amount, in minor units. A capture of a part is final too.
    pub received_minor: u64,
    /// The refunded amount, in minor units.
    pub refunded_minor: u64,
    /// When the authorization expires; known once there is one.
    pub capture_before: Option<Timestamp>,
    /// The risk assessment.
    pub risk: RiskLevel,
    /// Whether the customer disputes the charge.
    pub disputed: bool,
}

/// What a forward operation does next about an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardAction {
    /// Make the call.
    Call,
    /// The call had its effect already.
    AlreadyDone,
    /// The call can never have its effect.
    Reject(ErrorName),
    /// Undecided: look again later.
    Unknown,
}

/// What canceling the payment takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAction {
    /// Cancel the intent.
    Void,
    /// Refund it in full.
    Refund,
    /// Nothing is left to give back.
    AlreadyDone,
    /// Undecided: look again later.
    Unknown,
}

impl PaymentIntent {
    /// Whether the whole amount is captured, and nothing of it refunded. A part that was
    /// captured by hand does not pay the order.
    pub const fn is_captured_in_full(&self) -> bool {
        self.received_minor == self.amount.amount_minor() && self.refunded_minor == 0
    }

    /// Whether all that was captured is refunded.
    pub const fn is_refunded_in_full(&self) -> bool {
        self.refunded_minor >= self.received_minor
    }

    /// What `authorize` does about this intent.
    pub fn next_for_authorize(&self) -> ForwardAction {
        match self.state {
            PaymentIntentState::RequiresConfirmation => ForwardAction::Call,
            PaymentIntentState::RequiresPaymentMethod | PaymentIntentState::RequiresAction => {
                ForwardAction::Reject(ErrorName::PaymentDeclined)
            }
            PaymentIntentState::Processing => ForwardAction::Unknown,
            PaymentIntentState::RequiresCapture => ForwardAction::AlreadyDone,
            PaymentIntentState::Succeeded if self.is_captured_in_full() => {
                ForwardAction::AlreadyDone
            }
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
            PaymentIntentState::Succeeded if self.is_captured_in_full() => {
                ForwardAction::AlreadyDone
            }
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
        let is_captured = state == PaymentIntentState::Succeeded;
        PaymentIntent {
            id: PaymentIntentId::parse("intent-1").unwrap(),
            state,
            amount: Money::new(500, Currency::Usd),
            received_minor: if is_captured { 500 } else { 0 },
            refunded_minor,
            capture_before: None,
            risk: RiskLevel::Normal,
            disputed: false,
        }
    }

    #[test]
    fn a_granted_refund_stays_granted() {
        use RefundPermission::{Granted, NotAsked, Refused};
        let check = |before: RefundPermission, refund, after| {
            assert_eq!(before.after(refund), after, "{before:?} {refund}");
        };
        check(NotAsked, false, Refused);
        check(NotAsked, true, Granted);
        check(Refused, false, Refused);
        check(Refused, true, Granted);
        check(Granted, false, Granted);
        check(Granted, true, Granted);
        assert!(NotAsked.permits() && Granted.permits() && !Refused.permits());
    }

    #[test]
    fn each_operation_acts_on_each_state_of_an_intent_as_the_table_says() {
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

    #[test]
    fn a_part_that_was_captured_pays_nothing_and_is_refunded() {
        let gone = ForwardAction::Reject(ErrorName::PaymentNotCapturable);
        let part =
            PaymentIntent { received_minor: 499, ..intent(PaymentIntentState::Succeeded, 0) };
        assert_eq!((part.next_for_authorize(), part.next_for_capture()), (gone, gone));
        assert_eq!(part.next_for_cancel(), CancelAction::Refund);
        assert!(PaymentIntent { refunded_minor: 499, ..part }.is_refunded_in_full());
    }
}
