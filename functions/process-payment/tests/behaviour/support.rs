//! What the tests of `process-payment` share: the function over the world in
//! memory, and how it is asked.

use domain::policy::ReviewPolicy;
use domain::{Order, StepError};
use process_payment::ProcessPayment;
use serde_json::Value;
pub(crate) use testing::fakes::invocation::{
    error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakePaymentProvider, FakeTables, TestBed, run};

/// The function over this world.
pub(crate) fn function(world: &TestBed) -> ProcessPayment<FakeTables, FakePaymentProvider> {
    let review = ReviewPolicy::default();
    ProcessPayment { orders: world.tables(), gateway: world.payment_provider(), review }
}

/// What the function answers.
pub(crate) fn ask(world: &TestBed, input: Value) -> Result<Value, StepError> {
    run(function(world).handle(input, now)).expect("the process lives")
}

/// The function's answer when it is asked by the owner of this order.
pub(crate) fn perform(world: &TestBed, operation: &str, order: &Order) -> Result<Value, StepError> {
    ask(world, input(operation, order))
}
