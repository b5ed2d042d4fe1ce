//! How the tests of the functions invoke them, and read the result.

use serde_json::{Value, json};

use super::TestBed;
use crate::samples;
use domain::{ErrorName, Order, StepError, Timestamp};

/// The time of an invocation: one minute after the sample order was placed.
pub fn now() -> Timestamp {
    samples::placed_at().plus_minutes(1)
}

/// The input that the state machine sends, with a state that failed before.
pub fn input(operation: &str, order: &Order) -> Value {
    json!({
        "operation": operation,
        "orderId": order.order_id,
        "execution": order.execution,
        "enteredAt": now(),
        "failed": {"InitiateShipping": {"Error": "ShippingRejected", "Cause": "…"}},
    })
}

/// The same input from an execution that does not own the order.
pub fn superseded_input(operation: &str, order: &Order) -> Value {
    let mut input = input(operation, order);
    input["execution"] = json!("ord_00000000000000000000000000000000-r3");
    input
}

/// The name of the error of a failed invocation.
///
/// # Panics
/// If it did not fail.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn error_name(result: Result<Value, StepError>) -> ErrorName {
    result.expect_err("the invocation fails").name
}

/// The order as it is on record now.
///
/// # Panics
/// If it is not on record.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn stored_order(bed: &TestBed, order: &Order) -> Order {
    bed.order(&order.order_id).expect("the order is on record")
}

/// The order after compensation began because its shipping failed.
#[expect(clippy::expect_used, reason = "a constant of this file")]
pub fn compensating(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    order.begin_compensation(&serde_json::from_str(failed).expect("it parses"), now())
}

/// Defines `invoke`, `attempt` and `perform` for the tests of a function. `function` is the
/// caller's: it builds the function over a [`TestBed`].
#[macro_export]
macro_rules! invocation_helpers {
    ($function:ident) => {
        /// Invokes the function with this input.
        pub(crate) fn invoke(
            test_bed: &$crate::fakes::TestBed,
            input: serde_json::Value,
        ) -> Result<serde_json::Value, domain::StepError> {
            $crate::fakes::run($function(test_bed).handle(input, now))
                .expect("the process does not crash")
        }

        /// Invokes an operation as the execution that owns the order. `None` if the process
        /// crashes.
        pub(crate) fn attempt(
            test_bed: &$crate::fakes::TestBed,
            operation: &str,
            order: &domain::Order,
        ) -> Option<Result<serde_json::Value, domain::StepError>> {
            $crate::fakes::run($function(test_bed).handle(input(operation, order), now))
        }

        /// Invokes an operation as the execution that owns the order.
        pub(crate) fn perform(
            test_bed: &$crate::fakes::TestBed,
            operation: &str,
            order: &domain::Order,
        ) -> Result<serde_json::Value, domain::StepError> {
            attempt(test_bed, operation, order).expect("the process does not crash")
        }
    };
}
