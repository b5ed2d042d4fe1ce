//! Every sample of `events/` that is for this function: each event is answered,
//! and each order is one that the shop takes.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that unwraps says enough")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::catalog::StockItem;
use domain::ports::ProviderMode;
use domain::{Money, Sku};
use order_api::Api;
use serde_json::Value;
use support::{World, post, send, webhooks};
use testing::samples;

/// The files of a folder under `events/`, by name.
fn files(folder: &str) -> BTreeMap<String, Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events").join(folder);
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let json = entries.filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    })
    .collect()
}

/// A shop with what `events/stock.json` puts on its shelves.
fn stocked() -> Api<World, World, World> {
    let mut api = World::new();
    // What the local stack signs with.
    api.webhooks = webhooks(&["whsec_local"], &["local-webhook-secret"], ProviderMode::Test);
    for item in files("")["stock"].as_array().unwrap() {
        let sku: Sku = serde_json::from_value(item["sku"].clone()).unwrap();
        let unit_price: Money = serde_json::from_value(item["unitPrice"].clone()).unwrap();
        let item = StockItem {
            sku: sku.clone(),
            title: item["title"].as_str().unwrap().to_owned(),
            unit_price,
            weight_grams: 100,
            available: 0,
            received: 0,
        };
        api.inventory.shelves.lock().unwrap().insert(sku, item);
    }
    api
}

#[tokio::test]
async fn each_sample_of_an_event_is_answered() {
    for (name, event) in files("api") {
        let answer = order_api::handle(&event, &stocked(), samples::placed_at).await.unwrap();
        let status = answer["statusCode"].as_u64().unwrap();
        // The order that some ask for is on no record here.
        assert!((200..300).contains(&status) || [404, 409].contains(&status), "{name}: {answer}");
    }
}

#[tokio::test]
async fn each_sample_of_an_order_is_taken_but_that_of_an_unknown_sku() {
    for (name, body) in files("orders") {
        let answer = send(&stocked(), post(&body, &name)).await;
        let expected = if name == "unknown-sku" { 422 } else { 202 };
        assert_eq!(answer.status, expected, "{name}: {}", answer.text);
    }
}
