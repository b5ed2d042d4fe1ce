//! What the tests of `reconcile-orders` share: the function over the world in
//! memory, the ticks of its schedule, and the orders that it meets.

use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use domain::{Order, Timestamp};
use reconcile_orders::ReconcileOrders;
use reconcile_orders::event::{Looked, Which};
pub(crate) use testing::fakes::invocation::{now, stored_order};
use testing::fakes::{
    FakePaymentProvider, FakeShippingProvider, FakeTables, FakeWorkflow, TestBed, run,
};
use testing::samples;

/// The function over this world.
pub(crate) fn function(
    world: &TestBed,
) -> ReconcileOrders<FakeTables, FakeTables, FakeWorkflow, FakePaymentProvider, FakeShippingProvider>
{
    ReconcileOrders {
        orders: world.tables(),
        stock: world.tables(),
        workflow: world.workflow(),
        gateway: world.payment_provider(),
        carrier: world.shipping_provider(),
    }
}

/// What one tick of the schedule comes to.
pub(crate) fn tick(world: &TestBed, at: Timestamp) -> Looked {
    run(function(world).look(Which::Due, at)).expect("the process lives").expect("it looks")
}

/// What comes of looking at one order, due or not.
pub(crate) fn look_at(world: &TestBed, order: &Order, at: Timestamp) -> Looked {
    let one = Which::One(order.order_id.clone());
    run(function(world).look(one, at)).expect("the process lives").expect("it looks")
}

/// When an order is due next.
pub(crate) fn due(world: &TestBed, order: &Order) -> Timestamp {
    stored_order(world, order).check_at.expect("it is not settled")
}

/// Ticks whenever an order is due, so many times.
pub(crate) fn ticks(world: &TestBed, order: &Order, times: usize) {
    for _ in 0..times {
        tick(world, due(world, order));
    }
}

/// The codes in an order's timeline.
pub(crate) fn codes(order: &Order) -> Vec<String> {
    order.timeline.iter().filter_map(|entry| entry.detail.clone()).collect()
}

/// The order as it turns round after its shipping failed.
pub(crate) fn turned_round(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    let failed = serde_json::from_str(failed).expect("it is JSON");
    order.begin_compensation(&failed, now())
}

/// An order that was closed without having been fulfilled, its label's refund and
/// its money in these states.
pub(crate) fn closed(label: LabelRefund, money: PaymentStatus) -> Order {
    let order = turned_round(&samples::labeled()).with_label_refund(label, now()).released(now());
    order.closed(money, now()).expect("it turned round")
}

/// A closed order of which nothing was ever shipped.
pub(crate) fn closed_early(money: PaymentStatus) -> Order {
    let order = turned_round(&samples::reserved()).released(now());
    order.closed(money, now()).expect("it turned round")
}

/// A world in which this order's execution has ended.
pub(crate) fn after(order: &Order) -> TestBed {
    TestBed::with(order).ended(&order.execution)
}

/// A world in which this order's execution runs.
pub(crate) fn under_way(order: &Order) -> TestBed {
    TestBed::with(order).running(&order.execution)
}

/// The sample's intent, cancelled.
pub(crate) fn voided() -> PaymentIntent {
    samples::payment_intent(PaymentIntentState::Canceled)
}

/// The sample's intent, captured and given back.
pub(crate) fn refunded() -> PaymentIntent {
    PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(PaymentIntentState::Succeeded) }
}

/// The sample's shipment with its label bought, and the refund of that so far.
pub(crate) fn bought(refund: LabelRefundState) -> ProviderShipment {
    let label = Some(("TRACK".to_owned(), None));
    ProviderShipment { bought: label, refund, ..samples::provider_shipment() }
}
