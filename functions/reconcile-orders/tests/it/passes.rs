//! No order waits for another order's provider: what a sweep does first, what it leaves out,
//! and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use domain::order::Attention;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::ports::{CallOutcome, ShippingProvider, ShippingRejection};
use domain::shipment::{LabelRefund, LabelRefundState, Parcel, ProviderShipment};
use domain::{Order, OrderId, RateId, ShipmentId, Status, TaskToken, Timestamp};
use reconcile_orders::ReconcileOrders;
use reconcile_orders::event::{Scope, SweepOutput};
use serde_json::json;
use testing::fakes::{FakeShippingProvider, TestBed, run};
use testing::samples;

use crate::support::{
    bought_shipment, closed, closed_unshipped, function, now, stored_order, sweep, voided_intent,
};

/// The order under the id, the execution and the bucket of the `n`th order.
fn nth(n: usize, order: Order) -> Order {
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&request.customer_id, &n.to_string());
    let placed = Order::accept(request, samples::placed_at());
    Order {
        open: placed.open.clone(),
        order_id: placed.order_id.clone(),
        execution: placed.execution,
        ..order
    }
}

fn add_ended(test_bed: &TestBed, order: &Order) {
    test_bed.put(order);
    let _shared = test_bed.clone().ended(&order.execution);
}

fn add_running(test_bed: &TestBed, order: &Order) {
    test_bed.put(order);
    let _shared = test_bed.clone().running(&order.execution);
}

/// The `n`th closed order whose label is not final, and needs no payment provider.
fn with_unfinished_label(n: usize) -> Order {
    let order = nth(n, closed(LabelRefund::Submitted, PaymentStatus::Voided));
    let payment = domain::payment::Payment { intent_id: None, ..order.payment.clone() };
    Order { payment, ..order }
}

/// A test bed with this many orders with an unfinished label, all due at the returned time.
fn with_unfinished_labels(count: usize) -> (TestBed, Timestamp) {
    let test_bed = TestBed::default()
        .intent(voided_intent())
        .shipment(bought_shipment(LabelRefundState::Submitted));
    let orders: Vec<_> = (0..count).map(with_unfinished_label).collect();
    for order in &orders {
        add_ended(&test_bed, order);
    }
    (test_bed, orders[0].check_at.unwrap())
}

#[test]
fn a_provider_that_fails_is_called_three_times_in_a_sweep_and_everything_else_goes_on() {
    let (test_bed, at) = with_unfinished_labels(15);
    let unpaid = nth(100, closed_unshipped(PaymentStatus::Voided));
    add_ended(&test_bed, &unpaid);
    test_bed.is_down("shipping.");
    let output = sweep(&test_bed, at);
    assert_eq!((output.failed, output.deferred, output.finalized), (3, 12, 1));
    assert_eq!(test_bed.count("shipping."), 3);
    // Every order that needs the provider is postponed, so the next sweep takes others.
    assert_eq!(sweep(&test_bed, at.plus_minutes(1)), SweepOutput::default());
    test_bed.is_back("shipping.");
    let output = sweep(&test_bed, at.plus_minutes(5));
    assert_eq!((output.inspected, output.failed, output.deferred), (15, 0, 0));
}

#[test]
fn a_provider_whose_account_is_refused_is_not_called_for_every_order() {
    use domain::account::AccountProblem;
    use testing::fakes::InjectedFault;
    let (test_bed, at) = with_unfinished_labels(15);
    let refused = ShippingRejection::Account(AccountProblem::ALL[0]);
    let test_bed = (1..=15).fold(test_bed, |test_bed, call| {
        let fault = InjectedFault::ShippingRejected(refused.clone());
        test_bed.on("shipping.retrieve", call, fault)
    });
    let output = sweep(&test_bed, at);
    assert_eq!((output.failed, output.deferred), (3, 12));
}

#[test]
fn an_order_that_the_provider_does_not_know_stops_nothing() {
    use testing::fakes::InjectedFault;
    let (test_bed, at) = with_unfinished_labels(15);
    let test_bed = (1..=10).fold(test_bed, |test_bed, call| {
        let fault = InjectedFault::ShippingRejected(ShippingRejection::NotFound);
        test_bed.on("shipping.retrieve", call, fault)
    });
    let output = sweep(&test_bed, at);
    assert_eq!((output.failed, output.deferred, output.inspected), (0, 0, 15));
}

#[test]
fn a_missing_execution_is_started_before_any_provider_is_called() {
    let (test_bed, at) = with_unfinished_labels(30);
    let test_bed = test_bed.intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let hinted = samples::authorized().with_webhook("evt_1", now()).unwrap();
    (100..130).for_each(|n| add_running(&test_bed, &nth(n, hinted.clone())));
    let received = Order { check_at: Some(at), ..samples::received() };
    test_bed.put(&received);
    assert_eq!(sweep(&test_bed, at).started, 1);
    let calls = test_bed.calls();
    let first = |prefix: &str| calls.iter().position(|call| call.starts_with(prefix)).unwrap();
    assert!(first("workflow.start") < first("shipping."));
    assert!(first("workflow.start") < first("payment."));
}

#[test]
fn an_order_with_a_webhook_gets_its_decision_although_the_providers_are_down() {
    let decided = samples::in_review()
        .decide_review(domain::decision::ReviewDecision::Approve, "op", None, now())
        .unwrap()
        .with_webhook("evt_1", now())
        .unwrap();
    let test_bed = TestBed::default();
    add_running(&test_bed, &decided);
    test_bed.is_down("payment.");
    assert_eq!(sweep(&test_bed, now().plus_minutes(2)).delivered, 1);
    assert_eq!(test_bed.count("payment."), 0);
}

#[test]
fn an_execution_is_described_once_in_a_sweep() {
    let hinted = samples::authorized().with_webhook("evt_1", now()).unwrap();
    let test_bed =
        TestBed::default().intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    add_running(&test_bed, &hinted);
    sweep(&test_bed, now());
    assert_eq!(test_bed.count("payment.retrieve"), 1, "{:?}", test_bed.calls());
    assert_eq!(test_bed.count("workflow.status"), 1);
    assert_eq!(stored_order(&test_bed, &hinted).webhook_pending_at, None);
}

#[test]
fn while_executions_cannot_be_described_the_orders_stay_due() {
    let test_bed = TestBed::default();
    let orders: Vec<_> = (0..40).map(|n| nth(n, samples::authorized())).collect();
    for order in &orders {
        add_running(&test_bed, order);
    }
    test_bed.is_down("workflow.status");
    let at = orders[0].check_at.unwrap();
    assert_eq!(sweep(&test_bed, at).failed, 3);
    assert_eq!(test_bed.count("workflow.status"), 3);
    test_bed.is_back("workflow.status");
    assert_eq!(sweep(&test_bed, at.plus_minutes(1)).inspected, 37, "the rest was not postponed");
}

/// An event that an execution ended.
fn ended_event(order: &Order, name: &str) -> serde_json::Value {
    json!({
        "detail-type": "Step Functions Execution Status Change", "time": order.updated_at,
        "detail": {"name": name, "status": "ABORTED"},
    })
}

#[test]
fn the_end_of_an_execution_is_believed_and_that_of_an_older_one_is_not() {
    let order = samples::reserved();
    let test_bed = TestBed::default();
    add_running(&test_bed, &order);
    let handle = |event| run(function(&test_bed).handle(event, now)).unwrap().unwrap();
    let output = handle(ended_event(&order, order.execution.as_str()));
    assert_eq!(output["takenOver"], 1);
    assert_eq!(test_bed.count("workflow.status"), 0);
    assert_eq!(test_bed.stopped(), std::slice::from_ref(&order.execution));
    // The same event again, now about an older execution: the new one runs.
    let output = handle(ended_event(&order, order.execution.as_str()));
    assert_eq!((&output["takenOver"], &output["looked"]), (&json!(0), &json!(1)));
    assert_eq!(test_bed.count("workflow.status"), 1);
}

#[test]
fn a_sweep_starts_no_inspection_after_its_time_and_the_next_one_goes_on() {
    let (test_bed, at) = with_unfinished_labels(40);
    let open: Vec<_> = (100..140).map(|n| nth(n, samples::authorized())).collect();
    for order in &open {
        add_running(&test_bed, order);
    }
    // Each look at the clock takes two seconds: 15 in the first pass, 15 in the other.
    let elapsed = AtomicU64::new(0);
    let elapsed_ms = || elapsed.fetch_add(2_000, SeqCst);
    let sweep_slowly = || {
        elapsed.store(0, SeqCst);
        let function = function(&test_bed);
        run(function.sweep_timed(Scope::Due, at, &elapsed_ms)).unwrap().unwrap()
    };
    let inspected: Vec<_> = (0..4).map(|_| sweep_slowly().inspected).collect();
    assert_eq!(inspected.iter().sum::<u32>(), 80, "{inspected:?}");
    assert!(inspected[..2].iter().all(|one| (28..=30).contains(one)), "{inspected:?}");
}

/// A backorder for one mug.
fn backorder(n: usize, at: Timestamp) -> Order {
    let order = nth(n, samples::authorized()).backordered(&domain::Sku::parse("MUG").unwrap(), at);
    let mut order = samples::waiting(order, Status::Backordered, Attention::Backorder);
    order.task_token = TaskToken::parse(format!("token-{n}")).ok();
    order.inspected(&[], at)
}

/// The 45th invariant: no order's progress waits for another order's provider.
#[test]
fn with_a_provider_down_for_a_day_and_1000_unfinished_labels_other_orders_are_served_at_once() {
    let (test_bed, begin) = with_unfinished_labels(1_000);
    test_bed.is_down("shipping.");
    for (n, hour) in [1, 9, 17, 24].into_iter().enumerate() {
        let at = begin.plus_hours(hour);
        let missing = Order { check_at: Some(at), ..nth(10_000 + n, samples::received()) };
        test_bed.put(&missing);
        let waiting = backorder(20_000 + n, at);
        add_running(&test_bed, &waiting);
        test_bed.stock("MUG", 10);
        test_bed.stock("TEE", 10);
        test_bed.clear_calls();
        let output = sweep(&test_bed, at.plus_minutes(1));
        assert_eq!((output.started, output.resumed), (1, 1), "hour {hour}");
        assert_eq!((output.failed, output.deferred), (3, 997), "hour {hour}");
        assert_eq!(test_bed.count("shipping."), 3, "hour {hour}");
        let _shared = test_bed.clone().ended(&missing.execution).ended(&waiting.execution);
        test_bed.put(&missing.finalized(&[], at));
        test_bed.put(&waiting.finalized(&[], at));
    }
}

/// A shipping provider that answers no call before this many are under way.
#[derive(Clone)]
struct Together {
    inner: FakeShippingProvider,
    expected: usize,
    under_way: Arc<AtomicUsize>,
    max: Arc<AtomicUsize>,
}

impl ShippingProvider for Together {
    async fn create(&self, parcel: &Parcel) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.inner.create(parcel).await
    }

    async fn buy(
        &self,
        id: &ShipmentId,
        rate: &RateId,
    ) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.inner.buy(id, rate).await
    }

    async fn rerate(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.inner.rerate(id).await
    }

    async fn refund(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.inner.refund(id).await
    }

    async fn retrieve(&self, id: &ShipmentId) -> CallOutcome<ProviderShipment, ShippingRejection> {
        self.max.fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
        std::future::poll_fn(|context| {
            if self.max.load(SeqCst) >= self.expected {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        self.under_way.fetch_sub(1, SeqCst);
        self.inner.retrieve(id).await
    }
}

#[tokio::test]
async fn sixteen_orders_are_inspected_at_the_same_time_and_no_more() {
    let (test_bed, at) = with_unfinished_labels(50);
    let shipping_provider = Together {
        inner: test_bed.shipping_provider(),
        expected: 16,
        under_way: Arc::default(),
        max: Arc::default(),
    };
    let max = Arc::clone(&shipping_provider.max);
    let plain = function(&test_bed);
    let function = ReconcileOrders {
        orders: plain.orders,
        stock: plain.stock,
        workflow: plain.workflow,
        payment_provider: plain.payment_provider,
        shipping_provider,
        retention_days: plain.retention_days,
    };
    let output = function.sweep(Scope::Due, at).await.unwrap();
    assert_eq!((output.inspected, output.failed), (50, 0));
    assert_eq!(max.load(SeqCst), 16);
}
