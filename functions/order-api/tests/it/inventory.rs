//! `/inventory`: read with `orders/read` or `inventory/write`, written with `inventory/write`.

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

fn get(path: &str) -> TestRequest {
    TestRequest::new("GET", path).by(ADA, "orders/read")
}

#[tokio::test]
async fn every_product_is_listed_page_by_page() {
    let api = TestBed::new();
    let all = send(&api, get("/inventory")).await;
    assert_eq!((all.status, all.body["items"].as_array().unwrap().len()), (200, 5));
    assert_eq!(all.body["nextCursor"], Value::Null);
    let (mut seen, mut request) = (Vec::new(), get("/inventory").query("limit", "2"));
    loop {
        let page = send(&api, request.clone()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        seen.extend(page.body["items"].as_array().unwrap().clone());
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        request = request.query("cursor", next);
    }
    assert_eq!(Value::Array(seen), all.body["items"]);
    for (name, value) in [("limit", "0"), ("limit", "101"), ("cursor", "?"), ("cursor", "")] {
        let response = send(&api, get("/inventory").query(name, value)).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), [name]);
    }
}

#[tokio::test]
async fn the_catalog_needs_a_scope() {
    for path in ["/inventory", "/inventory/MUG"] {
        send(&TestBed::new(), TestRequest::new("GET", path))
            .await
            .assert_problem(401, "unauthenticated");
        for scopes in ["", "orders/write", "orders/operate"] {
            let request = TestRequest::new("GET", path).by(ADA, scopes);
            send(&TestBed::new(), request).await.assert_problem(403, "forbidden");
        }
        let clerk = TestRequest::new("GET", path).by(ADA, "inventory/write");
        assert_eq!(send(&TestBed::new(), clerk).await.status, 200);
    }
}

fn remove(sku: &str, quantity: u32, key: &str) -> TestRequest {
    TestRequest::new("POST", &format!("/inventory/{sku}/remove"))
        .by("clerk", "inventory/write")
        .header("idempotency-key", key)
        .json(&json!({"quantity": quantity, "reason": "broken in the warehouse"}))
}

#[tokio::test]
async fn stock_is_removed_once_for_each_key_with_its_reason_and_never_below_zero() {
    let api = TestBed::new();
    for _ in 0..2 {
        let removed = send(&api, remove("MUG", 2, "k")).await;
        assert_eq!(removed.status, 200, "{}", removed.text);
        assert_eq!(removed.body, json!({"sku": "MUG", "available": 3, "received": 5}));
    }
    send(&api, remove("MUG", 1, "k")).await.assert_problem(422, "idempotency-key-reused");
    let too_many = send(&api, remove("MUG", 4, "k2")).await;
    too_many.assert_problem(409, "conflict");
    assert_eq!(too_many.fields(), ["quantity"]);
    send(&api, remove("NIL", 1, "k3")).await.assert_problem(404, "not-found");
    let seen = get("/inventory/MUG").by("clerk", "inventory/write");
    let audit = send(&api, seen).await.body["audit"].clone();
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
    assert_eq!(
        (&audit[0]["actor"], &audit[0]["action"]),
        (&json!("clerk"), &json!("product:remove"))
    );
    assert_eq!(audit[0]["note"], "broken in the warehouse");
    let customer = remove("MUG", 1, "k4").by(ADA, "orders/read orders/write orders/operate");
    send(&api, customer).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let api = TestBed::new();
    assert_eq!(send(&api, remove("MUG", 2, "k")).await.status, 200);
    let other = send(&api, remove("MUG", 1, "k").by("other", "inventory/write")).await;
    assert_eq!((other.status, &other.body["available"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_product_is_read_by_its_sku() {
    let response = send(&TestBed::new(), get("/inventory/MUG")).await;
    assert_eq!(
        response.body,
        json!({
            "sku": "MUG", "title": "mug", "unitPrice": {"amount": 1250, "currency": "USD"},
            "weightGrams": 100, "available": 5,
        })
    );
    let manager = TestRequest::new("GET", "/inventory/MUG").by(ADA, "inventory/write");
    let seen = send(&TestBed::new(), manager).await;
    let counts = (&seen.body["reserved"], &seen.body["received"]);
    assert_eq!(counts, (&json!(2), &json!(7)), "only who may write the inventory sees this");
    for sku in ["NIL", "not%20one"] {
        let request = get(&format!("/inventory/{sku}"));
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
        let response = send(&api, get(path)).await;
        response.assert_problem(503, "unavailable");
    }
}
