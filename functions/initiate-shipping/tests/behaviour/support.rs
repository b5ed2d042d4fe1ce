//! What the tests of `initiate-shipping` share: the function over the world in
//! memory, and how it is asked.

use domain::{Failure, Order};
use initiate_shipping::InitiateShipping;
use serde_json::Value;
pub(crate) use testing::fakes::asking::{fault, input, now, on_record, zombie};
use testing::fakes::{Depot, Tables, World, run};

/// The function over this world.
pub(crate) fn function(world: &World) -> InitiateShipping<Tables, Depot> {
    InitiateShipping { orders: world.tables(), carrier: world.depot() }
}

/// What the function answers.
pub(crate) fn ask(world: &World, input: Value) -> Result<Value, Failure> {
    run(function(world).handle(input, now)).expect("the process lives")
}

/// The function's answer when it is asked by the owner of this order.
pub(crate) fn perform(world: &World, operation: &str, order: &Order) -> Result<Value, Failure> {
    ask(world, input(operation, order))
}

/// The order after it turned round.
pub(crate) fn turned_round(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    order.begin_compensation(&serde_json::from_str(failed).unwrap(), now())
}
