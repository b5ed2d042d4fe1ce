//! The Inventory table against the emulator: each condition has a test here
//! that fails without it, and after each test the books are compared.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::{Inventory, Orders};
use domain::catalog::StockItem;
use domain::compensation::FailedStates;
use domain::ports::{
    AddProductResult, LoadOrder, NewProduct, PlaceOrder, ReadCatalog, ReleaseResult, ReleaseStock,
    ReserveResult, ReserveStock, SaveOrder, WriteCatalog,
};
use domain::ports::{RestockItem, RestockResult};
use domain::{Currency, Money, Order, Sku};
use serde_json::json;
use support::{INVENTORY, Instead, ORDERS, World};
use testing::samples;

struct Shop {
    world: World,
    orders: Orders,
    inventory: Inventory,
}

/// A shop with so many mugs and shirts, and this order.
async fn shop(mugs: u64, tees: u64, order: &Order) -> Shop {
    let world = World::new();
    let aws = world.aws();
    let (orders, inventory) = (aws.orders(ORDERS), aws.inventory(ORDERS, INVENTORY));
    for (name, stock) in [("MUG", mugs), ("TEE", tees)] {
        inventory.add_product(&listing(name, Some(stock))).await.unwrap();
    }
    orders.place(order).await.unwrap();
    Shop { world, orders, inventory }
}

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

fn listing(name: &str, available: Option<u64>) -> NewProduct {
    NewProduct {
        sku: sku(name),
        title: format!("A {name}"),
        unit_price: Money::new(1250, Currency::Usd),
        weight_grams: 350,
        available,
    }
}

impl Shop {
    async fn shelf(&self, name: &str) -> StockItem {
        self.inventory.items(&[sku(name)]).await.unwrap().remove(0)
    }

    async fn stock(&self) -> [u64; 2] {
        [self.shelf("MUG").await.available, self.shelf("TEE").await.available]
    }

    async fn order(&self) -> Order {
        self.orders.load(&samples::received().order_id).await.unwrap().unwrap()
    }

    /// For each SKU, `received` = `available` + what orders hold.
    async fn books_agree(&self) {
        let order = self.order().await;
        for item in self.inventory.all().await.unwrap() {
            let held = order.reservation.iter().filter(|taken| taken.is_held());
            let lines = held.flat_map(|taken| &taken.lines);
            let held: u32 = lines.filter(|line| line.sku == item.sku).map(|l| l.quantity).sum();
            assert_eq!(item.received, item.available + u64::from(held), "{}", item.sku);
        }
    }
}

fn later() -> domain::Timestamp {
    samples::placed_at().plus_minutes(1)
}

#[tokio::test]
async fn to_reserve_takes_every_line_and_writes_the_order() {
    let before = samples::authorized();
    let shop = shop(5, 1, &before).await;
    let after = before.reserved(later()).unwrap();
    assert_eq!(shop.inventory.reserve(&before, &after).await, Ok(ReserveResult::Reserved));
    assert_eq!(shop.stock().await, [3, 0]);
    assert_eq!(shop.order().await, after);
    shop.books_agree().await;
}

#[tokio::test]
async fn when_a_line_is_short_nothing_is_taken_and_every_shortage_is_named() {
    let before = samples::authorized();
    let after = before.reserved(later()).unwrap();
    let check = async |mugs, tees, expected: &[(&str, u32, u64)]| {
        let shop = shop(mugs, tees, &before).await;
        let Ok(ReserveResult::OutOfStock(short)) = shop.inventory.reserve(&before, &after).await
        else {
            panic!("{mugs} mugs and {tees} shirts are short");
        };
        let seen: Vec<_> =
            short.iter().map(|s| (s.sku.as_str(), s.requested, s.available)).collect();
        assert_eq!(seen, expected);
        assert_eq!(shop.stock().await, [mugs, tees]);
        assert_eq!(shop.order().await, before);
        shop.books_agree().await;
    };
    check(5, 0, &[("TEE", 1, 0)]).await;
    check(1, 1, &[("MUG", 2, 1)]).await;
    check(1, 0, &[("MUG", 2, 1), ("TEE", 1, 0)]).await;
}

#[tokio::test]
async fn a_sku_that_is_not_on_record_is_short_by_all_of_it() {
    let before = samples::authorized();
    let world = World::new();
    let aws = world.aws();
    aws.orders(ORDERS).place(&before).await.unwrap();
    let after = before.reserved(later()).unwrap();
    let Ok(ReserveResult::OutOfStock(short)) =
        aws.inventory(ORDERS, INVENTORY).reserve(&before, &after).await
    else {
        panic!("nothing is on the shelves");
    };
    assert_eq!(short.iter().map(|s| s.available).collect::<Vec<_>>(), [0, 0]);
}

#[tokio::test]
async fn an_order_that_changed_since_it_was_read_takes_nothing() {
    let before = samples::authorized();
    let shop = shop(5, 5, &before).await;
    let turned = before.begin_compensation(&FailedStates::new(), later());
    let _done = shop.orders.save(&before, &turned).await.unwrap();
    let after = before.reserved(later()).unwrap();
    assert_eq!(shop.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
    assert_eq!(shop.stock().await, [5, 5]);
    assert_eq!(shop.order().await, turned);
}

#[tokio::test]
async fn a_change_of_the_order_counts_for_more_than_a_shortage() {
    let before = samples::authorized();
    let shop = shop(0, 0, &before).await;
    let _done = shop.orders.save(&before, &before.with_next_attempt(later())).await.unwrap();
    let after = before.reserved(later()).unwrap();
    assert_eq!(shop.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
}

#[tokio::test]
async fn a_reservation_whose_answer_is_lost_is_made_once() {
    let before = samples::authorized();
    let shop = shop(5, 5, &before).await;
    let after = before.reserved(later()).unwrap();
    shop.world.next(Instead::LoseAnswer);
    // The quick retry carries the same token, so that it is the same transaction.
    assert_eq!(shop.inventory.reserve(&before, &after).await, Ok(ReserveResult::Reserved));
    assert_eq!(shop.stock().await, [3, 4]);
    assert_eq!(shop.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
    assert_eq!(shop.stock().await, [3, 4]);
    shop.books_agree().await;
}

#[tokio::test]
async fn to_release_gives_every_line_back_once() {
    let before = samples::reserved();
    let shop = shop(5, 1, &samples::authorized()).await;
    let taken = shop.inventory.reserve(&samples::authorized(), &before).await;
    assert_eq!(taken, Ok(ReserveResult::Reserved));
    let after = before.released(later());
    assert_eq!(shop.inventory.release(&before, &after).await, Ok(ReleaseResult::Released));
    assert_eq!(shop.stock().await, [5, 1]);
    assert_eq!(shop.order().await, after);
    assert_eq!(shop.inventory.release(&before, &after).await, Ok(ReleaseResult::OrderConflict));
    assert_eq!(shop.stock().await, [5, 1]);
    shop.books_agree().await;
}

#[tokio::test]
async fn nothing_is_given_back_to_a_shelf_that_is_not_on_record() {
    let before = samples::reserved();
    let world = World::new();
    let aws = world.aws();
    aws.orders(ORDERS).place(&before).await.unwrap();
    let inventory = aws.inventory(ORDERS, INVENTORY);
    let error = inventory.release(&before, &before.released(later())).await.unwrap_err();
    assert!(error.to_string().contains("a shelf is not on record"), "{error}");
    assert_eq!(inventory.all().await, Ok(vec![]));
}

#[tokio::test]
async fn only_a_failed_condition_is_a_shortage_the_rest_is_contention_or_trouble() {
    let before = samples::authorized();
    let after = before.reserved(later()).unwrap();
    let check = async |codes: &[&str], expected: Result<ReserveResult, &str>| {
        let shop = shop(5, 5, &before).await;
        shop.world.cancel_with(codes);
        let seen = shop.inventory.reserve(&before, &after).await;
        match (seen, expected) {
            (Ok(seen), Ok(expected)) => assert_eq!(seen, expected, "{codes:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (seen, _) => panic!("{codes:?} gave {seen:?}"),
        }
    };
    let (no, short) = ("None", "ConditionalCheckFailed");
    check(&[no, "TransactionConflict", no], Ok(ReserveResult::Contended)).await;
    check(&["TransactionConflict", no, no], Ok(ReserveResult::Contended)).await;
    check(&[no, short, "TransactionConflict"], Ok(ReserveResult::Contended)).await;
    check(&[no, "ThrottlingError", no], Ok(ReserveResult::Contended)).await;
    check(&[no, "ProvisionedThroughputExceeded", no], Ok(ReserveResult::Contended)).await;
    check(&[short, short, "TransactionConflict"], Ok(ReserveResult::OrderConflict)).await;
    check(&[no, "ValidationError", no], Err("ValidationError")).await;
    check(&[], Err("without a reason")).await;
}

#[tokio::test]
async fn throttling_is_contention_and_silence_is_not() {
    let before = samples::reserved();
    let after = before.released(later());
    let world = World::new();
    let inventory = world.aws_trying(1).inventory(ORDERS, INVENTORY);
    for code in ["ThrottlingException", "ProvisionedThroughputExceededException"] {
        world.refuse_with(code);
        assert_eq!(
            inventory.release(&before, &after).await,
            Ok(ReleaseResult::Contended),
            "{code}"
        );
    }
    world.next(Instead::Refuse);
    assert!(inventory.release(&before, &after).await.is_err());
    world.refuse_with("AccessDeniedException");
    assert!(inventory.release(&before, &after).await.is_err());
}

#[tokio::test]
async fn the_last_one_on_the_shelf_goes_to_one_order() {
    let before = samples::authorized();
    let shop = shop(2, 1, &before).await;
    let mut other = before.clone();
    other.order_id = domain::OrderId::for_request(&before.customer_id, "another");
    shop.orders.place(&other).await.unwrap();
    let after = |order: &Order| order.reserved(later()).unwrap();
    let first = shop.inventory.reserve(&before, &after(&before)).await;
    let second = shop.inventory.reserve(&other, &after(&other)).await;
    assert_eq!(first, Ok(ReserveResult::Reserved));
    assert!(matches!(second, Ok(ReserveResult::OutOfStock(_))), "{second:?}");
    assert_eq!(shop.stock().await, [0, 0]);
}

#[tokio::test]
async fn a_listing_keeps_the_stock_and_an_opening_stock_is_for_a_new_sku_only() {
    let world = World::new();
    let inventory = world.aws().inventory(ORDERS, INVENTORY);
    let list = async |listing: NewProduct| inventory.add_product(&listing).await.unwrap();
    let stock = |listed: &AddProductResult| match listed {
        AddProductResult::Added(item) => Some((item.available, item.received)),
        AddProductResult::AlreadyExists => None,
    };
    assert_eq!(stock(&list(listing("MUG", Some(7))).await), Some((7, 7)));
    assert_eq!(stock(&list(listing("MUG", Some(9))).await), None);
    let dearer = NewProduct { unit_price: Money::new(1300, Currency::Eur), ..listing("MUG", None) };
    let AddProductResult::Added(item) = list(dearer).await else { panic!("it is on record") };
    assert_eq!((item.unit_price, item.available), (Money::new(1300, Currency::Eur), 7));
    assert_eq!(stock(&list(listing("TEE", None)).await), Some((0, 0)));
    let all = inventory.all().await.unwrap();
    assert_eq!(all.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>(), ["MUG", "TEE"]);
}

#[tokio::test]
async fn items_are_read_once_each_and_the_unknown_left_out() {
    let shop = shop(5, 1, &samples::received()).await;
    let skus = [sku("TEE"), sku("MUG"), sku("TEE"), sku("NIL")];
    let mut items = shop.inventory.items(&skus).await.unwrap();
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    assert_eq!(items.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>(), ["MUG", "TEE"]);
    assert_eq!(shop.inventory.items(&[]).await, Ok(vec![]));
}

#[tokio::test]
async fn a_batch_that_is_answered_in_part_is_asked_for_the_rest() {
    let shop = shop(5, 1, &samples::received()).await;
    let key = json!({"sku": {"S": "TEE"}});
    let left =
        json!({"Responses": {INVENTORY: []}, "UnprocessedKeys": {INVENTORY: {"Keys": [key]}}});
    shop.world.next(Instead::Answer(200, left.clone()));
    let items = shop.inventory.items(&[sku("TEE")]).await.unwrap();
    assert_eq!(items.len(), 1);
    for _ in 0..8 {
        shop.world.next(Instead::Answer(200, left.clone()));
    }
    assert!(shop.inventory.items(&[sku("TEE")]).await.is_err(), "it does not ask for ever");
}

#[tokio::test]
async fn entries_of_restocks_are_no_items_of_the_catalogue() {
    let shop = shop(5, 1, &samples::received()).await;
    let entry = json!({"sku": {"S": "RESTOCK#MUG#key"}, "quantity": {"N": "3"}});
    shop.world.call("PutItem", &json!({"TableName": INVENTORY, "Item": entry}));
    assert_eq!(shop.inventory.all().await.unwrap().len(), 2);
}

#[tokio::test]
async fn goods_come_in_once_for_each_request() {
    let shop = shop(5, 1, &samples::received()).await;
    let restock = async |name: &str, quantity, key| {
        shop.inventory.restock(&sku(name), quantity, key, later()).await.unwrap()
    };
    let stock = |restocked: RestockResult| match restocked {
        RestockResult::Restocked(item) => (true, item.available, item.received),
        RestockResult::Replayed(item) => (false, item.available, item.received),
        other => panic!("{other:?}"),
    };
    assert_eq!(stock(restock("MUG", 3, "a").await), (true, 8, 8));
    assert_eq!(stock(restock("MUG", 3, "a").await), (false, 8, 8));
    assert_eq!(restock("MUG", 4, "a").await, RestockResult::KeyReused);
    assert_eq!(stock(restock("TEE", 4, "a").await), (true, 5, 5), "a key is a shelf's own");
    assert_eq!(restock("NIL", 1, "a").await, RestockResult::UnknownSku);
    assert_eq!(shop.inventory.all().await.unwrap().len(), 2, "nothing is made of nothing");
    shop.books_agree().await;
}

#[tokio::test]
async fn a_restock_whose_answer_is_lost_is_made_once() {
    let shop = shop(5, 1, &samples::received()).await;
    shop.world.next(Instead::LoseAnswer);
    let done = shop.inventory.restock(&sku("MUG"), 3, "a", later()).await.unwrap();
    assert!(matches!(done, RestockResult::Restocked(item) if item.available == 8));
    shop.books_agree().await;
}

#[tokio::test]
async fn a_crowded_shelf_is_contention_for_a_restock_too() {
    let shop = shop(5, 1, &samples::received()).await;
    let restock = async || shop.inventory.restock(&sku("MUG"), 3, "a", later()).await;
    shop.world.cancel_with(&["None", "TransactionConflict"]);
    assert_eq!(restock().await, Ok(RestockResult::Contended));
    shop.world.cancel_with(&["None", "ValidationError"]);
    assert!(restock().await.is_err());
    shop.world.refuse_with("AccessDeniedException");
    assert!(restock().await.is_err());
}
