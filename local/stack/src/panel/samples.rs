//! What the page offers to choose from: the products of `events/stock.json`, the orders in
//! `events/orders`, the test cards of the Stripe emulator, addresses, and identities.

use std::path::Path;

use anyhow::{Context, Result};
use emulators::stripe::test_cards;
use serde_json::{Value, json};

use super::reply::{Problem, failed};
use crate::scenarios::read_json;

/// Reads the samples. The files are read each time, so an edited file shows at once.
pub(super) fn read(root: &Path) -> Result<Value, Problem> {
    read_all(root).map_err(|error| failed(format!("{error:#}")))
}

fn read_all(root: &Path) -> Result<Value> {
    let products: Value = read_json(&root.join("events/stock.json"))?;
    Ok(json!({
        "products": products,
        "cards": cards(),
        "addresses": addresses(),
        "identities": identities(),
        "orders": orders(root)?,
    }))
}

fn cards() -> Vec<Value> {
    let card = |card: emulators::stripe::TestCard| {
        json!({
            "paymentMethod": card.token,
            "title": card.title,
            "brand": card.brand,
            "last4": card.last4,
        })
    };
    test_cards().map(card).collect()
}

/// Customers with their addresses. The last one is refused by the shipping provider.
fn addresses() -> Value {
    json!([
        {
            "title": "Ada Lovelace, San Francisco",
            "customer": {
                "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+14155550123",
            },
            "shippingAddress": {
                "street1": "388 Townsend St", "street2": "Apt 20", "city": "San Francisco",
                "state": "CA", "postalCode": "94107", "country": "US",
            },
        },
        {
            "title": "Grace Hopper, New York",
            "customer": { "name": "Grace Hopper", "email": "grace@example.com" },
            "shippingAddress": {
                "street1": "20 W 34th St", "city": "New York", "state": "NY",
                "postalCode": "10001", "country": "US",
            },
        },
        {
            "title": "An address that does not exist: no label can be bought",
            "customer": { "name": "Nemo Nobody", "email": "nemo@example.com" },
            "shippingAddress": {
                "street1": "1 Nowhere Rd", "city": "Atlantis", "state": "ZZ",
                "postalCode": "00000", "country": "US",
            },
        },
    ])
}

/// The people of the page. A development token is `dev:<sub>:<scopes>`.
fn identities() -> Vec<Value> {
    let identity = |sub: &str, title: &str, about: &str, scopes: &[&str]| {
        json!({
            "sub": sub,
            "title": title,
            "about": about,
            "scopes": scopes,
            "token": format!("dev:{sub}:{}", scopes.join(",")),
        })
    };
    let customer: &[&str] = &["orders/read", "orders/write"];
    vec![
        identity(
            "operator-1",
            "Operator",
            "sees all orders, decides, and keeps the stock",
            &["orders/operate", "orders/read", "inventory/write"],
        ),
        identity("customer-1", "Customer", "places orders and sees only these", customer),
        identity("customer-2", "Another customer", "sees none of the first one's orders", customer),
        identity("warehouse-1", "Warehouse", "adds products and restocks", &["inventory/write"]),
    ]
}

fn orders(root: &Path) -> Result<Vec<Value>> {
    let folder = root.join("events/orders");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .collect::<std::io::Result<Vec<_>>>()?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let order = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = name.replace('-', " ");
        Ok(json!({ "name": name, "title": title, "body": read_json::<Value>(&path)? }))
    };
    paths.into_iter().map(order).collect()
}
