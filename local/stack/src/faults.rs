//! What is to go wrong on the stack's own side: at the store, at the functions,
//! at the state machine's API, at its events. The gateway's and the carrier's points
//! are theirs.
//!
//! A point is a name and a how-manieth call, counted for each order. Whoever
//! serves the call asks [`Faults::decide`], once, and makes what it says happen.
//!
//! | point | kinds | what `kill` kills |
//! |---|---|---|
//! | `store.` and an operation's name | `down`, `hang`, `late`, `drop-answer`, `500`, `500-with-effect`, `throttle`, `conflict`, `kill` | the process that called, after the effect; where the state machine called, the function at work on the order |
//! | `function.` and a crate's name | `down`, `hang`, `late`, `drop-answer`, `500`, `500-with-effect`, `throttle`, `kill` | the process of the invocation, before it did anything (`drop-answer`: after all of it) |
//! | `states.start`, `states.answer` | as at a function | the process that called, **before** the effect: nothing is started, nothing is heard |
//! | `events.status-change` | `drop`: the event that an execution has ended is lost | |
//! | `gateway.` and `carrier.` points | their own ([`emulators::faults`]) | the function at work on the order, after the effect |
//!
//! So an order that was written and never started is `states.start`, `kill`; an answer
//! that was recorded and never sent is `states.answer`, `kill`; and an execution that
//! ended unnoticed but for the schedule is `events.status-change`, `drop`. An invocation
//! of `order-api` has no order at its top: at `function.order-api` calls are counted for
//! all orders together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use emulators::faults::{FaultKind, FaultPlan, FaultPoint};
use serde_json::Value;

pub use emulators::faults::{Fault, FaultPlanError};

/// The stack's points and what can happen at each.
const POINTS: &[FaultPoint] = &[
    FaultPoint {
        name: "store.",
        kinds: &[
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
    FaultPoint {
        name: "function.",
        kinds: &[
            FaultKind::ConnectionRefused,
            FaultKind::Hang,
            FaultKind::Delay,
            FaultKind::DropResponse,
            FaultKind::ServerError,
            FaultKind::ServerErrorAfterEffect,
            FaultKind::Throttle,
            FaultKind::Kill,
        ],
    },
    FaultPoint { name: "states.start", kinds: STEP_FUNCTIONS_KINDS },
    FaultPoint { name: "states.answer", kinds: STEP_FUNCTIONS_KINDS },
    FaultPoint { name: STATUS_CHANGE, kinds: &[FaultKind::Drop] },
];

/// Where the event gets lost that an execution has ended.
pub(crate) const STATUS_CHANGE: &str = "events.status-change";

const STEP_FUNCTIONS_KINDS: &[FaultKind] = &[
    FaultKind::ConnectionRefused,
    FaultKind::Hang,
    FaultKind::Delay,
    FaultKind::DropResponse,
    FaultKind::ServerError,
    FaultKind::ServerErrorAfterEffect,
    FaultKind::Throttle,
    FaultKind::Kill,
];

/// The stack's fault plan; a clone is the same plan.
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

    /// Whether a fault at this point belongs here, not to the gateway or the carrier.
    pub fn has_point(&self, at: &str) -> bool {
        self.lock().has_point(at)
    }

    /// Counts one call of `order` at `point`, and says which fault it meets.
    pub fn next_fault(&self, point: &str, order: Option<&str>) -> Option<Fault> {
        self.lock().next_fault(point, order)
    }

    /// Adds faults: all of them, or none.
    pub fn add(&self, faults: Vec<Fault>) -> Result<(), FaultPlanError> {
        self.lock().add(faults)
    }

    /// Puts faults in place of those that were there, if the new ones can be.
    pub fn replace(&self, faults: Vec<Fault>) -> Result<(), FaultPlanError> {
        let mut plan = self.lock();
        let before: Vec<_> = plan.faults().cloned().collect();
        plan.clear();
        plan.add(faults).inspect_err(|_| {
            // They were taken before, so they are taken again.
            let _ = plan.add(before);
        })
    }

    /// Adds what a `POST /_faults` holds: a list of faults, or `{"faults": […]}`.
    pub fn add_json(&self, faults: &Value) -> Result<(), FaultPlanError> {
        self.add(Fault::parse_list(faults)?)
    }

    /// Takes every fault away; the counts of calls stay.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The plan as it is shown, with how often each fault was met.
    pub fn to_json(&self) -> Value {
        self.lock().to_json()
    }

    fn lock(&self) -> MutexGuard<'_, FaultPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
