//! The audit history over the API: who did what is recorded with the effect, is shown to
//! those who may do it, and to no other caller.

use crate::support::{ADA, BOB, OP, TestApi, TestBed, TestRequest, TestResponse, recorded, send};
use domain::Order;
use domain::audit::{AuditAction, AuditEntry, MAX_ORDER_ENTRIES};
use domain::order::TimelineCode;
use serde_json::{Value, json};
use testing::samples;

const NOW: &str = "2026-11-23T04:00:00.000Z";

async fn post(api: &TestApi, order: &Order, operation: &str, body: &Value) -> TestResponse {
    let path = format!("/orders/{}/{operation}", order.order_id);
    send(api, TestRequest::new("POST", &path).by(OP, "orders/operate").json(body)).await
}

async fn read(api: &TestApi, path: &str, sub: &str, scopes: &str) -> Value {
    let response = send(api, TestRequest::new("GET", path).by(sub, scopes)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.body
}

#[tokio::test]
async fn an_operator_reads_who_decided_and_a_customer_does_not() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    let path = format!("/orders/{}", order.order_id);
    assert_eq!(read(&api, &path, OP, "orders/operate").await["audit"], json!([]));
    let note = json!({"decision": "approve", "note": "Known customer."});
    assert_eq!(post(&api, &order, "review", &note).await.status, 200);
    assert_eq!(
        read(&api, &path, OP, "orders/operate").await["audit"],
        json!([{"at": NOW, "actor": OP, "action": "review:approve", "note": "Known customer."}])
    );
    let for_customer = read(&api, &path, ADA, "orders/read orders/write").await;
    assert_eq!(for_customer["audit"], Value::Null);
    for private in ["Known customer", OP, "review:"] {
        assert!(!for_customer.to_string().contains(private), "{private} in {for_customer}");
    }
}

#[tokio::test]
async fn each_action_of_an_operator_is_recorded_with_its_note() {
    let stuck = samples::needs_attention();
    let disputed =
        samples::fulfilled().with_attention(TimelineCode::Disputed, samples::placed_at());
    for (order, body, action) in [
        (&stuck, json!({"action": "capture", "note": "n"}), AuditAction::Capture),
        (&stuck, json!({"action": "compensate", "note": "n"}), AuditAction::Compensate),
        (
            &stuck,
            json!({"action": "compensate", "refund": true, "note": "n"}),
            AuditAction::CompensateWithRefund,
        ),
        (&disputed, json!({"action": "acknowledge", "note": "n"}), AuditAction::Acknowledge),
    ] {
        let api = TestBed::with(order);
        assert_eq!(post(&api, order, "resume", &body).await.status, 200, "{body}");
        let entry = AuditEntry::new(action, OP, samples::placed_at()).with_note(Some("n"));
        assert_eq!(recorded(&api, order).audit, [entry]);
        // A second decision for the same wait is refused, and leaves no entry.
        post(&api, order, "resume", &body).await.assert_problem(409, "conflict");
        assert_eq!(recorded(&api, order).audit.len(), 1);
    }
}

#[tokio::test]
async fn operators_do_not_review_their_own_orders() {
    let order = samples::in_review();
    for word in ["approve", "reject"] {
        let api = TestBed::with(&order);
        let path = format!("/orders/{}/review", order.order_id);
        let request = TestRequest::new("POST", &path).json(&json!({ "decision": word }));
        let own = send(&api, request.clone().by(ADA, "orders/write orders/operate")).await;
        own.assert_problem(403, "forbidden");
        assert_eq!(
            own.body["detail"],
            "operators do not review their own orders: another operator must decide"
        );
        assert_eq!(recorded(&api, &order), order);
        assert!(api.workflow.task_results.lock().unwrap().is_empty());
        assert_eq!(send(&api, request.by(BOB, "orders/operate")).await.status, 200);
    }
}

#[tokio::test]
async fn an_operator_cancels_for_a_customer_and_is_recorded() {
    let order = samples::reserved();
    let path = format!("/orders/{}/cancel", order.order_id);
    let check = async |sub: &str, scopes: &str, expected: &[AuditEntry]| {
        let api = TestBed::with(&order);
        let response = send(&api, TestRequest::new("POST", &path).by(sub, scopes)).await;
        assert_eq!(response.status, 202, "{sub} {scopes}: {}", response.text);
        let after = recorded(&api, &order);
        assert!(after.cancel_requested_at.is_some());
        assert_eq!(after.audit, expected, "{sub} {scopes}");
    };
    let entry = AuditEntry::new(AuditAction::Cancel, OP, samples::placed_at());
    check(OP, "orders/operate", std::slice::from_ref(&entry)).await;
    check(OP, "orders/write orders/operate", &[entry]).await;
    check(ADA, "orders/write", &[]).await;
    check(ADA, "orders/write orders/operate", &[]).await;
}

#[tokio::test]
async fn a_full_history_refuses_with_a_clear_message() {
    let mut order = samples::needs_attention();
    let entry = AuditEntry::new(AuditAction::Capture, "script", samples::placed_at());
    order.audit = vec![entry; MAX_ORDER_ENTRIES - 10];
    let api = TestBed::with(&order);
    let refused = post(&api, &order, "resume", &json!({"action": "capture"})).await;
    refused.assert_problem(409, "conflict");
    assert_eq!(
        refused.body["detail"],
        "the order has 90 decisions on record: only `compensate` and `settle` are accepted, up to 100"
    );
    assert_eq!(post(&api, &order, "resume", &json!({"action": "compensate"})).await.status, 200);
    assert_eq!(recorded(&api, &order).audit.len(), MAX_ORDER_ENTRIES - 9);
}

#[tokio::test]
async fn a_change_of_stock_or_price_is_shown_to_those_who_write_the_inventory() {
    let api = TestBed::new();
    let body = json!({
        "title": "mug", "unitPrice": {"amount": 1300, "currency": "USD"}, "weightGrams": 100,
    });
    let put = TestRequest::new("PUT", "/inventory/MUG").by("clerk-1", "inventory/write");
    assert_eq!(send(&api, put.json(&body)).await.status, 200);
    let restock =
        TestRequest::new("POST", "/inventory/MUG/restock").by("clerk-2", "inventory/write");
    let restock = restock.header("idempotency-key", "k").json(&json!({"quantity": 3}));
    for _ in 0..2 {
        assert_eq!(send(&api, restock.clone()).await.status, 200);
    }
    let price = "price 12.50 USD to 13.00 USD";
    assert_eq!(
        read(&api, "/inventory/MUG", "clerk-1", "inventory/write").await["audit"],
        json!([
            {"at": NOW, "actor": "clerk-1", "action": "product:change", "detail": price},
            {"at": NOW, "actor": "clerk-2", "action": "product:restock", "detail": "quantity 3"},
        ])
    );
    for scopes in ["orders/read", "orders/read orders/write orders/operate"] {
        let product = read(&api, "/inventory/MUG", ADA, scopes).await;
        assert_eq!(product["audit"], Value::Null, "{scopes}");
        assert!(!product.to_string().contains("clerk"));
    }
    let list = read(&api, "/inventory", "clerk-1", "inventory/write").await;
    assert!(!list.to_string().contains("clerk"), "a list has no histories");
}
