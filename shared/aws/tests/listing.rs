//! Lists of orders by the indexes of the emulator's table.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use adapters::Orders;
use domain::order::Attention;
use domain::ports::{ListOrders, OrderList, Place, PlaceOrder};
use domain::{CustomerId, Order, OrderId, Sku, sample};
use serde_json::json;
use support::{Instead, ORDERS, World};

fn customer(name: &str) -> CustomerId {
    CustomerId::parse(name).unwrap()
}

/// The `n`th order of a customer, placed `n` minutes after the first.
fn order(name: &str, n: i64) -> Order {
    let mut request = sample::request();
    request.customer_id = customer(name);
    request.order_id = OrderId::of_request(&customer(name), &n.to_string());
    Order::accept(request, sample::placed_at().plus_minutes(n))
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
    let of_bob = Place { order_id: held[1].order_id.clone(), at: held[1].created_at };
    let page = orders.list(&list, Some(&of_bob), 10).await.unwrap();
    assert_eq!(ids(&page.orders), [&held[0].order_id]);
}

#[tokio::test]
async fn each_index_lists_what_has_its_attribute() {
    let stuck = sample::stuck();
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
    let stuck = sample::stuck();
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
