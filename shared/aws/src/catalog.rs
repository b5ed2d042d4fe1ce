//! Reads and writes the products in the Inventory table.
//!
//! Every read is strongly consistent. Changing a product keeps its stock; an opening
//! stock is accepted only for a new SKU.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::catalog::StockItem;
use domain::ports::{AddProductResult, NewProduct, ReadCatalog, StoreUnavailable, WriteCatalog};
use domain::{Currency, Money, Sku};

use crate::Inventory;
use crate::attributes::{Item, key, number, string};
use crate::batch_get::batch_get_items;
use crate::scan::scan_page;
use crate::service_error::describe;

/// How many pages of 1 MB are read at most to list the catalog.
const MAX_PAGES: usize = 64;
/// The filter for products: the records of restock requests are in the same table.
const IS_PRODUCT: &str = "attribute_exists(unitPrice)";

impl ReadCatalog for Inventory {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        // BatchGetItem rejects duplicate keys.
        let distinct: BTreeSet<&Sku> = skus.iter().collect();
        let keys: Vec<Item> = distinct.into_iter().map(|sku| key("sku", sku.as_str())).collect();
        let found = batch_get_items(self.client(), self.table(), &keys, true).await?;
        found.iter().map(parse).collect()
    }

    async fn all(&self) -> Result<Vec<StockItem>, StoreUnavailable> {
        let mut found = Vec::new();
        let mut start_key = None;
        for _ in 0..MAX_PAGES {
            let page = scan_page(self.client(), self.table(), start_key, Some(IS_PRODUCT)).await?;
            found.extend(page.items.unwrap_or_default());
            start_key = page.last_evaluated_key;
            if start_key.is_none() {
                break;
            }
        }
        let mut items: Vec<_> = found.iter().map(parse).collect::<Result<_, _>>()?;
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(items)
    }
}

/// Creates or changes a product; existing stock stays.
const UPSERT: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #available = if_not_exists(#available, :stock), \
     #received = if_not_exists(#received, :stock)";

/// Creates a product with its opening stock.
const CREATE: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #available = :stock, #received = :stock";

/// A placeholder for each attribute, because some names are reserved words of `DynamoDB`.
fn placeholders() -> HashMap<String, String> {
    ["title", "unitPrice", "currency", "weightGrams", "available", "received"]
        .into_iter()
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect()
}

impl WriteCatalog for Inventory {
    async fn add_product(
        &self,
        product: &NewProduct,
    ) -> Result<AddProductResult, StoreUnavailable> {
        let is_new = product.available.is_some();
        let number = |n: u64| AttributeValue::N(n.to_string());
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let result = self
            .client()
            .update_item()
            .table_name(self.table())
            .key("sku", text(product.sku.as_str()))
            .update_expression(if is_new { CREATE } else { UPSERT })
            .set_condition_expression(is_new.then(|| "attribute_not_exists(sku)".to_owned()))
            .expression_attribute_values(":title", text(&product.title))
            .expression_attribute_values(":price", number(product.unit_price.amount_minor()))
            .expression_attribute_values(":currency", text(product.unit_price.currency().code()))
            .expression_attribute_values(":weight", number(product.weight_grams.into()))
            .expression_attribute_values(":stock", number(product.available.unwrap_or(0)))
            .set_expression_attribute_names(Some(placeholders()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match result {
            Ok(written) => {
                parse(&written.attributes.unwrap_or_default()).map(AddProductResult::Added)
            }
            Err(error) if exists(&error) => Ok(AddProductResult::AlreadyExists),
            Err(error) => Err(StoreUnavailable(describe("UpdateItem", &error))),
        }
    }
}

fn exists<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// The product of an item. The error names the SKU and quotes nothing else.
fn parse(item: &Item) -> Result<StockItem, StoreUnavailable> {
    let sku = string(item, "sku").unwrap_or("a product without a SKU");
    let parse = || {
        let currency = Currency::from_code(string(item, "currency")?)?;
        Some(StockItem {
            sku: Sku::parse(sku).ok()?,
            title: string(item, "title")?.to_owned(),
            unit_price: Money::new(number(item, "unitPrice")?, currency),
            weight_grams: number(item, "weightGrams")?,
            available: number(item, "available")?,
            received: number(item, "received")?,
        })
    };
    parse().ok_or_else(|| StoreUnavailable(format!("the record of {sku} is malformed")))
}
