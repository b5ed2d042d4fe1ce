//! The faults that are armed and planted, and what of them the next stack finds.

use serde::{Deserialize, Serialize};

use super::catalog::{self, CatalogFault};
use crate::faults::Faults;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The faults for the next order.
    pub(super) armed: Vec<&'static CatalogFault>,
    pub(super) planted: Vec<Planted>,
    /// Rises with each clear, so that an action of an older plan is not recorded.
    pub(super) generation: u64,
}

/// A fault that is limited to an order.
#[derive(Debug)]
pub(super) struct Planted {
    pub(super) fault: &'static CatalogFault,
    pub(super) order_id: String,
    /// How many of its actions were done.
    pub(super) actions_done: u64,
    /// Why an action failed.
    pub(super) failure: Option<String>,
}

impl Planted {
    pub(super) fn new(fault: &'static CatalogFault, order_id: &str) -> Self {
        Self { fault, order_id: order_id.to_owned(), actions_done: 0, failure: None }
    }

    pub(super) fn is(&self, fault: &CatalogFault, order_id: &str) -> bool {
        self.fault.id == fault.id && self.order_id == order_id
    }
}

/// The armed faults, and the planted ones that are still in effect after a restart.
///
/// The emulators keep their fault plans. A fault of the stack's own services, or one that
/// acts on an order, ends with the stack.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct KeptFaults {
    armed: Vec<String>,
    planted: Vec<KeptFault>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptFault {
    fault: String,
    order_id: String,
}

impl KeptFaults {
    pub(super) fn of(state: &State, stack: &Faults) -> Self {
        let kept = state.planted.iter().filter(|planted| outlives_stack(planted.fault, stack));
        Self {
            armed: state.armed.iter().map(|fault| fault.id.clone()).collect(),
            planted: kept.map(KeptFault::of).collect(),
        }
    }

    /// The state to begin with. What the catalog no longer has is left out.
    pub(super) fn restore(self) -> State {
        State {
            armed: self.armed.iter().filter_map(|id| catalog::find(id)).collect(),
            planted: self.planted.iter().filter_map(KeptFault::restore).collect(),
            ..State::default()
        }
    }
}

impl KeptFault {
    fn of(planted: &Planted) -> Self {
        Self { fault: planted.fault.id.clone(), order_id: planted.order_id.clone() }
    }

    fn restore(&self) -> Option<Planted> {
        catalog::find(&self.fault).map(|fault| Planted::new(fault, &self.order_id))
    }
}

fn outlives_stack(fault: &CatalogFault, stack: &Faults) -> bool {
    let mut points = fault.faults.iter().filter_map(|fault| fault["at"].as_str());
    fault.actions.is_empty() && points.all(|point| !stack.has_point(point))
}
