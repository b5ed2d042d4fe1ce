//! JSON in and out (`workflow.md`, section 2). Every output has all of its
//! fields always, because the state machine reads them by path.

use domain::OrderId;
pub use domain::operation::InventoryOperation as Operation;
use domain::stock::Shortage;
use serde_json::{Value, json};

/// What came of looking for the goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The order.
    pub order_id: OrderId,
    /// What was found.
    pub found: Found,
}

/// Whether the goods are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Every line is set aside for this order.
    All,
    /// Nothing was taken; the order waits for a restock, this long.
    Wait {
        /// What is short.
        shortages: Vec<Shortage>,
        /// How long it may wait: at least 1.
        deadline_seconds: u64,
    },
    /// Nothing was taken, and the order does not wait.
    Short {
        /// What is short.
        shortages: Vec<Shortage>,
    },
}

impl From<Checked> for Value {
    fn from(checked: Checked) -> Self {
        let (all, wait, seconds, shortages) = match checked.found {
            Found::All => (true, false, 1, Vec::new()),
            Found::Wait { shortages, deadline_seconds } => {
                (false, true, deadline_seconds, shortages)
            }
            Found::Short { shortages } => (false, false, 1, shortages),
        };
        json!({
            "orderId": checked.order_id,
            "inventoryResult": all,
            "waitForRestock": wait,
            // A state's timeout admits no less than 1, also where nobody waits.
            "restockDeadlineSeconds": seconds,
            "shortages": shortages,
        })
    }
}

/// What came of giving the goods back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The order.
    pub order_id: OrderId,
    /// Whether the record says that its goods were given back.
    pub released: bool,
}

impl From<Released> for Value {
    fn from(done: Released) -> Self {
        json!({ "orderId": done.order_id, "released": done.released })
    }
}
