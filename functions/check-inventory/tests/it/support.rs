//! The function over in-memory fakes, and helpers to invoke it.

use check_inventory::CheckInventory;
use domain::{Order, StepError};
use serde_json::Value;
pub(crate) use testing::fakes::invocation::{
    compensating, error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakeTables, TestBed, run};

/// The function over this test bed.
pub(crate) fn function(test_bed: &TestBed) -> CheckInventory<FakeTables, FakeTables> {
    CheckInventory { orders: test_bed.tables(), stock: test_bed.tables() }
}

/// Invokes the function with this input.
pub(crate) fn invoke(test_bed: &TestBed, input: Value) -> Result<Value, StepError> {
    run(function(test_bed).handle(input, now)).expect("the process does not crash")
}

/// Invokes an operation as the execution that owns the order. `None` if the process crashes.
pub(crate) fn attempt(
    test_bed: &TestBed,
    operation: &str,
    order: &Order,
) -> Option<Result<Value, StepError>> {
    run(function(test_bed).handle(input(operation, order), now))
}

/// Invokes an operation as the execution that owns the order.
pub(crate) fn perform(
    test_bed: &TestBed,
    operation: &str,
    order: &Order,
) -> Result<Value, StepError> {
    attempt(test_bed, operation, order).expect("the process does not crash")
}
