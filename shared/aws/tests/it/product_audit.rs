//! The audit history of a product against the emulator: one entry with each write, in the
//! same transaction; numbered, and never overwritten.

use aws::Inventory;
use domain::audit::{AuditAction, AuditEntry};
use domain::ports::{
    AddProductResult, ChangeStock, NewProduct, ReadCatalog, ReadProductAudit, StockChange,
    StockChangeResult, WriteCatalog,
};
use domain::{Currency, Money, Sku, Timestamp};
use serde_json::json;
use testing::samples;

use crate::test_bed::{INVENTORY, Injected, ORDERS, TestBed};

fn mug() -> Sku {
    Sku::parse("MUG").unwrap()
}

fn at() -> Timestamp {
    samples::placed_at()
}

fn product(price: u64, available: Option<u64>) -> NewProduct {
    NewProduct {
        sku: mug(),
        title: "Mug".into(),
        unit_price: Money::new(price, Currency::Usd),
        weight_grams: 350,
        available,
    }
}

/// A shop with seven mugs.
async fn shop() -> (TestBed, Inventory) {
    let bed = TestBed::new();
    let inventory = bed.aws().inventory(ORDERS, INVENTORY);
    inventory.add_product(&product(1250, Some(7)), "clerk-1", at()).await.unwrap();
    (bed, inventory)
}

async fn history(inventory: &Inventory) -> Vec<(String, AuditAction, String)> {
    let entries = inventory.product_audit(&mug()).await.unwrap();
    let entry = |entry: AuditEntry| (entry.actor, entry.action, entry.detail.unwrap_or_default());
    entries.into_iter().map(entry).collect()
}

fn created() -> (String, AuditAction, String) {
    let detail = "price 12.50 USD, weight 350 g, title “Mug”, available 7";
    ("clerk-1".into(), AuditAction::CreateProduct, detail.into())
}

#[tokio::test]
async fn creating_changing_and_restocking_a_product_append_one_entry_each() {
    let (bed, inventory) = shop().await;
    inventory.add_product(&product(1300, None), "clerk-2", at()).await.unwrap();
    inventory.change_stock(&mug(), &StockChange::Restock, 3, "key", "clerk-3", at()).await.unwrap();
    let changed =
        ("clerk-2".into(), AuditAction::ChangeProduct, "price 12.50 USD to 13.00 USD".into());
    let restocked = ("clerk-3".into(), AuditAction::Restock, "quantity 3".into());
    assert_eq!(history(&inventory).await, [created(), changed, restocked]);
    let writes: Vec<_> =
        bed.calls().into_iter().filter(|call| !call.starts_with("Batch")).collect();
    assert_eq!(writes, ["TransactWriteItems"; 3], "entry and effect are one write");
    assert_eq!(inventory.page(None, 100).await.unwrap().items.len(), 1, "an entry is no product");
}

#[tokio::test]
async fn what_changes_nothing_adds_no_entry() {
    let (_bed, inventory) = shop().await;
    let same = inventory.add_product(&product(1250, None), "clerk-2", at()).await.unwrap();
    assert!(matches!(same, AddProductResult::Added(item) if item.available == 7));
    let refused = inventory.add_product(&product(1300, Some(9)), "clerk-2", at()).await.unwrap();
    assert_eq!(refused, AddProductResult::AlreadyExists);
    assert_eq!(history(&inventory).await, [created()]);
    let restock = async || {
        inventory
            .change_stock(&mug(), &StockChange::Restock, 3, "key", "clerk-3", at())
            .await
            .unwrap()
    };
    assert!(matches!(restock().await, StockChangeResult::Changed(_)));
    assert!(matches!(restock().await, StockChangeResult::Replayed(_)));
    assert_eq!(history(&inventory).await.len(), 2);
    let unknown = Sku::parse("NIL").unwrap();
    assert_eq!(inventory.product_audit(&unknown).await, Ok(vec![]));
}

#[tokio::test]
async fn a_change_that_another_writer_overtook_names_the_price_that_it_replaced() {
    let (bed, inventory) = shop().await;
    bed.inject(Injected::Pass);
    // The next transaction fails as it does when another writer changed the product.
    bed.cancel_with(&["ConditionalCheckFailed", "None"]);
    let changed = inventory.add_product(&product(1300, None), "clerk-2", at()).await.unwrap();
    assert!(
        matches!(changed, AddProductResult::Added(item) if item.unit_price == Money::new(1300, Currency::Usd))
    );
    bed.inject(Injected::Pass);
    bed.cancel_with(&["None", "ConditionalCheckFailed", "None"]);
    inventory.change_stock(&mug(), &StockChange::Restock, 3, "key", "clerk-3", at()).await.unwrap();
    assert_eq!(history(&inventory).await.len(), 3);
    assert_eq!(inventory.items(&[mug()]).await.unwrap()[0].available, 10);
}

#[tokio::test]
async fn no_entry_is_overwritten_even_if_the_number_on_the_product_is_lost() {
    let (bed, inventory) = shop().await;
    let request = json!({
        "TableName": INVENTORY, "Key": {"sku": {"S": "MUG"}},
        "UpdateExpression": "REMOVE auditCount",
    });
    bed.call("UpdateItem", &request);
    let change = inventory.add_product(&product(1300, None), "clerk-2", at()).await;
    assert_eq!(change, Ok(AddProductResult::Contended));
    assert_eq!(
        inventory.change_stock(&mug(), &StockChange::Restock, 3, "key", "x", at()).await,
        Ok(StockChangeResult::Contended)
    );
    let key = json!({"TableName": INVENTORY, "Key": {"sku": {"S": "AUDIT#MUG#1"}}});
    assert_eq!(bed.call("GetItem", &key)["Item"]["actor"]["S"], "clerk-1");
    let item = inventory.items(&[mug()]).await.unwrap().remove(0);
    assert_eq!((item.unit_price.amount_minor(), item.available), (1250, 7));
}

#[tokio::test]
async fn the_latest_hundred_entries_are_read_in_order() {
    let (_bed, inventory) = shop().await;
    for n in 0..104 {
        inventory
            .change_stock(&mug(), &StockChange::Restock, n + 1, &n.to_string(), "clerk-3", at())
            .await
            .unwrap();
    }
    let entries = history(&inventory).await;
    assert_eq!(entries.len(), 100);
    assert_eq!(entries[0].2, "quantity 5");
    assert_eq!(entries[99].2, "quantity 104");
}
