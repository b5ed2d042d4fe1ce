//! The samples in `events/` for this function: each event gets a response, and each
//! order is accepted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::{TestApi, TestBed, TestSettings, place_order, send};
use domain::catalog::StockItem;
use domain::ports::ProviderMode;
use domain::{Money, Sku};
use serde_json::Value;
use testing::samples;

/// The JSON files of a folder under `events/`, by name.
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

/// A shop with the products of `events/stock.json`.
fn sample_shop() -> TestApi {
    let mut api = TestBed::new();
    // The secrets of the local stack.
    let mode = ProviderMode::Test;
    let settings = TestSettings::with_webhooks(&["whsec_local"], &["local-webhook-secret"], mode);
    api.settings = Arc::new(settings);
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
        api.inventory.stock.lock().unwrap().insert(sku, item);
    }
    api
}

#[tokio::test]
async fn each_sample_event_gets_a_response() {
    for (name, event) in files("api") {
        let response = order_api::handle(&event, &sample_shop(), samples::placed_at).await.unwrap();
        let status = response["statusCode"].as_u64().unwrap();
        // The order that some samples name does not exist here.
        assert!((200..300).contains(&status) || [404, 409].contains(&status), "{name}: {response}");
    }
}

#[tokio::test]
async fn each_sample_order_is_accepted_except_the_one_with_an_unknown_sku() {
    for (name, body) in files("orders") {
        let response = send(&sample_shop(), place_order(&body, &name)).await;
        let expected = if name == "unknown-sku" { 422 } else { 202 };
        assert_eq!(response.status, expected, "{name}: {}", response.text);
    }
}
