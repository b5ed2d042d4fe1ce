//! Lists of orders by the indexes of the emulator's table.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::Orders;
use domain::order::Attention;
use domain::ports::{
    FindOrder, ListDueOrders, ListOrders, OrderList, PageCursor, PlaceOrder, SaveOrder, SaveResult,
};
use domain::{CustomerId, Order, OrderId, PaymentIntentId, ShipmentId, Sku};
use serde_json::json;
use support::{Instead, ORDERS, World};
use testing::samples;

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

async fn holding(world: &World, held: &[Order]) -> Orders {
    let orders = world.aws().orders(ORDERS);
    for order in held {
        orders.place(order).await.unwrap();
    }
    orders
}

fn ids(orders: &[Order]) -> Vec<&OrderId> {
    orders.iter().map(|order| &order.order_id).collect()
}

#[tokio::test]
async fn a_customer_s_orders_come_newest_first_page_by_page() {
    let held = [order("ada", 1), order("bob", 2), order("ada", 3), order("ada", 2)];
    let orders = holding(&World::new(), &held).await;
    let list = OrderList::Customer(customer("ada"));
    let first = orders.list(&list, None, 2).await.unwrap();
    assert_eq!(ids(&first.orders), [&held[2].order_id, &held[3].order_id]);
    let place = first.next.unwrap();
    assert_eq!(place.order_id, held[3].order_id);
    let rest = orders.list(&list, Some(&place), 2).await.unwrap();
    assert_eq!(ids(&rest.orders), [&held[0].order_id]);
    assert_eq!(rest.next, None);
    assert_eq!(rest.orders[0], held[0], "whole, as it is on record");
}

#[tokio::test]
async fn a_place_in_another_list_leads_into_this_list_only() {
    let held = [order("ada", 1), order("bob", 2), order("ada", 3)];
    let orders = holding(&World::new(), &held).await;
    let list = OrderList::Customer(customer("ada"));
    let of_bob = PageCursor { order_id: held[1].order_id.clone(), at: held[1].created_at };
    let page = orders.list(&list, Some(&of_bob), 10).await.unwrap();
    assert_eq!(ids(&page.orders), [&held[0].order_id]);
}

#[tokio::test]
async fn each_index_lists_what_has_its_attribute() {
    let stuck = samples::needs_attention();
    let mut waiting = order("bob", 5);
    waiting.waits_for = Some(Sku::parse("MUG").unwrap());
    let world = World::new();
    let orders = holding(&world, &[stuck.clone(), waiting.clone()]).await;
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
async fn an_order_that_has_left_the_list_meanwhile_is_left_out() {
    let stuck = samples::needs_attention();
    let world = World::new();
    let orders = holding(&world, std::slice::from_ref(&stuck)).await;
    let gone = order("ada", 9);
    orders.place(&gone).await.unwrap();
    // The index is late: it still names one that needs nobody any more.
    let key = |order: &Order| {
        json!({
            "orderId": {"S": order.order_id}, "attention": {"S": "OPERATOR"},
            "createdAt": {"S": order.created_at},
        })
    };
    world.next(Instead::Answer(200, json!({"Items": [key(&gone), key(&stuck)], "Count": 2})));
    let page = orders.list(&OrderList::Attention(Attention::Operator), None, 10).await.unwrap();
    assert_eq!(page.orders, [stuck]);
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error() {
    let world = World::new();
    let orders = world.aws_trying(1).orders(ORDERS);
    world.next(Instead::Refuse);
    assert!(orders.list(&OrderList::Open(0), None, 10).await.is_err());
}

#[tokio::test]
async fn the_orders_that_are_due_come_longest_due_first_and_the_others_not_at_all() {
    let held: Vec<_> = (0..40).map(|n| order("ada", 40 - n)).collect();
    let world = World::new();
    let orders = holding(&world, &held).await;
    let settled = samples::fulfilled().finalized(&[], samples::placed_at());
    orders.place(&settled).await.unwrap();
    // The nth order is looked at two minutes after it was placed.
    let at = samples::placed_at().plus_minutes(22);
    let mut found = Vec::new();
    for bucket in 0..domain::order::OPEN_ORDER_BUCKETS {
        let due = orders.due_orders(bucket, at, 100).await.unwrap();
        let look = |id: &OrderId| held.iter().find(|order| order.order_id == *id).unwrap().check_at;
        assert!(due.is_sorted_by_key(look), "{due:?}");
        let one = orders.due_orders(bucket, at, 1).await.unwrap();
        assert_eq!(one.first(), due.first());
        found.extend(due);
    }
    found.sort();
    let mut expected: Vec<_> =
        held.iter().filter(|order| order.is_due(at)).map(|order| order.order_id.clone()).collect();
    expected.sort();
    assert_eq!(expected.len(), 20);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_order_is_found_by_what_the_providers_call_it_once_that_is_on_record() {
    let world = World::new();
    let orders = holding(&world, &[samples::received()]).await;
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
    // A save of something else leaves them where they are.
    let later = stored.with_label("T", None, samples::placed_at());
    assert_eq!(orders.save(&stored, &later).await, Ok(SaveResult::Saved));
    assert_eq!(orders.by_shipment(&shipment).await, Ok(Some(stored.order_id.clone())));
}

#[tokio::test]
async fn a_store_that_is_away_is_no_order_that_is_not_there() {
    let world = World::new();
    let orders = world.aws_trying(1).orders(ORDERS);
    let intent = PaymentIntentId::parse("pi_1").unwrap();
    for _ in 0..2 {
        world.next(Instead::Refuse);
    }
    assert!(orders.due_orders(0, samples::placed_at(), 10).await.is_err());
    assert!(orders.by_payment_intent(&intent).await.is_err());
}
