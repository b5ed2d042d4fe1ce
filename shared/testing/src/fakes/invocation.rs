//! What the tests of the functions ask with, and how they read what came of it.

use serde_json::{Value, json};

use super::TestBed;
use crate::samples;
use domain::{ErrorName, Order, StepError, Timestamp};

/// A minute after the sample order was placed.
pub fn now() -> Timestamp {
    samples::placed_at().plus_minutes(1)
}

/// What the state machine sends.
pub fn input(operation: &str, order: &Order) -> Value {
    json!({
        "operation": operation,
        "orderId": order.order_id,
        "execution": order.execution,
        "enteredAt": now(),
        "failed": {"InitiateShipping": {"Error": "ShippingRejected", "Cause": "…"}},
    })
}

/// The same request from an execution that does not own the order.
pub fn superseded_input(operation: &str, order: &Order) -> Value {
    let mut input = input(operation, order);
    input["execution"] = json!("ord_00000000000000000000000000000000-r3");
    input
}

/// The name under which it failed.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn error_name(result: Result<Value, StepError>) -> ErrorName {
    result.expect_err("it fails").name
}

/// The order as it is on record now.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn stored_order(world: &TestBed, order: &Order) -> Order {
    world.order(&order.order_id).expect("the order is on record")
}
