//! The states of the workflow: one table, which lists each state of
//! `statemachine.asl.json` once.
//!
//! [`State::row`] is that table. It says for each state what it does, what it takes
//! from the outside (money, stock, a label) or gives back, and how an order ends that
//! fails there. The outcome rule ([`compensation`](crate::compensation)) derives from
//! it; the state machine file, the template and the sample events are compared with it
//! by tests.
//!
//! A variant of [`State`] and its row are one step of the checklist "Add a state" in
//! `CONTRIBUTING.md`; the workflow, the function and the template are others.

use crate::attention::Attention;
use crate::operation::{InventoryOperation, Operation, PaymentOperation, ShippingOperation};
use crate::outcome::Outcome;
use crate::{ErrorName, Status};

/// A state of the state machine, in the order of its file.
///
/// Orders on record carry the names of the states that failed, so a deployed name is
/// never renamed or removed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum State {
    /// Whether the order has a date in the future.
    ScheduledForLater,
    /// Waits for that date.
    WaitUntilScheduled,
    /// Authorizes the payment and decides whether an operator must review the order.
    ProcessPayment,
    /// Whether an operator must review the order.
    ReviewRequired,
    /// Waits for the review.
    AwaitReview,
    /// Reserves every line of the order, or none.
    CheckInventory,
    /// Whether the stock is reserved, or the order waits for a restock.
    InventoryCheckPassed,
    /// Waits for the restock.
    AwaitRestock,
    /// Buys the label.
    InitiateShipping,
    /// Captures the payment and fulfills the order.
    CapturePayment,
    /// Marks the order as out of stock.
    OutOfStock,
    /// Refunds the label.
    CancelShipment,
    /// Releases the stock.
    ReleaseInventory,
    /// Voids or refunds the payment and closes the order.
    CancelPayment,
    /// Waits for an operator.
    AwaitOperator,
    /// What the operator decided.
    OperatorDecision,
    /// How the order ended.
    FailureOutcome,
    /// Ends the execution of an order that turned out to be fulfilled already.
    OrderFulfilled,
    /// Ends the execution of an order whose payment failed.
    PaymentFailureHandler,
    /// Ends the execution of an order that is out of stock, or whose reservation failed.
    InventoryFailureHandler,
    /// Ends the execution of an order that could not be shipped.
    ShippingFailureHandler,
    /// Ends the execution of an order that was rejected.
    OrderRejected,
    /// Ends the execution of an order that was canceled.
    OrderCancelled,
    /// Ends an execution that does not own its order any more.
    OrderSuperseded,
}

/// What a state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Choice state.
    Choice,
    /// A Wait state.
    Wait,
    /// A Pass state.
    Pass,
    /// A Task state that calls a function.
    Task(Operation),
    /// A Task state that stores its task token on the order, sets this status and the
    /// [`Attention`] that the status waits for, and waits.
    WaitForToken(Status),
    /// A Succeed state.
    Succeed,
    /// A Fail state.
    Fail {
        /// The execution's error.
        error: &'static str,
        /// The execution's cause.
        cause: &'static str,
    },
}

impl Kind {
    /// The `Type` of the state in the state machine file.
    pub const fn state_type(self) -> &'static str {
        match self {
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Pass => "Pass",
            Self::Task(_) | Self::WaitForToken(_) => "Task",
            Self::Succeed => "Succeed",
            Self::Fail { .. } => "Fail",
        }
    }

    /// The attention that a waiting task sets.
    pub const fn attention(self) -> Option<Attention> {
        match self {
            Self::WaitForToken(status) => status.waits_for(),
            _ => None,
        }
    }
}

/// What a step takes, and a compensating step gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum Effect {
    /// The customer's money, held or captured.
    Money,
    /// The goods of the order.
    Stock,
    /// A shipping label.
    Label,
}

impl Effect {
    /// Every effect, in the order in which the workflow has them.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The state that gives it back.
    pub fn compensated_by(self) -> Option<State> {
        State::ALL.iter().copied().find(|state| state.row().gives_back == Some(self))
    }
}

/// What failing in a state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The order is compensated and ends like this, unless a stronger rule applies.
    EndsAs(Outcome),
    /// The outcome is decided elsewhere: the state compensates, or waits for an
    /// operator. Failing there is recorded and changes no outcome.
    NoOutcome,
    /// The state has no Catch, so that it never appears among the states that failed.
    NotCaught,
}

/// What the table says about a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What it does.
    pub kind: Kind,
    /// What it takes, possibly even when it fails.
    pub takes: Option<Effect>,
    /// What it gives back.
    pub gives_back: Option<Effect>,
    /// An effect that an earlier state takes but that is not held when this state runs.
    /// The Catch need not give it back.
    pub not_held: Option<Effect>,
    /// What failing there means.
    pub on_failure: OnFailure,
    /// The statuses of the orders that are in this state, while they do not compensate.
    pub holds: &'static [Status],
    /// An error with which the order waits for an operator instead: our account at a
    /// provider has a problem, which is not the fault of the order.
    pub escalates: Option<ErrorName>,
}

impl Row {
    const fn new(kind: Kind) -> Self {
        let on_failure = OnFailure::NotCaught;
        Self {
            kind,
            takes: None,
            gives_back: None,
            not_held: None,
            on_failure,
            holds: &[],
            escalates: None,
        }
    }

    const fn payment(operation: PaymentOperation) -> Self {
        Self::new(Kind::Task(Operation::Payment(operation)))
    }

    const fn inventory(operation: InventoryOperation) -> Self {
        Self::new(Kind::Task(Operation::Inventory(operation)))
    }

    const fn shipping(operation: ShippingOperation) -> Self {
        Self::new(Kind::Task(Operation::Shipping(operation)))
    }

    const fn waits(status: Status) -> Self {
        Self::new(Kind::WaitForToken(status))
    }

    const fn fails(error: &'static str, cause: &'static str) -> Self {
        Self::new(Kind::Fail { error, cause })
    }

    const fn takes(self, effect: Effect) -> Self {
        Self { takes: Some(effect), ..self }
    }

    const fn gives_back(self, effect: Effect) -> Self {
        Self { gives_back: Some(effect), ..self.without_outcome() }
    }

    const fn without(self, effect: Effect) -> Self {
        Self { not_held: Some(effect), ..self }
    }

    const fn ends_as(self, outcome: Outcome) -> Self {
        Self { on_failure: OnFailure::EndsAs(outcome), ..self }
    }

    const fn holds(self, statuses: &'static [Status]) -> Self {
        Self { holds: statuses, ..self }
    }

    const fn escalates(self, error: ErrorName) -> Self {
        Self { escalates: Some(error), ..self }
    }

    const fn without_outcome(self) -> Self {
        Self { on_failure: OnFailure::NoOutcome, ..self }
    }
}

/// The table: every state, in the order of [`State`].
const TABLE: [(State, Row); State::ALL.len()] = [
    // The way forward.
    (State::ScheduledForLater, Row::new(Kind::Choice)),
    (State::WaitUntilScheduled, Row::new(Kind::Wait).holds(&[Status::Scheduled])),
    (
        State::ProcessPayment,
        Row::payment(PaymentOperation::Authorize)
            .holds(&[Status::Received])
            .takes(Effect::Money)
            .ends_as(Outcome::PaymentFailed)
            .escalates(ErrorName::PaymentMisconfigured),
    ),
    (State::ReviewRequired, Row::new(Kind::Choice)),
    (
        State::AwaitReview,
        Row::waits(Status::InReview).holds(&[Status::InReview]).ends_as(Outcome::Rejected),
    ),
    (
        State::CheckInventory,
        Row::inventory(InventoryOperation::Reserve)
            .holds(&[Status::Authorized])
            .takes(Effect::Stock)
            .ends_as(Outcome::InventoryFailed),
    ),
    (State::InventoryCheckPassed, Row::new(Kind::Choice)),
    // Entered only if the step before reserved nothing.
    (
        State::AwaitRestock,
        Row::waits(Status::Backordered)
            .holds(&[Status::Backordered])
            .without(Effect::Stock)
            .ends_as(Outcome::OutOfStock),
    ),
    (
        State::InitiateShipping,
        // It stores the shipment (SHIPPING) before it buys the label.
        Row::shipping(ShippingOperation::Book)
            .holds(&[Status::Reserved, Status::Shipping])
            .takes(Effect::Label)
            .ends_as(Outcome::ShippingFailed)
            .escalates(ErrorName::CarrierMisconfigured),
    ),
    (
        State::CapturePayment,
        Row::payment(PaymentOperation::Capture)
            .takes(Effect::Money)
            .ends_as(Outcome::PaymentFailed),
    ),
    // Reports the shortage as a state that failed.
    (State::OutOfStock, Row::new(Kind::Pass).ends_as(Outcome::OutOfStock)),
    // Compensation, in reverse order.
    (State::CancelShipment, Row::shipping(ShippingOperation::Cancel).gives_back(Effect::Label)),
    (
        State::ReleaseInventory,
        Row::inventory(InventoryOperation::Release).gives_back(Effect::Stock),
    ),
    (State::CancelPayment, Row::payment(PaymentOperation::Cancel).gives_back(Effect::Money)),
    (
        State::AwaitOperator,
        Row::waits(Status::NeedsAttention).holds(&[Status::NeedsAttention]).without_outcome(),
    ),
    (State::OperatorDecision, Row::new(Kind::Choice)),
    // The end of the execution.
    (State::FailureOutcome, Row::new(Kind::Choice)),
    (State::OrderFulfilled, Row::new(Kind::Succeed)),
    (
        State::PaymentFailureHandler,
        Row::fails("PaymentProcessingError", "Payment processing failed"),
    ),
    (
        State::InventoryFailureHandler,
        Row::fails("InventoryCheckError", "Inventory check failed or insufficient inventory"),
    ),
    (State::ShippingFailureHandler, Row::fails("ShippingError", "Shipping could not be booked")),
    (
        State::OrderRejected,
        Row::fails("OrderRejected", "The order was rejected in review, or its review expired"),
    ),
    (State::OrderCancelled, Row::fails("OrderCancelled", "The customer canceled the order")),
    (State::OrderSuperseded, Row::fails("OrderSuperseded", "Another execution owns the order")),
];

// `State::row` finds a row by its place.
const _: () = {
    let mut place = 0;
    while place < TABLE.len() {
        assert!(TABLE[place].0 as usize == place, "`TABLE` is not in the order of `State`");
        place += 1;
    }
};

impl State {
    /// Every state, in the order of the state machine file.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// What the table says about this state.
    pub const fn row(self) -> Row {
        TABLE[self as usize].1
    }

    /// The name in the state machine file.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The state that orders of this status are in while they do not compensate; none for
    /// a closed status.
    pub fn holding(status: Status) -> Option<Self> {
        rows().find(|(_, row)| row.holds.contains(&status)).map(|(state, _)| state)
    }

    /// Whether the state may appear among the states that failed.
    pub const fn is_caught(self) -> bool {
        !matches!(self.row().on_failure, OnFailure::NotCaught)
    }

    /// The Fail state in which the execution of an order ends that has this outcome.
    pub const fn for_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::PaymentFailed => Self::PaymentFailureHandler,
            Outcome::OutOfStock | Outcome::InventoryFailed => Self::InventoryFailureHandler,
            Outcome::ShippingFailed => Self::ShippingFailureHandler,
            Outcome::Rejected => Self::OrderRejected,
            Outcome::Cancelled => Self::OrderCancelled,
        }
    }
}

/// Every state with its row, in the order of the state machine file.
pub fn rows() -> impl Iterator<Item = (State, Row)> {
    TABLE.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_takes_one_compensating_step_gives_back() {
        for effect in Effect::ALL {
            let takes = rows().filter(|(_, row)| row.takes == Some(*effect)).count();
            let gives_back = rows().filter(|(_, row)| row.gives_back == Some(*effect)).count();
            assert!(takes >= 1, "{effect} is never taken");
            assert_eq!(gives_back, 1, "{effect}");
        }
    }

    #[test]
    fn compensation_runs_in_the_reverse_order() {
        let taken: Vec<Effect> = rows().filter_map(|(_, row)| row.takes).collect();
        let mut first_taken = taken;
        first_taken.dedup();
        first_taken.truncate(Effect::ALL.len());
        let mut given_back: Vec<Effect> = rows().filter_map(|(_, row)| row.gives_back).collect();
        given_back.reverse();
        assert_eq!(given_back, first_taken);
        assert_eq!(given_back, Effect::ALL);
    }

    #[test]
    fn a_step_that_takes_something_says_how_an_order_ends_that_fails_there() {
        for (state, row) in rows().filter(|(_, row)| row.takes.is_some()) {
            assert!(matches!(row.on_failure, OnFailure::EndsAs(_)), "{state}");
        }
    }

    #[test]
    fn every_task_is_caught_and_no_choice_wait_or_end_is() {
        for (state, row) in rows() {
            let expected = matches!(row.kind, Kind::Task(_) | Kind::WaitForToken(_) | Kind::Pass);
            assert_eq!(state.is_caught(), expected, "{state}");
        }
    }

    #[test]
    fn compensating_states_and_the_operator_decide_no_outcome() {
        for (state, row) in rows() {
            let expected = row.gives_back.is_some() || state == State::AwaitOperator;
            assert_eq!(row.on_failure == OnFailure::NoOutcome, expected, "{state}");
        }
    }

    #[test]
    fn every_operation_is_called_by_one_state() {
        let called =
            |operation| rows().filter(|(_, row)| row.kind == Kind::Task(operation)).count();
        for operation in Operation::all() {
            assert_eq!(called(operation), 1, "{operation:?}");
        }
    }

    #[test]
    fn every_wait_has_a_status_that_waits_and_every_such_status_a_wait() {
        let waits: Vec<Status> = rows()
            .filter_map(|(_, row)| match row.kind {
                Kind::WaitForToken(status) => Some(status),
                _ => None,
            })
            .collect();
        let waiting: Vec<Status> =
            Status::ALL.iter().copied().filter(|status| status.waits_for().is_some()).collect();
        assert_eq!(waits, waiting);
    }

    #[test]
    fn every_status_that_is_not_closed_is_held_by_one_state() {
        for status in Status::ALL.iter().copied() {
            let holding = rows().filter(|(_, row)| row.holds.contains(&status)).count();
            assert_eq!(holding, usize::from(!status.is_closed()), "{status}");
        }
        for (state, row) in rows() {
            if let Kind::WaitForToken(status) = row.kind {
                assert_eq!(State::holding(status), Some(state));
            }
        }
    }

    #[test]
    fn every_outcome_has_a_fail_state() {
        for outcome in Outcome::ALL {
            let state = State::for_outcome(*outcome);
            assert!(matches!(state.row().kind, Kind::Fail { .. }), "{outcome}");
        }
    }

    #[test]
    fn serde_and_strum_agree_on_the_names() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
    }
}
