//! The function over in-memory fakes, helpers to run a sweep, and the orders it meets.

use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use domain::{Order, Timestamp};
use reconcile_orders::ReconcileOrders;
use reconcile_orders::event::{Scope, SweepOutput};
pub(crate) use testing::fakes::invocation::{now, stored_order};
use testing::fakes::{
    FakePaymentProvider, FakeShippingProvider, FakeTables, FakeWorkflow, TestBed, run,
};
use testing::samples;

/// How many days after an order is final its personal data is removed.
pub(crate) const RETENTION_DAYS: u32 = 30;

/// The function over this test bed.
pub(crate) fn function(
    test_bed: &TestBed,
) -> ReconcileOrders<FakeTables, FakeTables, FakeWorkflow, FakePaymentProvider, FakeShippingProvider>
{
    ReconcileOrders {
        orders: test_bed.tables(),
        stock: test_bed.tables(),
        workflow: test_bed.workflow(),
        payment_provider: test_bed.payment_provider(),
        shipping_provider: test_bed.shipping_provider(),
        retention_days: RETENTION_DAYS,
    }
}

/// Runs one sweep over the due orders.
pub(crate) fn sweep(test_bed: &TestBed, at: Timestamp) -> SweepOutput {
    run(function(test_bed).sweep(Scope::Due, at))
        .expect("the process does not crash")
        .expect("the sweep succeeds")
}

/// Inspects one order, due or not.
pub(crate) fn inspect(test_bed: &TestBed, order: &Order, at: Timestamp) -> SweepOutput {
    let scope = Scope::Order(order.order_id.clone());
    run(function(test_bed).sweep(scope, at))
        .expect("the process does not crash")
        .expect("the sweep succeeds")
}

/// When the order is due next.
pub(crate) fn due_at(test_bed: &TestBed, order: &Order) -> Timestamp {
    stored_order(test_bed, order).check_at.expect("the order is not finalized")
}

/// Runs this many sweeps, each when the order is due.
pub(crate) fn sweep_when_due(test_bed: &TestBed, order: &Order, times: usize) {
    for _ in 0..times {
        sweep(test_bed, due_at(test_bed, order));
    }
}

/// The codes in an order's timeline.
pub(crate) fn timeline_codes(order: &Order) -> Vec<String> {
    order.timeline.iter().filter_map(|entry| entry.detail.clone()).collect()
}

/// The order after compensation began because its shipping failed.
pub(crate) fn compensating(order: &Order) -> Order {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    let failed = serde_json::from_str(failed).expect("it is JSON");
    order.begin_compensation(&failed, now())
}

/// An order that was closed after its label was bought, with this refund of the label and
/// this payment status.
pub(crate) fn closed(label: LabelRefund, payment: PaymentStatus) -> Order {
    let order = compensating(&samples::labeled()).with_label_refund(label, now()).released(now());
    order.closed(payment, now()).expect("compensation began")
}

/// An order that was closed before a shipment was created.
pub(crate) fn closed_unshipped(payment: PaymentStatus) -> Order {
    let order = compensating(&samples::reserved()).released(now());
    order.closed(payment, now()).expect("compensation began")
}

/// A test bed in which the order's execution has ended.
pub(crate) fn with_ended_execution(order: &Order) -> TestBed {
    TestBed::with(order).ended(&order.execution)
}

/// A test bed in which the order's execution runs.
pub(crate) fn with_running_execution(order: &Order) -> TestBed {
    TestBed::with(order).running(&order.execution)
}

/// The sample intent, canceled.
pub(crate) fn voided_intent() -> PaymentIntent {
    samples::payment_intent(PaymentIntentState::Canceled)
}

/// The sample intent, captured and refunded in full.
pub(crate) fn refunded_intent() -> PaymentIntent {
    PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(PaymentIntentState::Succeeded) }
}

/// The sample shipment with a bought label and this refund of it.
pub(crate) fn bought_shipment(refund: LabelRefundState) -> ProviderShipment {
    let label = Some(samples::bought_label("TRACK"));
    ProviderShipment { bought: label, refund, ..samples::provider_shipment() }
}
