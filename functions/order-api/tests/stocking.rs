//! `/inventory`: what is sold, seen by anybody and written by few.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use serde_json::{Value, json};
use support::{ADA, Call, World, send};

fn put(sku: &str, body: &Value) -> Call {
    Call::new("PUT", &format!("/inventory/{sku}")).by("clerk", "inventory/write").json(body)
}

fn lamp() -> Value {
    json!({
        "title": "Lamp", "unitPrice": {"amount": 5900, "currency": "EUR"}, "weightGrams": 1200,
    })
}

#[tokio::test]
async fn everything_that_is_sold_is_listed() {
    let answer = send(&World::new(), Call::new("GET", "/inventory").by(ADA, "")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["items"].as_array().unwrap().len(), 5);
    send(&World::new(), Call::new("GET", "/inventory")).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn one_item_is_shown() {
    let answer = send(&World::new(), Call::new("GET", "/inventory/MUG").by(ADA, "")).await;
    assert_eq!(
        answer.body,
        json!({
            "sku": "MUG", "title": "mug", "unitPrice": {"amount": 1250, "currency": "USD"},
            "weightGrams": 100, "available": 5, "received": 7,
        })
    );
    for sku in ["NIL", "not%20one"] {
        let call = Call::new("GET", &format!("/inventory/{sku}")).by(ADA, "");
        send(&World::new(), call).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_new_sku_may_begin_with_a_stock_and_an_old_one_keeps_its_own() {
    let api = World::new();
    let mut body = lamp();
    body["available"] = json!(12);
    let answer = send(&api, put("LAMP", &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((&answer.body["available"], &answer.body["received"]), (&json!(12), &json!(12)));

    let again = send(&api, put("LAMP", &body)).await;
    again.is_problem(409, "conflict");
    assert_eq!(again.fields(), ["available"]);

    let mut dearer = lamp();
    dearer["unitPrice"]["amount"] = json!(6100);
    let answer = send(&api, put("LAMP", &dearer)).await;
    assert_eq!(
        (&answer.body["unitPrice"]["amount"], &answer.body["available"]),
        (&json!(6100), &json!(12))
    );
}

#[tokio::test]
async fn a_malformed_item_names_its_field() {
    let check = async |sku: &str, name: &str, value: Value, field: &str| {
        let api = World::new();
        let mut body = lamp();
        body[name] = value;
        let answer = send(&api, put(sku, &body)).await;
        answer.is_problem(400, "invalid-request");
        assert_eq!(answer.fields(), [field], "{}", answer.text);
        assert_eq!(api.inventory.shelves.lock().unwrap().len(), 5);
    };
    check("LAMP", "title", json!(""), "title").await;
    check("LAMP", "unitPrice", json!(5), "unitPrice").await;
    check("LAMP", "unitPrice", json!({"amount": 5, "currency": "JPY"}), "unitPrice.currency").await;
    check("LAMP", "unitPrice", json!({"amount": 0.5, "currency": "EUR"}), "unitPrice.amount").await;
    check("LAMP", "weightGrams", json!(0), "weightGrams").await;
    check("LAMP", "weightGrams", json!(1_000_001), "weightGrams").await;
    check("LAMP", "available", json!(-1), "available").await;
    check("LAMP", "received", json!(5), "received").await;
    check("LAMP", "title", json!("4242424242424242"), "title").await;
    check("a lamp", "title", json!("Lamp"), "sku").await;
    check("RESTOCK#LAMP#1", "title", json!("Lamp"), "sku").await;
}

#[tokio::test]
async fn only_who_may_write_the_inventory_does() {
    let api = World::new();
    let call = put("LAMP", &lamp());
    send(&api, call.clone().by(ADA, "orders/operate")).await.is_problem(403, "forbidden");
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, call).await.is_problem(503, "unavailable");
    for path in ["/inventory", "/inventory/MUG"] {
        let answer = send(&api, Call::new("GET", path).by(ADA, "")).await;
        answer.is_problem(503, "unavailable");
    }
}
