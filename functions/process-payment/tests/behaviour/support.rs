//! What the tests of `process-payment` share: the function over the world in
//! memory, and how it is asked.

use domain::fakes::{Tables, Till, World, run};
use domain::policy::ReviewPolicy;
use domain::{Failure, Fault, Moment, Order, sample};
use process_payment::ProcessPayment;
use serde_json::{Value, json};

/// A minute after the sample order was placed.
pub(crate) fn now() -> Moment {
    sample::placed_at().plus_minutes(1)
}

/// The function over this world.
pub(crate) fn function(world: &World) -> ProcessPayment<Tables, Till> {
    let review = ReviewPolicy::default();
    ProcessPayment { orders: world.tables(), gateway: world.till(), review }
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

/// Another execution than the one that owns the order.
pub(crate) fn zombie(operation: &str, order: &Order) -> Value {
    let mut input = input(operation, order);
    input["execution"] = json!("ord_00000000000000000000000000000000-r3");
    input
}
