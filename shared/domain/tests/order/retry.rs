//! `retry`: an operator lets an order go through its steps once more.

use domain::account::AccountProblem;
use domain::attention::AttentionCause;
use domain::decision::OperatorAction;
use domain::order::*;
use domain::payment::PaymentIntentState;
use domain::policy::ReviewPolicy;
use domain::{ErrorName, Status, TaskToken};
use testing::samples;

use crate::{compensating, now};

/// An order that waits for an operator with this token.
fn waiting(order: Order, token: &str) -> Order {
    let order = samples::waiting(order, Status::NeedsAttention, Attention::Operator);
    Order { task_token: TaskToken::parse(token).ok(), ..order }
}

fn retried(order: &Order) -> Order {
    order.apply_operator_action(OperatorAction::Retry, false, "op-1", None, now()).unwrap()
}

/// Whether the record of an authorization is possible.
fn can_authorize(order: &Order) -> bool {
    let intent = samples::payment_intent(PaymentIntentState::RequiresCapture);
    let can_take = order.ensure_can_take(Some(&order.execution)).is_ok();
    can_take && order.authorized(&intent, &ReviewPolicy::default(), now()).is_ok()
}

#[test]
fn nothing_goes_forward_from_needs_attention_without_a_recorded_retry_for_this_wait() {
    let order = waiting(samples::received(), "token-1");
    assert!(!can_authorize(&order));
    let failure = order.ensure_can_take(None).unwrap_err();
    assert_eq!(failure.name, ErrorName::InvalidRequest);
    assert!(can_authorize(&retried(&order)));
    // The execution waits for the operator again: the retry was for the wait before.
    assert!(!can_authorize(&waiting(retried(&order), "token-2")));
    for other in [OperatorAction::Capture, OperatorAction::Compensate] {
        let decided = waiting(samples::labeled(), "token-1");
        let decided = decided.apply_operator_action(other, false, "op-1", None, now()).unwrap();
        assert!(!decided.is_retried(), "{other:?}");
    }
}

#[test]
fn a_retried_order_goes_on_after_a_write_that_ends_the_wait() {
    let intent = samples::payment_intent(PaymentIntentState::RequiresConfirmation);
    let stored = retried(&waiting(samples::received(), "token-1")).with_intent(&intent.id, now());
    assert_eq!((stored.status, &stored.task_token), (Status::NeedsAttention, &None));
    assert!(can_authorize(&stored));
}

#[test]
fn a_retried_order_is_in_the_status_of_the_step_that_ran() {
    let order = retried(&waiting(samples::authorized(), "token-1"));
    assert_eq!(order.reserved(now()).unwrap().status, Status::Reserved);
    let order = retried(&waiting(samples::shipping(), "token-1"));
    let labeled = order.with_label("TRACK1", None, now());
    assert_eq!((labeled.status, labeled.attention), (Status::Shipping, None));
    let order = waiting(samples::shipping(), "token-1");
    assert_eq!(order.with_label("TRACK1", None, now()).status, Status::NeedsAttention);
}

#[test]
fn a_compensating_order_cannot_retry() {
    let order = waiting(compensating(&samples::reserved()), "token-1");
    let refused = order.apply_operator_action(OperatorAction::Retry, false, "op", None, now());
    assert_eq!(refused, Err(DecisionError::Compensating));
    let order = waiting(samples::reserved(), "token-1");
    let again =
        retried(&order).apply_operator_action(OperatorAction::Retry, false, "op", None, now());
    assert_eq!(again, Err(DecisionError::AlreadyDecided), "one wait, one decision");
    let elsewhere =
        samples::reserved().apply_operator_action(OperatorAction::Retry, false, "op", None, now());
    assert_eq!(elsewhere, Err(DecisionError::NotWaiting));
}

#[test]
fn the_cause_stays_on_record_until_a_step_goes_on() {
    let failure = ErrorName::CarrierMisconfigured.with_detail("");
    let failure = failure.with_problem(AccountProblem::WalletEmpty);
    let cause = AttentionCause::of(&failure, now()).unwrap();
    assert_eq!(
        (cause.error.as_str(), cause.problem),
        ("CarrierMisconfigured", AccountProblem::WalletEmpty)
    );
    let order = samples::shipping().with_attention_cause(&cause, now());
    let order = retried(&waiting(order, "token-1"));
    assert!(order.has_attention_cause(&cause));
    assert_eq!(order.with_label("TRACK1", None, now()).attention_cause, None);
    let other = AttentionCause::of(&ErrorName::PaymentDeclined.with_detail(""), now());
    assert_eq!(other, None, "a declined card is no problem of our account");
}
