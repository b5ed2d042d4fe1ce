//! The outputs of `check-inventory` as JSON.
//!
//! Every output has all of its fields, because the state machine reads them by path.
//! The input is [`domain::task_input::TaskInput`].

use domain::OrderId;
use domain::stock::Shortage;
use serde_json::{Value, json};

/// The output of `reserve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveOutput {
    /// The order.
    pub order_id: OrderId,
    /// Whether the stock is reserved.
    pub availability: Availability,
}

/// Whether the stock of an order is reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Every line is reserved.
    Reserved,
    /// Nothing is reserved, and the order waits for a restock.
    Backordered {
        /// The lines that are short.
        shortages: Vec<Shortage>,
        /// Seconds until the restock deadline, at least 1.
        deadline_seconds: u64,
    },
    /// Nothing is reserved, and the order does not wait.
    OutOfStock {
        /// The lines that are short.
        shortages: Vec<Shortage>,
    },
}

impl From<ReserveOutput> for Value {
    fn from(output: ReserveOutput) -> Self {
        // The state machine's minimum timeout is 1, so 1 also stands for "no wait".
        let (reserved, waits, seconds, shortages) = match output.availability {
            Availability::Reserved => (true, false, 1, Vec::new()),
            Availability::Backordered { shortages, deadline_seconds } => {
                (false, true, deadline_seconds, shortages)
            }
            Availability::OutOfStock { shortages } => (false, false, 1, shortages),
        };
        json!({
            "orderId": output.order_id,
            "inventoryResult": reserved,
            "waitForRestock": waits,
            "restockDeadlineSeconds": seconds,
            "shortages": shortages,
        })
    }
}

/// The output of `release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOutput {
    /// The order.
    pub order_id: OrderId,
    /// Whether the order has a reservation that is released.
    pub released: bool,
}

impl From<ReleaseOutput> for Value {
    fn from(output: ReleaseOutput) -> Self {
        json!({ "orderId": output.order_id, "released": output.released })
    }
}
