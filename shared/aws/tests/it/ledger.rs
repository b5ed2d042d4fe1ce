//! Scans of both tables in the emulator: every item is returned, named or counted.

use domain::ledger::{OrderEntry, ReadStockLevels, ScanOrders};
use domain::ports::{ChangeStock, NewProduct, PlaceOrder, StockChange, WriteCatalog};
use domain::{Currency, Money, Order, OrderId, Sku};
use serde_json::{Value, json};
use testing::samples;

use crate::test_bed::{INVENTORY, Injected, ORDERS, TestBed};

fn order(n: usize) -> Order {
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&request.customer_id, &n.to_string());
    Order::accept(request, samples::placed_at())
}

/// Writes an item directly.
fn put(bed: &TestBed, table: &str, item: &Value) {
    bed.call("PutItem", &json!({"TableName": table, "Item": item}));
}

fn ids(entries: &[OrderEntry]) -> Vec<String> {
    let id = |entry: &OrderEntry| match entry {
        OrderEntry::Order(order) => order.order_id.to_string(),
        OrderEntry::Malformed(key) => format!("malformed {key}"),
    };
    let mut ids: Vec<String> = entries.iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_order_is_read_and_a_malformed_one_is_named() {
    let bed = TestBed::new();
    let orders = bed.aws().orders(ORDERS);
    // More than a page of 1 MB: 300 orders of about 4 KB each.
    let mut expected = Vec::new();
    for n in 0..300 {
        let order = Order { request_hash: Some("x".repeat(4000)), ..order(n) };
        orders.place(&order).await.unwrap();
        expected.push(order.order_id.to_string());
    }
    put(&bed, ORDERS, &json!({"orderId": {"S": "scribble"}, "status": {"S": "FINE"}}));
    expected.push("malformed scribble".to_owned());
    expected.sort();

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
    assert_eq!(ids(&seen), expected);
    assert!(pages > 1, "it was read in {pages} page");
    assert_eq!(bed.last_request()["ConsistentRead"], true);
}

#[tokio::test]
async fn orders_are_loaded_by_id_in_consistent_batches_of_one_hundred() {
    let bed = TestBed::new();
    let orders = bed.aws().orders(ORDERS);
    let all: Vec<Order> = (0..130).map(order).collect();
    for order in &all {
        orders.place(order).await.unwrap();
    }
    let unknown = OrderId::parse(format!("ord_{}", "0".repeat(32))).unwrap();
    let mut requested: Vec<OrderId> = all.iter().map(|order| order.order_id.clone()).collect();
    requested.push(unknown);
    let found = orders.load_all(&requested).await.unwrap();
    assert_eq!(found.len(), all.len());
    let batches = || bed.calls().iter().filter(|call| *call == "BatchGetItem").count();
    assert_eq!(batches(), 2);
    assert_eq!(bed.last_request()["RequestItems"][ORDERS]["ConsistentRead"], true);
    assert!(orders.load_all(&[]).await.unwrap().is_empty());
    assert_eq!(batches(), 2, "no ids, no call");
}

#[tokio::test]
async fn unprocessed_keys_of_a_batch_are_requested_again_a_limited_number_of_times() {
    let bed = TestBed::new();
    let orders = bed.aws().orders(ORDERS);
    let order = order(1);
    orders.place(&order).await.unwrap();
    let unprocessed = json!({ORDERS: {"Keys": [{"orderId": {"S": order.order_id}}]}});
    let partial = json!({"Responses": {ORDERS: []}, "UnprocessedKeys": unprocessed});
    bed.inject(Injected::Response(200, partial.clone()));
    let found = orders.load_all(std::slice::from_ref(&order.order_id)).await.unwrap();
    assert_eq!(ids(&found), [order.order_id.to_string()]);
    for _ in 0..8 {
        bed.inject(Injected::Response(200, partial.clone()));
    }
    assert!(orders.load_all(&[order.order_id]).await.is_err());
}

#[tokio::test]
async fn stock_levels_are_read_for_products_and_not_for_restock_records() {
    let bed = TestBed::new();
    let stock = bed.aws().inventory(ORDERS, INVENTORY);
    let mug = Sku::parse("MUG").unwrap();
    let product = NewProduct {
        sku: mug.clone(),
        title: "Mug".to_owned(),
        unit_price: Money::new(1250, Currency::Usd),
        weight_grams: 350,
        available: Some(5),
    };
    stock.add_product(&product, "clerk", samples::placed_at()).await.unwrap();
    stock
        .change_stock(&mug, &StockChange::Restock, 3, "key", "clerk", samples::placed_at())
        .await
        .unwrap();
    let tee = json!({"sku": {"S": "TEE"}, "available": {"N": "-2"}, "received": {"N": "4"}});
    put(&bed, INVENTORY, &tee);
    put(&bed, INVENTORY, &json!({"sku": {"S": "BAD"}, "available": {"S": "many"}}));
    let mut all = stock.stock_levels().await.unwrap();
    all.entries.sort_by(|a, b| a.sku.cmp(&b.sku));
    let figures: Vec<_> =
        all.entries.iter().map(|it| (it.sku.as_str(), it.available, it.received)).collect();
    assert_eq!(figures, [("MUG", 8, 8), ("TEE", -2, 4)]);
    assert_eq!((all.unreadable, all.next), (1, None));
    assert_eq!(bed.last_request()["ConsistentRead"], true);
}
