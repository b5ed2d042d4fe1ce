//! Whose token may do what: of Cognito, which grants scopes to clients, and of any other
//! issuer, which grants them to users.

use serde_json::{Value, json};
use testing::samples;

use crate::support::{ADA, OP, TestBed, TestRequest, send};

/// What the web page's client may ask for, and so what every user of it has.
const EVERY_SCOPE: &str = "openid orders/read orders/write orders/operate inventory/write";

/// An access token of Cognito: no `aud`, and lists as API Gateway hands them on.
fn cognito(sub: &str, groups: &Value) -> Value {
    json!({
        "sub": sub,
        "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
        "client_id": "6m8e0example",
        "token_use": "access",
        "scope": EVERY_SCOPE,
        "cognito:groups": groups,
        "version": "2",
    })
}

/// A token of another issuer.
fn generic(sub: &str, scope: &str) -> Value {
    json!({"sub": sub, "iss": "https://login.example.com/", "aud": "orders", "scope": scope})
}

fn request(method: &str, path: &str, claims: &Value, route_scopes: &[&str]) -> TestRequest {
    let mut request = TestRequest::new(method, path);
    // API Gateway names the scopes of the route that the token has.
    request.event["requestContext"]["authorizer"] =
        json!({"jwt": {"claims": claims, "scopes": route_scopes}});
    request
}

async fn statuses(claims: &Value) -> [u64; 4] {
    let api = TestBed::with(&samples::received());
    let order = format!("/orders/{}", samples::received().order_id);
    let read = request("GET", &order, claims, &["orders/read"]);
    let list = request("GET", "/orders", claims, &["orders/read"]);
    let work =
        request("GET", "/orders", claims, &["orders/operate"]).query("attention", "OPERATOR");
    let product =
        json!({"title": "Pen", "unitPrice": {"amount": 100, "currency": "USD"}, "weightGrams": 9});
    let write = request("PUT", "/inventory/PEN", claims, &["inventory/write"]).json(&product);
    let mut seen = [0; 4];
    for (seen, request) in seen.iter_mut().zip([read, list, work, write]) {
        *seen = send(&api, request).await.status;
    }
    seen
}

#[tokio::test]
async fn a_customer_of_cognito_has_every_scope_and_is_no_operator() {
    for groups in [Value::Null, json!("[customers]"), json!("[no-operators operators2]")] {
        assert_eq!(statuses(&cognito(ADA, &groups)).await, [200, 200, 403, 403], "{groups}");
        // Another customer's order does not exist for them.
        assert_eq!(statuses(&cognito("other", &groups)).await, [404, 200, 403, 403]);
    }
}

#[tokio::test]
async fn a_member_of_the_group_of_operators_is_an_operator() {
    for groups in [json!("[operators]"), json!("[customers operators]"), json!(["operators"])] {
        assert_eq!(statuses(&cognito(OP, &groups)).await, [200, 200, 200, 200], "{groups}");
    }
}

#[tokio::test]
async fn a_member_of_the_group_without_the_scopes_is_no_operator() {
    let mut claims = cognito(OP, &json!("[operators]"));
    claims["scope"] = json!("orders/read");
    let api = TestBed::new();
    let work = request("GET", "/orders", &claims, &[]).query("attention", "OPERATOR");
    send(&api, work).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn the_scopes_of_any_other_issuer_count_without_a_group() {
    assert_eq!(statuses(&generic(OP, EVERY_SCOPE)).await, [200, 200, 200, 200]);
    let customer = generic(ADA, "orders/read orders/write");
    let api = TestBed::with(&samples::received());
    let read = request("GET", "/orders", &customer, &["orders/read"]);
    assert_eq!(send(&api, read).await.status, 200);
    let work = request("GET", "/orders", &customer, &[]).query("attention", "OPERATOR");
    send(&api, work).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_refused_user_of_cognito_reads_which_group_is_missing() {
    let api = TestBed::new();
    let claims = cognito(ADA, &Value::Null);
    let work = request("POST", "/orders/ord_1/review", &claims, &["orders/operate"]);
    let refused = send(&api, work.json(&json!({"decision": "approve"}))).await;
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("orders/operate") && detail.contains("operators"), "{detail}");
}

#[tokio::test]
async fn a_preflight_request_needs_no_token_and_names_the_methods() {
    let api = TestBed::new();
    let ask = |path: &str| {
        TestRequest::new("OPTIONS", path)
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
    };
    let allowed = send(&api, ask("/orders")).await;
    assert_eq!((allowed.status, allowed.text.as_str()), (204, ""));
    assert_eq!(allowed.headers["allow"], "GET, POST");
    assert_eq!(send(&api, ask("/nothing")).await.status, 404);
}
