//! The function over in-memory fakes, and helpers to invoke it.

use check_inventory::CheckInventory;
pub(crate) use testing::fakes::invocation::{
    compensating, error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakeTables, TestBed};

/// The function over this test bed.
pub(crate) fn function(test_bed: &TestBed) -> CheckInventory<FakeTables, FakeTables> {
    CheckInventory { orders: test_bed.tables(), stock: test_bed.tables() }
}

testing::invocation_helpers!(function);
