//! `POST /orders` refuses invalid requests: it names each field, writes nothing and
//! quotes no value. Most of this holds for every write.

use crate::support::{ADA, TestBed, TestRequest, order_body, place_order, send};
use serde_json::{Value, json};
use testing::samples;

/// The body with the value at a pointer replaced; a missing field is added.
fn with(pointer: &str, value: &Value) -> Value {
    let mut body = order_body();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
        object => object[name] = value.clone(),
    }
    body
}

fn without(pointer: &str) -> Value {
    let mut body = order_body();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    body
}

/// Asserts that the request is refused for exactly these fields and writes nothing.
async fn check_refused(request: TestRequest, fields: &[&str]) {
    let api = TestBed::new();
    let response = send(&api, request).await;
    response.assert_problem(400, "invalid-request");
    assert_eq!(response.fields(), fields, "{}", response.text);
    assert!(!response.text.contains("canary"), "{}", response.text);
    assert_eq!(api.orders.count(), 0);
    assert!(api.workflow.started.lock().unwrap().is_empty());
}

fn dotted(pointer: &str) -> String {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    path.replace(".0", "[0]")
}

#[tokio::test]
async fn each_missing_field_is_named() {
    for pointer in [
        "/customer",
        "/customer/name",
        "/shippingAddress",
        "/shippingAddress/street1",
        "/shippingAddress/city",
        "/shippingAddress/postalCode",
        "/shippingAddress/country",
        "/items",
        "/items/0/sku",
        "/items/0/quantity",
        "/paymentMethod",
        "/shippingService",
    ] {
        check_refused(place_order(&without(pointer), "k"), &[&dotted(pointer)]).await;
    }
}

#[tokio::test]
async fn each_field_of_the_wrong_type_is_named() {
    let wrong = [json!(null), json!(true), json!(7), json!(1.5), json!(["canary"]), json!({})];
    for pointer in [
        "/customer/name",
        "/customer/email",
        "/customer/phone",
        "/shippingAddress/street1",
        "/shippingAddress/street2",
        "/shippingAddress/city",
        "/shippingAddress/state",
        "/shippingAddress/postalCode",
        "/shippingAddress/country",
        "/items/0/sku",
        "/paymentMethod",
        "/paymentCustomer",
        "/shippingService",
        "/scheduledFor",
        "/whenOutOfStock",
    ] {
        for value in &wrong {
            check_refused(place_order(&with(pointer, value), "k"), &[&dotted(pointer)]).await;
        }
    }
    for value in [json!(null), json!("canary"), json!([]), json!(1)] {
        for pointer in ["/customer", "/shippingAddress", "/items/0", "/expectedTotal"] {
            check_refused(place_order(&with(pointer, &value), "k"), &[&dotted(pointer)]).await;
        }
    }
    for value in [json!(null), json!("2"), json!(2.5), json!([1])] {
        check_refused(place_order(&with("/items/0/quantity", &value), "k"), &["items[0].quantity"])
            .await;
    }
}

#[tokio::test]
async fn each_field_with_an_invalid_value_is_named() {
    let check = async |pointer: &str, values: &[Value]| {
        for value in values {
            check_refused(place_order(&with(pointer, value), "k"), &[&dotted(pointer)]).await;
        }
    };
    let long = json!("x".repeat(300));
    check("/customer/name", &[json!(""), json!("a\u{0}b"), json!(" canary"), long.clone()]).await;
    let emails = ["", "canary", "@example.com", "canary@", "a@b@c", "can ary@example.com"];
    check("/customer/email", &emails.map(|text| json!(text))).await;
    let phones = ["", "canary", "123", "+", "+1 canary", "+42424242424242421"];
    check("/customer/phone", &phones.map(|text| json!(text))).await;
    check(
        "/shippingAddress/country",
        &["us", "USA", "U1", "É", "XX", "UK"].map(|text| json!(text)),
    )
    .await;
    check("/shippingAddress/postalCode", &[json!(""), json!("9".repeat(21)), long.clone()]).await;
    check("/items/0/sku", &["", "a b", "MUG#1", "../MUG"].map(|text| json!(text))).await;
    check("/items/0/quantity", &[json!(0), json!(1000), json!(-1), json!(u64::MAX)]).await;
    let methods = ["", "pm_", "pm canary", "card_1", "pm_1/../2", "tok_canary"];
    check("/paymentMethod", &methods.map(|text| json!(text))).await;
    check("/paymentCustomer", &["", "cus_", "canary"].map(|text| json!(text))).await;
    check("/shippingService", &["", "canary", "Standard"].map(|text| json!(text))).await;
    check("/whenOutOfStock", &["", "canary", "WAIT"].map(|text| json!(text))).await;
}

#[tokio::test]
async fn an_address_that_no_parcel_can_be_sent_to_is_refused_at_once() {
    let check = async |country: &str, state: Option<&str>, field: &str, says: &str| {
        let mut body = with("/shippingAddress/country", &json!(country));
        body["shippingAddress"]["state"] = json!(state);
        if state.is_none() {
            body["shippingAddress"].as_object_mut().unwrap().remove("state");
        }
        let api = TestBed::new();
        let response = send(&api, place_order(&body, "k")).await;
        if field.is_empty() {
            assert_eq!(response.status, 202, "{}", response.text);
            return;
        }
        response.assert_problem(422, "unprocessable");
        assert_eq!(response.fields(), [field]);
        assert!(response.text.contains(says), "{}", response.text);
        assert_eq!(api.orders.count(), 0, "nothing is stored");
    };
    check("FR", None, "shippingAddress.country", "US, CA, DE").await;
    check("US", None, "shippingAddress.state", "is required for an address in US").await;
    check("CA", None, "shippingAddress.state", "is required for an address in CA").await;
    check("CA", Some("ON"), "", "").await;
    check("DE", None, "", "").await;
}

#[tokio::test]
async fn an_order_has_one_to_fifty_lines() {
    for lines in [0, 51, 1000] {
        let items: Vec<_> = (0..lines).map(|_| json!({"sku": "MUG", "quantity": 1})).collect();
        check_refused(place_order(&with("/items", &json!(items)), "k"), &["items"]).await;
    }
    check_refused(place_order(&with("/items", &json!({"sku": "MUG"})), "k"), &["items"]).await;
}

#[tokio::test]
async fn a_scheduled_date_is_in_the_future_and_at_most_ninety_days_ahead() {
    let scheduled_for = |at: String| {
        let mut body = with("/scheduledFor", &json!(at));
        body["paymentCustomer"] = json!("cus_ada");
        body
    };
    let now = samples::placed_at();
    let invalid = [now.plus_hours(-1), now, now.plus_hours(90 * 24).plus_minutes(1)];
    for at in invalid {
        check_refused(place_order(&scheduled_for(at.to_string()), "k"), &["scheduledFor"]).await;
    }
    for text in ["", "canary", "2026-12-24", "24.12.2026", "1795406400"] {
        check_refused(place_order(&scheduled_for(text.to_owned()), "k"), &["scheduledFor"]).await;
    }
    for at in [now.plus_minutes(1), now.plus_hours(90 * 24)] {
        assert_eq!(
            send(&TestBed::new(), place_order(&scheduled_for(at.to_string()), "k")).await.status,
            202
        );
    }
    let without_card = with("/scheduledFor", &json!("2026-12-24T04:00:00Z"));
    check_refused(place_order(&without_card, "k"), &["paymentCustomer"]).await;
}

#[tokio::test]
async fn a_date_that_is_not_rfc_3339_is_refused_with_the_reason() {
    let check = async |text: &str, reason: &str| {
        let mut body = with("/scheduledFor", &json!(text));
        body["paymentCustomer"] = json!("cus_ada");
        let response = send(&TestBed::new(), place_order(&body, "k")).await;
        response.assert_problem(400, "invalid-request");
        let detail = response.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{text}: {detail}");
    };
    check("2026-12-24T17:00:00", "no offset from UTC").await;
    check("2026-12-24T17:00:00.5", "no offset from UTC").await;
    check("2026-12-24T17:00:00+25:00", "offset from UTC that does not exist").await;
    check("2026-12-24T17:00:00-24:00", "offset from UTC that does not exist").await;
    check("2026-12-24T17:00:00+09:60", "offset from UTC that does not exist").await;
    check("2026-12-24T17:00:00+0900", "with an offset from UTC such as +09:00").await;
    check("2026-12-24T17:00:00+09", "with an offset from UTC such as +09:00").await;
    check("2026-12-24T17:00:00Z[Asia/Tokyo]", "with an offset from UTC such as +09:00").await;
    check("2026-12-24 17:00:00Z", "must have a T").await;
    for text in ["2026-12-24", "2026-12-24T17:00Z", "2026-12-32T17:00:00Z", "20261224T170000Z"] {
        check(text, "must be a date and time such as").await;
    }
}

#[tokio::test]
async fn a_text_with_invisible_characters_is_refused() {
    for pointer in ["/customer/name", "/customer/email", "/shippingAddress/street2"] {
        for hidden in ["\u{202e}", "\u{2066}", "\u{200f}", "\u{200b}", "\u{2060}", "\u{feff}"] {
            let text = json!(format!("ada{hidden}lovelace@example.com"));
            check_refused(place_order(&with(pointer, &text), "k"), &[&dotted(pointer)]).await;
        }
    }
    let accents = with("/customer/name", &json!("Zoë Ōkami 大神 ابن سينا"));
    assert_eq!(send(&TestBed::new(), place_order(&accents, "k")).await.status, 202);
}

#[tokio::test]
async fn an_expected_total_is_in_an_accepted_currency() {
    let check = async |total: Value, field: &str| {
        check_refused(place_order(&with("/expectedTotal", &total), "k"), &[field]).await;
    };
    check(json!({"amount": 1}), "expectedTotal.currency").await;
    check(json!({"currency": "USD"}), "expectedTotal.amount").await;
    check(json!({"amount": 1, "currency": "XXX"}), "expectedTotal.currency").await;
    check(json!({"amount": 1, "currency": "usd"}), "expectedTotal.currency").await;
    check(json!({"amount": 1, "currency": "JPY"}), "expectedTotal.currency").await;
    check(json!({"amount": -1, "currency": "USD"}), "expectedTotal.amount").await;
    check(json!({"amount": 1.5, "currency": "USD"}), "expectedTotal.amount").await;
    check(json!({"amount": "1", "currency": "USD"}), "expectedTotal.amount").await;
    check(json!({"amount": 1, "currency": "USD", "x": 1}), "expectedTotal.x").await;
}

#[tokio::test]
async fn an_unknown_field_is_named_if_its_name_is_an_identifier() {
    for (pointer, field) in [
        ("/total", "total"),
        ("/customer/vip", "customer.vip"),
        ("/shippingAddress/planet", "shippingAddress.planet"),
        ("/items/0/unitPrice", "items[0].unitPrice"),
    ] {
        check_refused(place_order(&with(pointer, &json!("canary")), "k"), &[field]).await;
    }
    for key in ["a canary", "canary@example.com", "", "1canary", &"x".repeat(41)] {
        let mut body = order_body();
        body[key] = json!(1);
        check_refused(place_order(&body, "k"), &["?"]).await;
    }
}

#[tokio::test]
async fn a_repeated_field_is_refused() {
    let body = order_body().to_string();
    let twice = body.replacen('{', r#"{"paymentMethod": "pm_other", "#, 1);
    check_refused(place_order(&json!(null), "k").text(&twice), &["paymentMethod"]).await;
    let inner = body.replacen(r#""quantity":2"#, r#""quantity":2,"quantity":2"#, 1);
    check_refused(place_order(&json!(null), "k").text(&inner), &["items[0].quantity"]).await;
}

#[tokio::test]
async fn all_errors_are_listed_at_once_up_to_twenty() {
    let mut body = without("/paymentMethod");
    body["customer"]["email"] = json!(1);
    body["items"][1]["quantity"] = json!(0);
    body["x"] = json!(1);
    let fields = ["customer.email", "items[1].quantity", "paymentMethod", "x"];
    check_refused(place_order(&body, "k"), &fields).await;

    let mut many_unknown = order_body();
    for n in 0..1000 {
        many_unknown[format!("x{n}")] = json!(1);
    }
    let response = send(&TestBed::new(), place_order(&many_unknown, "k")).await;
    assert_eq!((response.status, response.fields().len()), (400, 20));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_without_being_quoted() {
    for text in
        ["", " ", "canary", "{", "{}canary", r#"{"customer": canary}"#, "[1,2", "\u{feff}{}"]
    {
        check_refused(place_order(&json!(null), "k").text(text), &[]).await;
    }
    for text in ["null", "[]", "7", "\"canary\""] {
        check_refused(place_order(&json!(null), "k").text(text), &["(body)"]).await;
    }
    let mut missing = place_order(&order_body(), "k");
    missing.event.as_object_mut().unwrap().remove("body");
    check_refused(missing, &[]).await;
}

#[tokio::test]
async fn a_deeply_nested_body_is_refused() {
    for depth in [200, 10_000, 30_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let response = send(&TestBed::new(), place_order(&json!(null), "k").text(&text)).await;
        response.assert_problem(400, "invalid-request");
        assert!(response.text.contains("nested too deeply"), "{}", response.text);
    }
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let complete = order_body().to_string();
    let padded = |length: usize| format!("{complete}{}", " ".repeat(length - complete.len()));
    let api = TestBed::new();
    let response = send(&api, place_order(&json!(null), "k").text(&padded(64 * 1024))).await;
    assert_eq!(response.status, 202, "{}", response.text);
    let response = send(&api, place_order(&json!(null), "k2").text(&padded(64 * 1024 + 1))).await;
    response.assert_problem(413, "too-large");
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn a_base64_body_has_the_same_limits() {
    use base64::Engine as _;
    let encoded = |bytes: &[u8]| {
        let mut request = place_order(&json!(null), "k");
        request.event["isBase64Encoded"] = json!(true);
        request.text(&base64::prelude::BASE64_STANDARD.encode(bytes))
    };
    let body = order_body().to_string();
    assert_eq!(send(&TestBed::new(), encoded(body.as_bytes())).await.status, 202);
    let longest = [body.as_bytes(), &vec![b' '; 64 * 1024 - body.len()]].concat();
    assert_eq!(send(&TestBed::new(), encoded(&longest)).await.status, 202);
    for length in [64 * 1024 + 1, 200 * 1024] {
        let response = send(&TestBed::new(), encoded(&vec![b' '; length])).await;
        response.assert_problem(413, "too-large");
    }
    check_refused(encoded(b"{\"customer\": \"\xff\xfe\"}"), &[]).await;
    check_refused(encoded(b"").text("not base64!"), &[]).await;
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    for declared in ["text/plain", "application/x-www-form-urlencoded", "canary", ""] {
        let response =
            send(&TestBed::new(), place_order(&order_body(), "k").header("content-type", declared))
                .await;
        response.assert_problem(415, "unsupported-media-type");
        assert!(!response.text.contains("canary"));
    }
    let latin =
        place_order(&order_body(), "k").header("content-type", "application/json; charset=latin1");
    send(&TestBed::new(), latin).await.assert_problem(415, "unsupported-media-type");
    send(&TestBed::new(), place_order(&order_body(), "k").without_header("content-type"))
        .await
        .assert_problem(415, "unsupported-media-type");
    for declared in ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        let request = place_order(&order_body(), "k").header("content-type", declared);
        assert_eq!(send(&TestBed::new(), request).await.status, 202, "{declared}");
    }
}

#[tokio::test]
async fn the_idempotency_key_is_required_and_printable() {
    let long = "k".repeat(256);
    check_refused(
        place_order(&order_body(), "k").without_header("idempotency-key"),
        &["Idempotency-Key"],
    )
    .await;
    for key in ["", "schlüssel", "tab\there", &long] {
        check_refused(place_order(&order_body(), key), &["Idempotency-Key"]).await;
    }
    for key in ["k", "two words", &"k".repeat(255)] {
        assert_eq!(
            send(&TestBed::new(), place_order(&order_body(), key)).await.status,
            202,
            "{key}"
        );
    }
    let capitalized = place_order(&order_body(), "k")
        .without_header("idempotency-key")
        .header("IDEMPOTENCY-KEY", "k");
    assert_eq!(send(&TestBed::new(), capitalized).await.status, 202);
}

#[tokio::test]
async fn a_card_number_is_refused_anywhere_in_the_body() {
    for number in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242.4242.4242.4242",
        "\u{664}\u{662}\u{664}\u{662}424242424242",
    ] {
        for pointer in [
            "/customer/name",
            "/customer/email",
            "/customer/phone",
            "/shippingAddress/street2",
            "/items/0/sku",
            "/paymentMethod",
            "/unknown",
        ] {
            check_refused(place_order(&with(pointer, &json!(number)), "k"), &[&dotted(pointer)])
                .await;
        }
        let mut key = order_body();
        key[number] = json!(1);
        check_refused(place_order(&key, "k"), &["(body)"]).await;
    }
    let quantity = with("/items/0/quantity", &json!(4_242_424_242_424_242_u64));
    check_refused(place_order(&quantity, "k"), &["items[0].quantity"]).await;
    let nested = with("/unknown", &json!([{"deep": ["is 4242 4242 4242 4242 ok?"]}]));
    check_refused(place_order(&nested, "k"), &["unknown[0].deep[0]"]).await;
    let escaped = order_body().to_string().replace("94104", r"\u0034242424242424242");
    check_refused(place_order(&json!(null), "k").text(&escaped), &["shippingAddress.postalCode"])
        .await;
    // Fifteen digits in `+` form are a phone number, even if they pass the card check.
    let phone = with("/customer/phone", &json!("+378282246310005"));
    assert_eq!(send(&TestBed::new(), place_order(&phone, "k")).await.status, 202);
    let name = with("/customer/name", &json!("+378282246310005"));
    check_refused(place_order(&name, "k"), &["customer.name"]).await;
}

#[tokio::test]
async fn the_token_must_carry_the_scope() {
    let api = TestBed::new();
    let response = send(&api, TestRequest::new("POST", "/orders").json(&order_body())).await;
    response.assert_problem(401, "unauthenticated");
    assert_eq!(response.headers["www-authenticate"], "Bearer");
    for scopes in ["", "orders/read", "orders/operate inventory/write", "orders/writer"] {
        let response = send(&api, place_order(&order_body(), "k").by(ADA, scopes)).await;
        response.assert_problem(403, "forbidden");
    }
    for sub in ["", "a b"] {
        let response = send(&api, place_order(&order_body(), "k").by(sub, "orders/write")).await;
        response.assert_problem(401, "unauthenticated");
    }
    let mut listed = place_order(&order_body(), "k").by(ADA, "");
    listed.event["requestContext"]["authorizer"]["jwt"]["scopes"] = json!(["orders/write"]);
    assert_eq!(send(&api, listed).await.status, 202);
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn hostile_paths_headers_and_methods_get_a_response() {
    let api = TestBed::new();
    let check = async |method: &str, path: &str, status: u64| {
        let request = TestRequest::new(method, path)
            .by(ADA, "orders/read orders/write orders/operate inventory/write")
            .header("host", "a b\u{7f}:::")
            .header("x-forwarded-proto", "no scheme");
        let response = send(&api, request).await;
        assert_eq!(response.status, status, "{method} {path}: {}", response.text);
        assert!(!response.text.contains("canary"));
    };
    for path in ["", "//", "/canary", "/orders/", "/orders/a/canary", "/orders//review", "/\u{0}"] {
        check("GET", path, if path == "/orders//review" { 405 } else { 404 }).await;
    }
    check("GET", "/orders/ord_%00", 404).await;
    check("GET", "/orders/../../etc", 404).await;
    check("GET", "/inventory/a b", 404).await;
    check("GET", "/inventory/RESTOCK#MUG#1", 404).await;
    check("DELETE", "/orders", 405).await;
    check("canary", "/inventory", 405).await;
    check("PATCH", "/inventory/MUG", 405).await;
    check("GET", "/orders/ord_1/review", 405).await;
}

#[tokio::test]
async fn a_named_stage_is_not_part_of_the_path() {
    let mut request = place_order(&order_body(), "k");
    request.event["rawPath"] = json!("/prod/orders");
    request.event["requestContext"]["stage"] = json!("prod");
    assert_eq!(send(&TestBed::new(), request).await.status, 202);
}
