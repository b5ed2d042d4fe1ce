//! What the tests of `initiate-shipping` share: the function over the world in
//! memory, and how it is asked.

use domain::{Order, StepError};
use initiate_shipping::InitiateShipping;
use serde_json::Value;
pub(crate) use testing::fakes::invocation::{
    error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakeShippingProvider, FakeTables, TestBed, run};

/// The function over this world.
pub(crate) fn function(world: &TestBed) -> InitiateShipping<FakeTables, FakeShippingProvider> {
    InitiateShipping { orders: world.tables(), carrier: world.shipping_provider() }
}

/// What the function answers.
pub(crate) fn ask(world: &TestBed, input: Value) -> Result<Value, StepError> {
    run(function(world).handle(input, now)).expect("the process lives")
}

/// The function's answer when it is asked by the owner of this order.
pub(crate) fn perform(world: &TestBed, operation: &str, order: &Order) -> Result<Value, StepError> {
    ask(world, input(operation, order))
}

/// The order after it turned round.
pub(crate) fn turned_round(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    order.begin_compensation(&serde_json::from_str(failed).unwrap(), now())
}
