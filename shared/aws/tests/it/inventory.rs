//! The Inventory table against the emulator. Each condition of a write has a test that
//! fails without it, and most tests end with a check that the ledger balances.

use aws::{Inventory, Orders};
use domain::catalog::StockItem;
use domain::compensation::FailedStates;
use domain::ports::{
    AddProductResult, CatalogPage, ChangeStock, LoadOrder, NewProduct, PlaceOrder, ReadCatalog,
    ReadProductAudit, ReleaseResult, ReleaseStock, ReserveResult, ReserveStock, SaveOrder,
    StockChange, StockChangeResult, WriteCatalog,
};
use domain::{Currency, Money, Order, Sku};
use serde_json::json;
use testing::samples;

use crate::test_bed::{INVENTORY, Injected, ORDERS, TestBed};

/// The attempts of a transaction that meets contention.
const ATTEMPTS: usize = 5;

struct Store {
    bed: TestBed,
    orders: Orders,
    inventory: Inventory,
}

/// A store with this many mugs and shirts, and this order.
async fn store(mugs: u64, shirts: u64, order: &Order) -> Store {
    let bed = TestBed::new();
    let aws = bed.aws();
    let (orders, inventory) = (aws.orders(ORDERS), aws.inventory(ORDERS, INVENTORY));
    for (name, stock) in [("MUG", mugs), ("TEE", shirts)] {
        inventory
            .add_product(&product(name, Some(stock)), "clerk", samples::placed_at())
            .await
            .unwrap();
    }
    orders.place(order).await.unwrap();
    Store { bed, orders, inventory }
}

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

fn product(name: &str, available: Option<u64>) -> NewProduct {
    NewProduct {
        sku: sku(name),
        title: format!("A {name}"),
        unit_price: Money::new(1250, Currency::Usd),
        weight_grams: 350,
        available,
    }
}

impl Store {
    async fn item(&self, name: &str) -> StockItem {
        self.inventory.items(&[sku(name)]).await.unwrap().remove(0)
    }

    async fn stock(&self) -> [u64; 2] {
        [self.item("MUG").await.available, self.item("TEE").await.available]
    }

    async fn order(&self) -> Order {
        self.orders.load(&samples::received().order_id).await.unwrap().unwrap()
    }

    /// For each SKU, `received` = `available` + what orders hold.
    async fn assert_ledger_balances(&self) {
        let order = self.order().await;
        for item in self.inventory.page(None, 100).await.unwrap().items {
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
async fn a_reservation_takes_every_line_and_writes_the_order() {
    let before = samples::authorized();
    let store = store(5, 1, &before).await;
    let after = before.reserved(later()).unwrap();
    assert_eq!(store.inventory.reserve(&before, &after).await, Ok(ReserveResult::Reserved));
    assert_eq!(store.stock().await, [3, 0]);
    assert_eq!(store.order().await, after);
    store.assert_ledger_balances().await;
}

#[tokio::test]
async fn when_a_line_is_short_nothing_is_taken_and_every_shortage_is_named() {
    let before = samples::authorized();
    let after = before.reserved(later()).unwrap();
    let check = async |mugs, shirts, expected: &[(&str, u32, u64)]| {
        let store = store(mugs, shirts, &before).await;
        let Ok(ReserveResult::OutOfStock(short)) = store.inventory.reserve(&before, &after).await
        else {
            panic!("{mugs} mugs and {shirts} shirts are short");
        };
        let seen: Vec<_> =
            short.iter().map(|s| (s.sku.as_str(), s.requested, s.available)).collect();
        assert_eq!(seen, expected);
        assert_eq!(store.stock().await, [mugs, shirts]);
        assert_eq!(store.order().await, before);
        store.assert_ledger_balances().await;
    };
    check(5, 0, &[("TEE", 1, 0)]).await;
    check(1, 1, &[("MUG", 2, 1)]).await;
    check(1, 0, &[("MUG", 2, 1), ("TEE", 1, 0)]).await;
}

#[tokio::test]
async fn an_unknown_sku_is_short_by_the_whole_quantity() {
    let before = samples::authorized();
    let bed = TestBed::new();
    let aws = bed.aws();
    aws.orders(ORDERS).place(&before).await.unwrap();
    let after = before.reserved(later()).unwrap();
    let Ok(ReserveResult::OutOfStock(short)) =
        aws.inventory(ORDERS, INVENTORY).reserve(&before, &after).await
    else {
        panic!("there is no stock");
    };
    assert_eq!(short.iter().map(|s| s.available).collect::<Vec<_>>(), [0, 0]);
}

#[tokio::test]
async fn an_order_that_changed_since_it_was_read_reserves_nothing() {
    let before = samples::authorized();
    let store = store(5, 5, &before).await;
    let compensating = before.begin_compensation(&FailedStates::new(), later());
    let _saved = store.orders.save(&before, &compensating).await.unwrap();
    let after = before.reserved(later()).unwrap();
    assert_eq!(store.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
    assert_eq!(store.stock().await, [5, 5]);
    assert_eq!(store.order().await, compensating);
}

#[tokio::test]
async fn a_changed_order_takes_precedence_over_a_shortage() {
    let before = samples::authorized();
    let store = store(0, 0, &before).await;
    let _saved = store.orders.save(&before, &before.with_next_attempt(later())).await.unwrap();
    let after = before.reserved(later()).unwrap();
    assert_eq!(store.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
}

#[tokio::test]
async fn a_reservation_whose_response_is_lost_is_made_once() {
    let before = samples::authorized();
    let store = store(5, 5, &before).await;
    let after = before.reserved(later()).unwrap();
    store.bed.inject(Injected::LostResponse);
    // The SDK retries with the same client request token: it is the same transaction.
    assert_eq!(store.inventory.reserve(&before, &after).await, Ok(ReserveResult::Reserved));
    assert_eq!(store.stock().await, [3, 4]);
    assert_eq!(store.inventory.reserve(&before, &after).await, Ok(ReserveResult::OrderConflict));
    assert_eq!(store.stock().await, [3, 4]);
    store.assert_ledger_balances().await;
}

#[tokio::test]
async fn a_release_gives_every_line_back_once() {
    let before = samples::reserved();
    let store = store(5, 1, &samples::authorized()).await;
    let taken = store.inventory.reserve(&samples::authorized(), &before).await;
    assert_eq!(taken, Ok(ReserveResult::Reserved));
    let after = before.released(later());
    assert_eq!(store.inventory.release(&before, &after).await, Ok(ReleaseResult::Released));
    assert_eq!(store.stock().await, [5, 1]);
    assert_eq!(store.order().await, after);
    assert_eq!(store.inventory.release(&before, &after).await, Ok(ReleaseResult::OrderConflict));
    assert_eq!(store.stock().await, [5, 1]);
    store.assert_ledger_balances().await;
}

#[tokio::test]
async fn a_release_to_an_unknown_product_fails_and_creates_nothing() {
    let before = samples::reserved();
    let bed = TestBed::new();
    let aws = bed.aws();
    aws.orders(ORDERS).place(&before).await.unwrap();
    let inventory = aws.inventory(ORDERS, INVENTORY);
    let error = inventory.release(&before, &before.released(later())).await.unwrap_err();
    assert!(error.to_string().contains("a product of the order is not on record"), "{error}");
    assert_eq!(inventory.page(None, 100).await, Ok(CatalogPage::default()));
}

#[tokio::test(start_paused = true)]
async fn only_a_failed_condition_is_a_shortage_other_reasons_are_contention_or_errors() {
    let before = samples::authorized();
    let after = before.reserved(later()).unwrap();
    let check = async |codes: &[&str], expected: Result<ReserveResult, &str>| {
        let store = store(5, 5, &before).await;
        for _ in 0..ATTEMPTS {
            store.bed.cancel_with(codes);
        }
        let seen = store.inventory.reserve(&before, &after).await;
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

#[tokio::test(start_paused = true)]
async fn a_transaction_that_meets_contention_is_tried_again_at_once() {
    let before = samples::authorized();
    let after = before.reserved(later()).unwrap();
    let store = store(5, 5, &before).await;
    let transactions = || store.bed.calls().iter().filter(|call| is_transaction(call)).count();
    let so_far = transactions();
    for _ in 1..ATTEMPTS {
        store.bed.cancel_with(&["None", "TransactionConflict", "None"]);
    }
    let seen = store.inventory.reserve(&before, &after).await;
    assert_eq!(seen, Ok(ReserveResult::Reserved));
    assert_eq!(transactions() - so_far, ATTEMPTS);
    store.assert_ledger_balances().await;
}

fn is_transaction(call: &str) -> bool {
    call == "TransactWriteItems"
}

#[tokio::test(start_paused = true)]
async fn throttling_is_contention_and_a_connection_error_is_not() {
    let before = samples::reserved();
    let after = before.released(later());
    let bed = TestBed::new();
    let inventory = bed.aws_with_attempts(1).inventory(ORDERS, INVENTORY);
    for code in ["ThrottlingException", "ProvisionedThroughputExceededException"] {
        for _ in 0..ATTEMPTS {
            bed.reject_with(code);
        }
        assert_eq!(
            inventory.release(&before, &after).await,
            Ok(ReleaseResult::Contended),
            "{code}"
        );
    }
    bed.inject(Injected::ConnectionError);
    assert!(inventory.release(&before, &after).await.is_err());
    bed.reject_with("AccessDeniedException");
    assert!(inventory.release(&before, &after).await.is_err());
}

#[tokio::test]
async fn the_last_item_in_stock_goes_to_one_order() {
    let before = samples::authorized();
    let store = store(2, 1, &before).await;
    let mut other = before.clone();
    other.order_id = domain::OrderId::for_request(&before.customer_id, "another");
    store.orders.place(&other).await.unwrap();
    let after = |order: &Order| order.reserved(later()).unwrap();
    let first = store.inventory.reserve(&before, &after(&before)).await;
    let second = store.inventory.reserve(&other, &after(&other)).await;
    assert_eq!(first, Ok(ReserveResult::Reserved));
    assert!(matches!(second, Ok(ReserveResult::OutOfStock(_))), "{second:?}");
    assert_eq!(store.stock().await, [0, 0]);
}

#[tokio::test]
async fn changing_a_product_keeps_its_stock_and_only_a_new_sku_has_an_opening_stock() {
    let bed = TestBed::new();
    let inventory = bed.aws().inventory(ORDERS, INVENTORY);
    let add = async |product: NewProduct| {
        inventory.add_product(&product, "clerk", samples::placed_at()).await.unwrap()
    };
    let stock = |result: &AddProductResult| match result {
        AddProductResult::Added(item) => Some((item.available, item.received)),
        AddProductResult::AlreadyExists | AddProductResult::Contended => None,
    };
    assert_eq!(stock(&add(product("MUG", Some(7))).await), Some((7, 7)));
    assert_eq!(stock(&add(product("MUG", Some(9))).await), None);
    let repriced =
        NewProduct { unit_price: Money::new(1300, Currency::Eur), ..product("MUG", None) };
    let AddProductResult::Added(item) = add(repriced).await else { panic!("it is on record") };
    assert_eq!((item.unit_price, item.available), (Money::new(1300, Currency::Eur), 7));
    assert_eq!(stock(&add(product("TEE", None)).await), Some((0, 0)));
    let all = inventory.page(None, 100).await.unwrap().items;
    assert_eq!(all.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>(), ["MUG", "TEE"]);
}

#[tokio::test]
async fn each_item_is_read_once_and_unknown_skus_are_left_out() {
    let store = store(5, 1, &samples::received()).await;
    let skus = [sku("TEE"), sku("MUG"), sku("TEE"), sku("NIL")];
    let mut items = store.inventory.items(&skus).await.unwrap();
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    assert_eq!(items.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>(), ["MUG", "TEE"]);
    assert_eq!(store.inventory.items(&[]).await, Ok(vec![]));
}

#[tokio::test]
async fn unprocessed_keys_of_a_batch_are_requested_again_a_limited_number_of_times() {
    let store = store(5, 1, &samples::received()).await;
    let key = json!({"sku": {"S": "TEE"}});
    let partial =
        json!({"Responses": {INVENTORY: []}, "UnprocessedKeys": {INVENTORY: {"Keys": [key]}}});
    store.bed.inject(Injected::Response(200, partial.clone()));
    let items = store.inventory.items(&[sku("TEE")]).await.unwrap();
    assert_eq!(items.len(), 1);
    for _ in 0..8 {
        store.bed.inject(Injected::Response(200, partial.clone()));
    }
    assert!(
        store.inventory.items(&[sku("TEE")]).await.is_err(),
        "the number of attempts is limited"
    );
}

#[tokio::test]
async fn records_of_restocks_are_not_products_of_the_catalog() {
    let store = store(5, 1, &samples::received()).await;
    let entry = json!({"sku": {"S": "RESTOCK#MUG#key"}, "quantity": {"N": "3"}});
    store.bed.call("PutItem", &json!({"TableName": INVENTORY, "Item": entry}));
    assert_eq!(store.inventory.page(None, 100).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn the_record_of_a_restock_expires_after_thirty_days() {
    let store = store(5, 1, &samples::received()).await;
    store
        .inventory
        .change_stock(&sku("MUG"), &StockChange::Restock, 3, "a", "op-1", later())
        .await
        .unwrap();
    let key = json!({"TableName": INVENTORY, "Key": {"sku": {"S": "RESTOCK#MUG#4#op-1#a"}}});
    let record = store.bed.call("GetItem", &key);
    let expires: i64 = record["Item"]["expiresAt"]["N"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires - later().to_jiff().as_second(), 30 * 24 * 60 * 60);
    let product = json!({"TableName": INVENTORY, "Key": {"sku": {"S": "MUG"}}});
    assert_eq!(store.bed.call("GetItem", &product)["Item"]["expiresAt"], json!(null), "kept");
}

#[tokio::test]
async fn a_restock_is_applied_once_per_request() {
    let store = store(5, 1, &samples::received()).await;
    let restock = async |name: &str, quantity, key| {
        store
            .inventory
            .change_stock(&sku(name), &StockChange::Restock, quantity, key, "clerk", later())
            .await
            .unwrap()
    };
    let stock = |restocked: StockChangeResult| match restocked {
        StockChangeResult::Changed(item) => (true, item.available, item.received),
        StockChangeResult::Replayed(item) => (false, item.available, item.received),
        other => panic!("{other:?}"),
    };
    assert_eq!(stock(restock("MUG", 3, "a").await), (true, 8, 8));
    assert_eq!(stock(restock("MUG", 3, "a").await), (false, 8, 8));
    assert_eq!(restock("MUG", 4, "a").await, StockChangeResult::KeyReused);
    assert_eq!(stock(restock("TEE", 4, "a").await), (true, 5, 5), "a key is scoped to its product");
    assert_eq!(restock("NIL", 1, "a").await, StockChangeResult::UnknownSku);
    assert_eq!(
        store.inventory.page(None, 100).await.unwrap().items.len(),
        2,
        "no product is created"
    );
    store.assert_ledger_balances().await;
}

#[tokio::test]
async fn a_restock_whose_response_is_lost_is_applied_once() {
    let store = store(5, 1, &samples::received()).await;
    store.bed.inject(Injected::Pass);
    store.bed.inject(Injected::LostResponse);
    let result = store
        .inventory
        .change_stock(&sku("MUG"), &StockChange::Restock, 3, "a", "clerk", later())
        .await
        .unwrap();
    assert!(matches!(result, StockChangeResult::Changed(item) if item.available == 8));
    store.assert_ledger_balances().await;
}

#[tokio::test]
async fn a_conflicting_transaction_is_contention_for_a_restock_too() {
    let store = store(5, 1, &samples::received()).await;
    let restock = async || {
        store
            .inventory
            .change_stock(&sku("MUG"), &StockChange::Restock, 3, "a", "clerk", later())
            .await
    };
    store.bed.inject(Injected::Pass);
    store.bed.cancel_with(&["None", "TransactionConflict", "None"]);
    assert_eq!(restock().await, Ok(StockChangeResult::Contended));
    store.bed.inject(Injected::Pass);
    store.bed.cancel_with(&["None", "ValidationError", "None"]);
    assert!(restock().await.is_err());
    store.bed.inject(Injected::Pass);
    store.bed.reject_with("AccessDeniedException");
    assert!(restock().await.is_err());
}

#[tokio::test]
async fn removed_stock_leaves_the_ledger_balanced_and_never_goes_below_zero() {
    let store = store(5, 1, &samples::received()).await;
    let removal = StockChange::Removal { reason: "broken".to_owned() };
    let remove = async |quantity, key, actor| {
        let mug = sku("MUG");
        store.inventory.change_stock(&mug, &removal, quantity, key, actor, later()).await.unwrap()
    };
    let left = |result: StockChangeResult| match result {
        StockChangeResult::Changed(item) | StockChangeResult::Replayed(item) => {
            (item.available, item.received)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(left(remove(2, "a", "clerk").await), (3, 3));
    assert_eq!(left(remove(2, "a", "clerk").await), (3, 3), "once for each key");
    assert_eq!(remove(1, "a", "clerk").await, StockChangeResult::KeyReused);
    assert_eq!(left(remove(1, "a", "other").await), (2, 2), "a key is its caller's");
    assert_eq!(remove(3, "b", "clerk").await, StockChangeResult::NotAvailable);
    assert_eq!(left(remove(2, "c", "clerk").await), (0, 0));
    store.assert_ledger_balances().await;
    let audit = store.inventory.product_audit(&sku("MUG")).await.unwrap();
    let last = audit.last().unwrap();
    assert_eq!((last.actor.as_str(), last.action.name()), ("clerk", "product:remove"));
    assert_eq!(last.note.as_ref().unwrap().expose(), "broken");
}

#[tokio::test]
async fn every_product_is_on_one_page_of_the_catalog() {
    let bed = TestBed::new();
    let inventory = bed.aws().inventory(ORDERS, INVENTORY);
    let at = samples::placed_at();
    for number in 0..7 {
        let product = NewProduct {
            sku: sku(&format!("SKU-{number}")),
            title: "Thing".into(),
            unit_price: Money::new(100, Currency::Usd),
            weight_grams: 1,
            available: Some(1),
        };
        inventory.add_product(&product, "clerk", at).await.unwrap();
        let name = product.sku;
        let _added = inventory
            .change_stock(&name, &StockChange::Restock, 1, "k", "clerk", at)
            .await
            .unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = inventory.page(after.as_deref(), 3).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|item| item.sku.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|number| format!("SKU-{number}")).collect::<Vec<_>>());
}
