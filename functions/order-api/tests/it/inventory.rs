//! `/inventory`: read with any token, written with `inventory/write`.

use crate::support::{ADA, TestBed, TestRequest, send};
use serde_json::{Value, json};

fn put(sku: &str, body: &Value) -> TestRequest {
    TestRequest::new("PUT", &format!("/inventory/{sku}")).by("clerk", "inventory/write").json(body)
}

fn lamp() -> Value {
    json!({
        "title": "Lamp", "unitPrice": {"amount": 5900, "currency": "EUR"}, "weightGrams": 1200,
    })
}

#[tokio::test]
async fn every_product_is_listed() {
    let response = send(&TestBed::new(), TestRequest::new("GET", "/inventory").by(ADA, "")).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body["items"].as_array().unwrap().len(), 5);
    send(&TestBed::new(), TestRequest::new("GET", "/inventory"))
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_product_is_read_by_its_sku() {
    let response =
        send(&TestBed::new(), TestRequest::new("GET", "/inventory/MUG").by(ADA, "")).await;
    assert_eq!(
        response.body,
        json!({
            "sku": "MUG", "title": "mug", "unitPrice": {"amount": 1250, "currency": "USD"},
            "weightGrams": 100, "available": 5, "received": 7,
        })
    );
    let manager = TestRequest::new("GET", "/inventory/MUG").by(ADA, "inventory/write");
    let seen = send(&TestBed::new(), manager).await;
    assert_eq!(seen.body["reserved"], 2, "only who may write the inventory sees this");
    for sku in ["NIL", "not%20one"] {
        let request = TestRequest::new("GET", &format!("/inventory/{sku}")).by(ADA, "");
        send(&TestBed::new(), request).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_new_sku_may_have_an_opening_stock_and_an_existing_one_keeps_its_stock() {
    let api = TestBed::new();
    let mut body = lamp();
    body["available"] = json!(12);
    let response = send(&api, put("LAMP", &body)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!((&response.body["available"], &response.body["received"]), (&json!(12), &json!(12)));

    let repeated = send(&api, put("LAMP", &body)).await;
    repeated.assert_problem(409, "conflict");
    assert_eq!(repeated.fields(), ["available"]);

    let mut new_price = lamp();
    new_price["unitPrice"]["amount"] = json!(6100);
    let response = send(&api, put("LAMP", &new_price)).await;
    assert_eq!(
        (&response.body["unitPrice"]["amount"], &response.body["available"]),
        (&json!(6100), &json!(12))
    );
}

#[tokio::test]
async fn an_invalid_product_names_its_field() {
    let check = async |sku: &str, name: &str, value: Value, field: &str| {
        let api = TestBed::new();
        let mut body = lamp();
        body[name] = value;
        let response = send(&api, put(sku, &body)).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), [field], "{}", response.text);
        assert_eq!(api.inventory.stock.lock().unwrap().len(), 5);
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
async fn writing_a_product_requires_the_scope() {
    let api = TestBed::new();
    let request = put("LAMP", &lamp());
    send(&api, request.clone().by(ADA, "orders/operate")).await.assert_problem(403, "forbidden");
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, request).await.assert_problem(503, "unavailable");
    for path in ["/inventory", "/inventory/MUG"] {
        let response = send(&api, TestRequest::new("GET", path).by(ADA, "")).await;
        response.assert_problem(503, "unavailable");
    }
}
