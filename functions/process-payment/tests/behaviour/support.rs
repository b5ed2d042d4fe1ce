//! What the tests of `process-payment` share: the function over the world in
//! memory, and how it is asked.

use domain::policy::ReviewPolicy;
use domain::{Failure, Order};
use process_payment::ProcessPayment;
use serde_json::Value;
pub(crate) use testing::fakes::asking::{fault, input, now, on_record, zombie};
use testing::fakes::{Tables, Till, World, run};

/// The function over this world.
pub(crate) fn function(world: &World) -> ProcessPayment<Tables, Till> {
    let review = ReviewPolicy::default();
    ProcessPayment { orders: world.tables(), gateway: world.till(), review }
}

/// What the function answers.
pub(crate) fn ask(world: &World, input: Value) -> Result<Value, Failure> {
    run(function(world).handle(input, now)).expect("the process lives")
}

/// The function's answer when it is asked by the owner of this order.
pub(crate) fn perform(world: &World, operation: &str, order: &Order) -> Result<Value, Failure> {
    ask(world, input(operation, order))
}
