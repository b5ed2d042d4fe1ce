//! What the tests of `initiate-shipping` share: the function over the world in
//! memory, and how it is asked.

use domain::fakes::{Depot, Tables, World, run};
use domain::{Failure, Fault, Moment, Order, sample};
use initiate_shipping::InitiateShipping;
use serde_json::{Value, json};

/// A minute after the sample order was placed.
pub(crate) fn now() -> Moment {
    sample::placed_at().plus_minutes(1)
}

/// The function over this world.
pub(crate) fn function(world: &World) -> InitiateShipping<Tables, Depot> {
    InitiateShipping { orders: world.tables(), carrier: world.depot() }
}

/// What the state machine sends.
pub(crate) fn input(operation: &str, order: &Order) -> Value {
    json!({
        "operation": operation,
        "orderId": order.order_id,
        "execution": order.execution,
        "enteredAt": now(),
        "failed": {"InitiateShipping": {"Error": "ShippingRejected", "Cause": "…"}},
    })
}

/// What the function answers.
pub(crate) fn ask(world: &World, input: Value) -> Result<Value, Failure> {
    run(function(world).handle(input, now)).expect("the process lives")
}

/// The function's answer when it is asked by the owner of this order.
pub(crate) fn perform(world: &World, operation: &str, order: &Order) -> Result<Value, Failure> {
    ask(world, input(operation, order))
}

/// The name under which it failed.
pub(crate) fn fault(result: Result<Value, Failure>) -> Fault {
    result.expect_err("it fails").fault
}

/// The order as it is on record now.
pub(crate) fn on_record(world: &World, order: &Order) -> Order {
    world.order(&order.order_id).expect("the order is on record")
}

/// The same request from an execution that does not own the order.
pub(crate) fn zombie(operation: &str, order: &Order) -> Value {
    let mut input = input(operation, order);
    input["execution"] = json!("ord_00000000000000000000000000000000-r3");
    input
}

/// The order after it turned round.
pub(crate) fn turned_round(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    order.begin_compensation(&serde_json::from_str(failed).unwrap(), now())
}
