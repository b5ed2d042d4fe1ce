//! Lists of orders through the indexes of the emulator's table.

use aws::Orders;
use domain::order::Attention;
use domain::ports::{
    CountOrders, FindOrder, ListDueOrders, ListOrders, ListRetainedOrders, LoadOrder, LoadOrders,
    OpenOrder, OrderList, PageCursor, PlaceOrder, SaveOrder, SaveResult,
};
use domain::{CustomerId, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Status, Timestamp};
use serde_json::{Value, json};
use testing::samples;

use crate::test_bed::{Injected, ORDERS, TestBed};

fn customer(name: &str) -> CustomerId {
    CustomerId::parse(name).unwrap()
}

/// The `n`th order of a customer, placed `n` minutes after the first.
fn order(name: &str, n: i64) -> Order {
    let mut request = samples::new_order();
    request.customer_id = customer(name);
    request.order_id = OrderId::for_request(&customer(name), &n.to_string());
    Order::accept(request, samples::placed_at().plus_minutes(n))
}

async fn placed(bed: &TestBed, existing: &[Order]) -> Orders {
    let orders = bed.aws().orders(ORDERS);
    for order in existing {
        orders.place(order).await.unwrap();
    }
    orders
}

fn ids(orders: &[Order]) -> Vec<&OrderId> {
    orders.iter().map(|order| &order.order_id).collect()
}

#[tokio::test]
async fn a_customers_orders_are_listed_newest_first_in_pages() {
    let existing = [order("ada", 1), order("bob", 2), order("ada", 3), order("ada", 2)];
    let orders = placed(&TestBed::new(), &existing).await;
    let list = OrderList::Customer(customer("ada"));
    let first = orders.list(&list, None, 2).await.unwrap();
    assert_eq!(ids(&first.orders), [&existing[2].order_id, &existing[3].order_id]);
    let cursor = first.next.unwrap();
    assert_eq!(cursor.order_id, existing[3].order_id);
    let rest = orders.list(&list, Some(&cursor), 2).await.unwrap();
    assert_eq!(ids(&rest.orders), [&existing[0].order_id]);
    assert_eq!(rest.next, None);
    assert_eq!(rest.orders[0], existing[0], "the whole order, as it is on record");
}

#[tokio::test]
async fn a_cursor_of_another_list_stays_within_this_list() {
    let existing = [order("ada", 1), order("bob", 2), order("ada", 3)];
    let orders = placed(&TestBed::new(), &existing).await;
    let list = OrderList::Customer(customer("ada"));
    let bobs_cursor =
        PageCursor { order_id: existing[1].order_id.clone(), at: existing[1].created_at };
    let page = orders.list(&list, Some(&bobs_cursor), 10).await.unwrap();
    assert_eq!(ids(&page.orders), [&existing[0].order_id]);
}

#[tokio::test]
async fn each_index_lists_the_orders_that_have_its_attribute() {
    let stuck = samples::needs_attention();
    let mut waiting = order("bob", 5);
    waiting.waits_for = Some(Sku::parse("MUG").unwrap());
    let bed = TestBed::new();
    let orders = placed(&bed, &[stuck.clone(), waiting.clone()]).await;
    let list = async |list: OrderList| orders.list(&list, None, 10).await.unwrap().orders;
    assert_eq!(ids(&list(OrderList::Attention(Attention::Operator)).await), [&stuck.order_id]);
    assert_eq!(list(OrderList::Attention(Attention::Review)).await, []);
    let mugs = OrderList::WaitingFor(Sku::parse("MUG").unwrap());
    assert_eq!(ids(&list(mugs).await), [&waiting.order_id]);
    let bucket = |order: &Order| OrderList::Open(order.open.as_ref().unwrap().parse().unwrap());
    assert!(list(bucket(&stuck)).await.contains(&stuck));
    assert!(list(bucket(&waiting)).await.contains(&waiting));
}

#[tokio::test]
async fn an_order_that_no_longer_belongs_to_the_list_is_left_out() {
    let stuck = samples::needs_attention();
    let bed = TestBed::new();
    let orders = placed(&bed, std::slice::from_ref(&stuck)).await;
    let resolved = order("ada", 9);
    orders.place(&resolved).await.unwrap();
    // The index lags: it still lists an order that no longer needs attention.
    let key = |order: &Order| {
        json!({
            "orderId": {"S": order.order_id}, "attention": {"S": "OPERATOR"},
            "createdAt": {"S": order.created_at},
        })
    };
    bed.inject(Injected::Response(
        200,
        json!({"Items": [key(&resolved), key(&stuck)], "Count": 2}),
    ));
    let page = orders.list(&OrderList::Attention(Attention::Operator), None, 10).await.unwrap();
    assert_eq!(page.orders, [stuck]);
}

#[tokio::test]
async fn a_list_fails_if_the_table_is_unavailable() {
    let bed = TestBed::new();
    let orders = bed.aws_with_attempts(1).orders(ORDERS);
    bed.inject(Injected::ConnectionError);
    assert!(orders.list(&OrderList::Open(0), None, 10).await.is_err());
}

/// The due orders of a bucket, read in pages of one.
async fn due_one_by_one(orders: &Orders, bucket: u8, at: Timestamp) -> Vec<OrderId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = orders.due_orders(bucket, at, after.as_ref(), 1).await.unwrap();
        found.extend(page.orders.into_iter().map(|due| due.order_id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn due_orders_are_listed_longest_due_first_and_others_are_not_listed() {
    let existing: Vec<_> = (0..40).map(|n| order("ada", 40 - n)).collect();
    let bed = TestBed::new();
    let orders = placed(&bed, &existing).await;
    let finalized = samples::fulfilled().finalized(&[], samples::placed_at());
    orders.place(&finalized).await.unwrap();
    // Each order is due two minutes after it was placed.
    let at = samples::placed_at().plus_minutes(22);
    let mut found = Vec::new();
    for bucket in 0..domain::order::OPEN_ORDER_BUCKETS {
        let page = orders.due_orders(bucket, at, None, 100).await.unwrap();
        assert!(page.orders.iter().all(|due| due.status == Status::Received));
        let due: Vec<_> = page.orders.into_iter().map(|due| due.order_id).collect();
        let check_at =
            |id: &OrderId| existing.iter().find(|order| order.order_id == *id).unwrap().check_at;
        assert!(due.is_sorted_by_key(check_at), "{due:?}");
        assert_eq!(due_one_by_one(&orders, bucket, at).await, due);
        found.extend(due);
    }
    found.sort();
    let mut expected: Vec<_> = existing
        .iter()
        .filter(|order| order.is_due(at))
        .map(|order| order.order_id.clone())
        .collect();
    expected.sort();
    assert_eq!(expected.len(), 20);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn retained_orders_are_listed_longest_final_first_until_their_personal_data_is_removed() {
    let bed = TestBed::new();
    let final_at = |n: i64| samples::placed_at().plus_hours(n);
    let shipped = |n: i64| {
        let order = order("ada", n);
        let order_id = order.order_id.clone();
        domain::Order { order_id, ..samples::fulfilled() }.finalized(&[], final_at(n))
    };
    let existing: Vec<_> = [3, 1, 2, 9].into_iter().map(shipped).collect();
    let orders = placed(&bed, &existing).await;
    orders.place(&order("ada", 50)).await.unwrap();
    let id = |n: usize| existing[n].order_id.clone();
    let listed = async |limit| orders.retained_orders(final_at(3), limit).await.unwrap();
    assert_eq!(listed(10).await, [id(1), id(2), id(0)]);
    assert_eq!(listed(2).await, [id(1), id(2)]);
    let erased = existing[1].without_personal_data(final_at(20));
    assert_eq!(orders.save(&existing[1], &erased).await, Ok(SaveResult::Saved));
    assert_eq!(listed(10).await, [id(2), id(0)]);
    let stored =
        bed.call("GetItem", &json!({"TableName": ORDERS, "Key": {"orderId": {"S": id(1)}}}));
    let names = ["customer", "shippingAddress", "paymentMethod", "requestHash", "retention"];
    for name in names {
        assert_eq!(
            stored["Item"][name],
            serde_json::Value::Null,
            "{name} is no attribute any more"
        );
    }
    bed.reject_with("AccessDeniedException");
    assert!(orders.retained_orders(final_at(3), 1).await.is_err());
}

#[tokio::test]
async fn an_order_is_found_by_its_provider_ids_once_they_are_on_record() {
    let bed = TestBed::new();
    let orders = placed(&bed, &[samples::received()]).await;
    let stored = samples::shipping();
    let intent = stored.payment.intent_id.clone().unwrap();
    let shipment = stored.shipment.as_ref().unwrap().shipment_id.clone();
    assert_eq!(orders.by_payment_intent(&intent).await, Ok(None));
    assert_eq!(orders.save(&samples::received(), &stored).await, Ok(SaveResult::Saved));
    assert_eq!(orders.by_payment_intent(&intent).await, Ok(Some(stored.order_id.clone())));
    assert_eq!(orders.by_shipment(&shipment).await, Ok(Some(stored.order_id.clone())));
    assert_eq!(
        orders.by_payment_intent(&PaymentIntentId::parse("pi_other").unwrap()).await,
        Ok(None)
    );
    assert_eq!(orders.by_shipment(&ShipmentId::parse("shp_other").unwrap()).await, Ok(None));
    // A save of other attributes keeps them.
    let later = stored.with_label("T", None, samples::placed_at());
    assert_eq!(orders.save(&stored, &later).await, Ok(SaveResult::Saved));
    assert_eq!(orders.by_shipment(&shipment).await, Ok(Some(stored.order_id.clone())));
}

#[tokio::test]
async fn a_query_fails_if_the_table_is_unavailable() {
    let bed = TestBed::new();
    let orders = bed.aws_with_attempts(1).orders(ORDERS);
    let intent = PaymentIntentId::parse("pi_1").unwrap();
    for _ in 0..2 {
        bed.inject(Injected::ConnectionError);
    }
    assert!(orders.due_orders(0, samples::placed_at(), None, 10).await.is_err());
    assert!(orders.by_payment_intent(&intent).await.is_err());
}

#[tokio::test]
async fn the_board_is_counted_without_reading_an_order() {
    let failed = serde_json::from_value(json!({"CapturePayment": {"Error": "E"}})).unwrap();
    let compensating = Order {
        order_id: order("ada", 90).order_id,
        ..samples::labeled().begin_compensation(&failed, samples::placed_at())
    };
    let closed = Order { order_id: order("ada", 91).order_id, ..samples::fulfilled() };
    let finalized = Order { order_id: order("ada", 92).order_id, ..samples::fulfilled() }
        .finalized(&[], samples::placed_at());
    let stuck = samples::needs_attention();
    let bed = TestBed::new();
    let existing = [order("ada", 1), compensating.clone(), closed.clone(), finalized, stuck];
    let orders = placed(&bed, &existing).await;

    let mut open = orders.open_orders().await.unwrap();
    open.sort_by_key(|order| order.order_id.clone());
    let mut expected: Vec<_> = existing
        .iter()
        .filter(|order| order.open.is_some())
        .map(|order| OpenOrder {
            order_id: order.order_id.clone(),
            status: order.status,
            created_at: order.created_at,
            compensates: order.compensation.is_some(),
        })
        .collect();
    expected.sort_by_key(|order| order.order_id.clone());
    assert_eq!(open, expected);

    assert_eq!(orders.attention_count(Attention::Operator).await, Ok(1));
    assert_eq!(orders.attention_count(Attention::Review).await, Ok(0));
    let today = samples::placed_at().day();
    assert_eq!(orders.closed_on(&today).await.unwrap(), [(Status::Fulfilled, 2)].into());
    assert_eq!(orders.closed_on("2026-11-22").await.unwrap(), [].into());
    let list = orders.list(&OrderList::ClosedOn(today), None, 10).await.unwrap();
    assert_eq!(list.orders.len(), 2);
    let both = [compensating.order_id.clone(), existing[0].order_id.clone()];
    let loaded = orders.load_all(&both).await.unwrap();
    assert_eq!(ids(&loaded), both.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_count_reads_every_page() {
    let bed = TestBed::new();
    let orders = placed(&bed, &[]).await;
    let page = |status: &str, next: bool| {
        let mut page = json!({"Items": [{"status": {"S": status}}], "Count": 1});
        if next {
            page["LastEvaluatedKey"] = json!({"orderId": {"S": "ord_1"}});
        }
        Injected::Response(200, page)
    };
    bed.inject(page("FULFILLED", true));
    bed.inject(page("CANCELLED", false));
    let counts = orders.closed_on("2026-11-23").await.unwrap();
    assert_eq!(counts, [(Status::Fulfilled, 1), (Status::Cancelled, 1)].into());
}

/// The read units that this request consumes, times two.
fn half_units(bed: &TestBed, operation: &str, mut request: Value) -> u64 {
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let units = bed.call(operation, &request)["ConsumedCapacity"]["CapacityUnits"].to_string();
    let (whole, fraction) = units.split_once('.').unwrap_or((&units, "0"));
    whole.parse::<u64>().unwrap() * 2 + u64::from(fraction == "5")
}

/// The figures of docs/performance.md.
#[tokio::test]
async fn a_read_of_the_board_costs_16_units_for_a_thousand_open_orders_and_an_order_one() {
    let bed = TestBed::new();
    let existing: Vec<_> = (0..2_000).map(|n| order("ada", n)).collect();
    let orders = placed(&bed, &existing).await;
    assert_eq!(orders.open_orders().await.unwrap().len(), 2_000);
    let query = bed.last_request();
    let of_bucket = |bucket: u8| {
        let mut query = query.clone();
        query["ExpressionAttributeValues"][":key"] = json!({"S": bucket.to_string()});
        half_units(&bed, "Query", query)
    };
    let total: u64 = (0..domain::order::OPEN_ORDER_BUCKETS).map(of_bucket).sum();
    assert!((60..=66).contains(&total), "half units for 2,000 orders: {total}");
    let fulfilled = Order { order_id: order("ada", 9_999).order_id, ..samples::fulfilled() };
    orders.place(&fulfilled).await.unwrap();
    orders.load(&fulfilled.order_id).await.unwrap();
    assert_eq!(half_units(&bed, "GetItem", bed.last_request()), 2, "one strong read");
}
