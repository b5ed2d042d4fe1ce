//! What the tests of `check-inventory` share: the function over the world in
//! memory, and how it is asked.

use check_inventory::CheckInventory;
use domain::{Failure, Order};
use serde_json::Value;
pub(crate) use testing::fakes::asking::{fault, input, now, on_record, zombie};
use testing::fakes::{Tables, World, run};

/// The function over this world.
pub(crate) fn function(world: &World) -> CheckInventory<Tables, Tables> {
    CheckInventory { orders: world.tables(), stock: world.tables() }
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
