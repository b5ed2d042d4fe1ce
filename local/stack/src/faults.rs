//! The fault plan of the stack's own services: DynamoDB, the functions, the Step Functions
//! API and its events. The provider emulators have their own plans.
//!
//! A fault applies to the nth call at a point, counted for each order. The service that
//! handles a call asks [`Faults::next_fault`] once and injects the result.
//!
//! | point | kinds | what `kill` kills |
//! |---|---|---|
//! | `store.` and an operation's name | `refuse` (the conditions fail), `down`, `hang`, `late`, `drop-answer`, `500`, `500-with-effect`, `throttle`, `conflict`, `kill` | the calling worker, after the effect; for a call by the state machine, the worker that runs an invocation for the order |
//! | `function.` and a crate's name | `down`, `hang`, `late`, `drop-answer`, `500`, `500-with-effect`, `throttle`, `kill` | the worker of the invocation, before any effect (`drop-answer`: after all effects) |
//! | `states.start`, `states.answer` | as at a function | the calling worker, **before** the effect: no execution starts, no task ends |
//! | `events.status-change` | `drop`: the event for the end of an execution is lost | |
//! | `gateway.` and `carrier.` points | see [`emulators::faults`] | the worker that runs an invocation for the order, after the effect |
//!
//! Examples: `states.start`, `kill` stores an order and starts no execution.
//! `states.answer`, `kill` stores a decision and never sends it. With
//! `events.status-change`, `drop`, only the schedule discovers that an execution ended. An
//! event of `order-api` has no top-level order id, so calls at `function.order-api` are
//! counted for all orders together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use emulators::faults::{FaultKind, FaultPlan, FaultPoint};
use serde_json::Value;

pub use emulators::faults::{Fault, FaultPlanError};

/// The stack's fault points and the kinds that each supports.
const POINTS: &[FaultPoint] = &[
    FaultPoint {
        name: "store.",
        kinds: &[
            FaultKind::Reject,
            FaultKind::ConnectionRefused,
            FaultKind::Hang,
            FaultKind::Delay,
            FaultKind::DropResponse,
            FaultKind::ServerError,
            FaultKind::ServerErrorAfterEffect,
            FaultKind::Throttle,
            FaultKind::Conflict,
            FaultKind::Kill,
        ],
    },
    FaultPoint { name: "function.", kinds: CALL_FAULTS },
    FaultPoint { name: "states.start", kinds: CALL_FAULTS },
    FaultPoint { name: "states.answer", kinds: CALL_FAULTS },
    FaultPoint { name: STATUS_CHANGE, kinds: &[FaultKind::Drop] },
];

/// The kinds that every call to a function or to Step Functions supports.
const CALL_FAULTS: &[FaultKind] = &[
    FaultKind::ConnectionRefused,
    FaultKind::Hang,
    FaultKind::Delay,
    FaultKind::DropResponse,
    FaultKind::ServerError,
    FaultKind::ServerErrorAfterEffect,
    FaultKind::Throttle,
    FaultKind::Kill,
];

/// The point at which the event for the end of an execution is lost.
pub(crate) const STATUS_CHANGE: &str = "events.status-change";

/// The stack's fault plan. A clone is the same plan.
#[derive(Debug, Clone)]
pub struct Faults {
    plan: Arc<Mutex<FaultPlan>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { plan: Arc::new(Mutex::new(FaultPlan::new(POINTS))) }
    }
}

impl Faults {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this point is one of the stack's, and not one of a provider emulator.
    pub fn has_point(&self, at: &str) -> bool {
        self.lock().has_point(at)
    }

    /// Counts one call for `order` at `point`. Returns the fault that applies to it.
    pub fn next_fault(&self, point: &str, order: Option<&str>) -> Option<Fault> {
        self.lock().next_fault(point, order)
    }

    /// Adds all faults, or none.
    ///
    /// # Errors
    /// When a fault has an unknown point or an unsupported kind.
    pub fn add(&self, faults: Vec<Fault>) -> Result<(), FaultPlanError> {
        self.lock().add(faults)
    }

    /// Replaces all faults. The plan stays as it was if a new fault is invalid.
    ///
    /// # Errors
    /// When a fault has an unknown point or an unsupported kind.
    pub fn replace(&self, faults: Vec<Fault>) -> Result<(), FaultPlanError> {
        let mut plan = self.lock();
        let before: Vec<_> = plan.faults().cloned().collect();
        plan.clear();
        plan.add(faults).inspect_err(|_| {
            // The plan accepted them before, so this does not fail.
            let _ = plan.add(before);
        })
    }

    /// Adds the faults in the body of a `POST /_faults`: a list, or `{"faults": […]}`.
    ///
    /// # Errors
    /// When the JSON is invalid, or a fault has an unknown point or an unsupported kind.
    pub fn add_json(&self, faults: &Value) -> Result<(), FaultPlanError> {
        self.add(Fault::parse_list(faults)?)
    }

    /// Removes all faults. The counts of calls stay.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Removes the faults that are limited to this order. The counts of calls stay.
    pub fn clear_order(&self, order: &str) {
        self.lock().clear_order(order);
    }

    /// Reads the plan.
    pub(crate) fn with_plan<T>(&self, read: impl FnOnce(&FaultPlan) -> T) -> T {
        read(&self.lock())
    }

    /// The plan as JSON, with the number of injected faults by kind.
    pub fn to_json(&self) -> Value {
        self.lock().to_json()
    }

    fn lock(&self) -> MutexGuard<'_, FaultPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
