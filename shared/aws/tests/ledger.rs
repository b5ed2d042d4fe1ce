//! Both tables read whole, in the emulator: nothing is left out, nothing is passed
//! over in silence.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::ledger::{OrderEntry, ReadStockLevels, ScanOrders};
use domain::ports::{NewProduct, PlaceOrder, RestockItem, WriteCatalog};
use domain::{Currency, Money, Order, OrderId, Sku};
use serde_json::{Value, json};
use support::{INVENTORY, Instead, ORDERS, World};
use testing::samples;

fn order(n: usize) -> Order {
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&request.customer_id, &n.to_string());
    Order::accept(request, samples::placed_at())
}

/// What a hand writes.
fn put(world: &World, table: &str, item: &Value) {
    world.call("PutItem", &json!({"TableName": table, "Item": item}));
}

fn ids(entries: &[OrderEntry]) -> Vec<String> {
    let id = |entry: &OrderEntry| match entry {
        OrderEntry::Order(order) => order.order_id.to_string(),
        OrderEntry::Malformed(key) => format!("spoilt {key}"),
    };
    let mut ids: Vec<String> = entries.iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_order_is_read_and_one_that_is_spoilt_is_named() {
    let world = World::new();
    let orders = world.aws().orders(ORDERS);
    // More than a page of 1 MB: 300 orders of some 4 KB each.
    let mut wanted = Vec::new();
    for n in 0..300 {
        let order = Order { request_hash: "x".repeat(4000), ..order(n) };
        orders.place(&order).await.unwrap();
        wanted.push(order.order_id.to_string());
    }
    put(&world, ORDERS, &json!({"orderId": {"S": "scribble"}, "status": {"S": "FINE"}}));
    wanted.push("spoilt scribble".to_owned());
    wanted.sort();

    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let part = orders.scan(after.as_deref()).await.unwrap();
        seen.extend(part.entries);
        pages += 1;
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids(&seen), wanted);
    assert!(pages > 1, "it was read in {pages} page");
    assert_eq!(world.last_request()["ConsistentRead"], true);
}

#[tokio::test]
async fn orders_are_loaded_by_id_a_hundred_at_a_time_and_consistently() {
    let world = World::new();
    let orders = world.aws().orders(ORDERS);
    let all: Vec<Order> = (0..130).map(order).collect();
    for order in &all {
        orders.place(order).await.unwrap();
    }
    let unknown = OrderId::parse(format!("ord_{}", "0".repeat(32))).unwrap();
    let mut asked: Vec<OrderId> = all.iter().map(|order| order.order_id.clone()).collect();
    asked.push(unknown);
    let found = orders.load_all(&asked).await.unwrap();
    assert_eq!(found.len(), all.len());
    let batches = || world.calls().iter().filter(|call| *call == "BatchGetItem").count();
    assert_eq!(batches(), 2);
    assert_eq!(world.last_request()["RequestItems"][ORDERS]["ConsistentRead"], true);
    assert!(orders.load_all(&[]).await.unwrap().is_empty());
    assert_eq!(batches(), 2, "nothing is asked for nothing");
}

#[tokio::test]
async fn a_batch_that_is_answered_in_part_is_asked_for_the_rest() {
    let world = World::new();
    let orders = world.aws().orders(ORDERS);
    let order = order(1);
    orders.place(&order).await.unwrap();
    let left = json!({ORDERS: {"Keys": [{"orderId": {"S": order.order_id}}]}});
    let nothing = json!({"Responses": {ORDERS: []}, "UnprocessedKeys": left});
    world.next(Instead::Answer(200, nothing.clone()));
    let found = orders.load_all(std::slice::from_ref(&order.order_id)).await.unwrap();
    assert_eq!(ids(&found), [order.order_id.to_string()]);
    for _ in 0..8 {
        world.next(Instead::Answer(200, nothing.clone()));
    }
    assert!(orders.load_all(&[order.order_id]).await.is_err());
}

#[tokio::test]
async fn shelves_are_read_as_they_are_and_the_requests_beside_them_are_not() {
    let world = World::new();
    let stock = world.aws().inventory(ORDERS, INVENTORY);
    let mug = Sku::parse("MUG").unwrap();
    let listing = NewProduct {
        sku: mug.clone(),
        title: "Mug".to_owned(),
        unit_price: Money::new(1250, Currency::Usd),
        weight_grams: 350,
        available: Some(5),
    };
    stock.add_product(&listing).await.unwrap();
    stock.restock(&mug, 3, "key", samples::placed_at()).await.unwrap();
    let tee = json!({"sku": {"S": "TEE"}, "available": {"N": "-2"}, "received": {"N": "4"}});
    put(&world, INVENTORY, &tee);
    put(&world, INVENTORY, &json!({"sku": {"S": "BAD"}, "available": {"S": "many"}}));
    let mut all = stock.stock_levels().await.unwrap();
    all.entries.sort_by(|a, b| a.sku.cmp(&b.sku));
    let figures: Vec<_> =
        all.entries.iter().map(|it| (it.sku.as_str(), it.available, it.received)).collect();
    assert_eq!(figures, [("MUG", 8, 8), ("TEE", -2, 4)]);
    assert_eq!((all.unreadable, all.next), (1, None));
    assert_eq!(world.last_request()["ConsistentRead"], true);
}
