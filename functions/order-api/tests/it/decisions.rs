//! `POST /orders/{orderId}/review` and `…/resume`: a decision is recorded first,
//! sent afterwards, and counts once.

use crate::support::{ADA, OP, TestApi, TestBed, TestRequest, TestResponse, recorded, send};
use domain::Order;
use domain::audit::AuditAction;
use domain::decision::{DecisionKind, OperatorAction, ReviewDecision};
use domain::order::TimelineCode;
use domain::payment::PaymentStatus;
use domain::settlement::{LabelClaim, MoneyClaim};
use serde_json::{Value, json};
use testing::samples;

async fn decide(api: &TestApi, order: &Order, operation: &str, body: &Value) -> TestResponse {
    let path = format!("/orders/{}/{operation}", order.order_id);
    send(api, TestRequest::new("POST", &path).by(OP, "orders/operate").json(body)).await
}

fn sent(api: &TestApi) -> Vec<(String, domain::decision::TaskResult)> {
    let results = api.workflow.task_results.lock().unwrap();
    results.iter().map(|(token, result)| (token.to_string(), result.clone())).collect()
}

#[tokio::test]
async fn a_review_decision_is_recorded_and_sent_to_the_waiting_task() {
    for (word, decision) in
        [("approve", ReviewDecision::Approve), ("reject", ReviewDecision::Reject)]
    {
        let order = samples::in_review();
        let api = TestBed::with(&order);
        let response =
            decide(&api, &order, "review", &json!({"decision": word, "note": "ok"})).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(
            response.body,
            json!({"orderId": order.order_id, "status": "IN_REVIEW", "decision": word})
        );
        let after = recorded(&api, &order);
        let review = after.review.unwrap();
        assert_eq!(review.decision, Some(decision));
        assert_eq!((review.by.as_deref(), review.note.as_deref()), (Some(OP), Some("ok")));
        assert_eq!(review.at, Some(samples::placed_at()));
        let token = order.task_token.unwrap().to_string();
        assert_eq!(sent(&api), [(token, DecisionKind::Review(decision).task_result())]);
    }
}

#[tokio::test]
async fn the_first_of_two_decisions_counts() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    let first =
        order.decide_review(ReviewDecision::Reject, "op-2", None, samples::placed_at()).unwrap();
    *api.orders.concurrent_write.lock().unwrap() = Some(first.clone());
    let response = decide(&api, &order, "review", &json!({"decision": "approve"})).await;
    response.assert_problem(409, "conflict");
    assert_eq!(recorded(&api, &order), first);
    assert!(
        sent(&api).iter().all(
            |(_, result)| *result == DecisionKind::Review(ReviewDecision::Reject).task_result()
        )
    );
}

#[tokio::test]
async fn a_concurrent_write_that_decides_nothing_does_not_prevent_a_decision() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    *api.orders.concurrent_write.lock().unwrap() =
        Some(order.with_attention(TimelineCode::Disputed, samples::placed_at()));
    assert_eq!(decide(&api, &order, "review", &json!({"decision": "approve"})).await.status, 200);
    assert!(recorded(&api, &order).is_approved());
}

#[tokio::test]
async fn a_review_is_refused_unless_the_order_waits_for_it_and_its_deadline_is_ahead() {
    let too_late = |order: &Order| order.review.as_ref().unwrap().deadline.unwrap().plus_minutes(1);
    let check = async |order: &Order, at: domain::Timestamp| {
        let api = TestBed::with(order);
        let path = format!("/orders/{}/review", order.order_id);
        let request = TestRequest::new("POST", &path).by(OP, "orders/operate").at(at);
        let response = send(&api, request.json(&json!({"decision": "approve"}))).await;
        response.assert_problem(409, "conflict");
        assert_eq!(recorded(&api, order), *order);
        assert!(sent(&api).is_empty());
    };
    let now = samples::placed_at();
    check(&samples::authorized(), now).await;
    check(&samples::needs_attention(), now).await;
    check(&samples::fulfilled(), now).await;
    check(&samples::in_review(), too_late(&samples::in_review())).await;
}

#[tokio::test]
async fn an_undelivered_decision_is_delivered_by_the_next_request() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    let body = json!({"decision": "approve"});
    decide(&api, &order, "review", &body).await.assert_problem(503, "unavailable");
    assert!(recorded(&api, &order).is_approved(), "the decision is recorded");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    decide(&api, &order, "review", &json!({"decision": "reject"}))
        .await
        .assert_problem(409, "conflict");
    let results: Vec<_> = sent(&api).into_iter().map(|(_, result)| result).collect();
    assert_eq!(
        results,
        [DecisionKind::Review(ReviewDecision::Approve).task_result()],
        "the recorded decision"
    );
}

#[tokio::test]
async fn an_operator_resumes_an_order_that_needs_attention() {
    for (word, action) in
        [("capture", OperatorAction::Capture), ("compensate", OperatorAction::Compensate)]
    {
        let order = samples::needs_attention();
        let api = TestBed::with(&order);
        let response = decide(&api, &order, "resume", &json!({"action": word})).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(
            response.body,
            json!({"orderId": order.order_id, "status": "NEEDS_ATTENTION", "action": word})
        );
        let after = recorded(&api, &order);
        assert_eq!(after.compensation.is_some(), action == OperatorAction::Compensate);
        assert_eq!(after.task_decision.unwrap().by, OP);
        let token = order.task_token.unwrap().to_string();
        assert_eq!(sent(&api), [(token, DecisionKind::Operator(action).task_result())]);
    }
}

#[tokio::test]
async fn an_action_that_the_facts_forbid_is_refused() {
    let check = async |order: &Order, body: Value| {
        let api = TestBed::with(order);
        let response = decide(&api, order, "resume", &body).await;
        response.assert_problem(409, "conflict");
        assert_eq!(recorded(&api, order), *order);
        assert!(sent(&api).is_empty());
    };
    let mut without_label = samples::needs_attention();
    without_label.shipment = None;
    check(&without_label, json!({"action": "capture"})).await;
    let mut captured = samples::needs_attention();
    captured.payment.status = PaymentStatus::Captured;
    check(&captured, json!({"action": "compensate"})).await;
    check(&captured, json!({"action": "compensate", "refund": false})).await;
    check(&samples::labeled(), json!({"action": "capture"})).await;
    check(&samples::needs_attention(), json!({"action": "acknowledge"})).await;
    let api = TestBed::with(&captured);
    let confirmed = json!({"action": "compensate", "refund": true});
    assert_eq!(decide(&api, &captured, "resume", &confirmed).await.status, 200);
}

#[tokio::test]
async fn acknowledging_a_closed_order_clears_its_attention_and_sends_nothing() {
    let order = samples::fulfilled().with_attention(TimelineCode::Disputed, samples::placed_at());
    let api = TestBed::with(&order);
    let response = decide(&api, &order, "resume", &json!({"action": "acknowledge"})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(recorded(&api, &order).attention, None);
    assert!(sent(&api).is_empty());
}

#[tokio::test]
async fn settling_an_order_records_the_claims_and_sends_compensate() {
    let order = samples::needs_attention();
    let api = TestBed::with(&order);
    let body = json!({"action": "settle", "label": "kept", "money": "voided", "note": "Seen."});
    let response = decide(&api, &order, "resume", &body).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.body["action"], "settle");
    let after = recorded(&api, &order);
    assert!(after.compensation.is_some(), "in the same write");
    assert_eq!(after.version, order.version + 1);
    assert_eq!(after.label_claim(), Some(LabelClaim::Kept));
    assert_eq!(after.money_claim(), Some(MoneyClaim::Voided));
    let entry = after.audit.last().unwrap();
    assert_eq!((entry.actor.as_str(), entry.action), (OP, AuditAction::Settle));
    assert_eq!(entry.detail.as_deref(), Some("money voided, label kept"));
    let token = order.task_token.unwrap().to_string();
    let compensate = DecisionKind::Operator(OperatorAction::Compensate).task_result();
    assert_eq!(sent(&api), [(token, compensate)]);
}

#[tokio::test]
async fn a_settlement_is_refused_unless_its_fields_agree() {
    let order = samples::needs_attention();
    let check = async |body: Value, field: &str| {
        let api = TestBed::with(&order);
        let response = decide(&api, &order, "resume", &body).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), [field], "{}", response.text);
        assert_eq!(recorded(&api, &order), order);
    };
    check(json!({"action": "settle", "note": "n"}), "money").await;
    check(json!({"action": "settle", "label": "none"}), "note").await;
    check(json!({"action": "settle", "label": "lost", "note": "n"}), "label").await;
    check(json!({"action": "settle", "money": "gone", "note": "n"}), "money").await;
    let contradiction = json!({"action": "settle", "money": "captured", "refund": true,
        "note": "n"});
    check(contradiction, "refund").await;
    check(json!({"action": "compensate", "money": "voided"}), "money").await;
    check(json!({"action": "compensate", "label": "none"}), "label").await;
}

#[tokio::test]
async fn a_malformed_decision_names_its_field() {
    let order = samples::in_review();
    let check = async |operation: &str, body: Value, field: &str| {
        let api = TestBed::with(&order);
        let response = decide(&api, &order, operation, &body).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), [field], "{}", response.text);
        assert_eq!(recorded(&api, &order), order);
    };
    check("review", json!({}), "decision").await;
    check("review", json!({"decision": "maybe"}), "decision").await;
    check("review", json!({"decision": "approve", "note": ""}), "note").await;
    check("review", json!({"decision": "approve", "note": "x".repeat(501)}), "note").await;
    check("review", json!({"decision": "approve", "by": "op"}), "by").await;
    check("review", json!({"decision": "approve", "note": "4242 4242 4242 4242"}), "note").await;
    check("resume", json!({}), "action").await;
    check("resume", json!({"action": "ship"}), "action").await;
    check("resume", json!({"action": "compensate", "refund": "yes"}), "refund").await;
    check("resume", json!({"action": "capture", "decision": "approve"}), "decision").await;
}

#[tokio::test]
async fn only_operators_decide_and_only_about_existing_orders() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    let unknown = domain::OrderId::for_request(&order.customer_id, "unknown");
    for (operation, body) in
        [("review", json!({"decision": "approve"})), ("resume", json!({"action": "capture"}))]
    {
        let request =
            |id: &str| TestRequest::new("POST", &format!("/orders/{id}/{operation}")).json(&body);
        let path = order.order_id.as_str();
        send(&api, request(path).by(ADA, "orders/read orders/write"))
            .await
            .assert_problem(403, "forbidden");
        send(&api, request(path)).await.assert_problem(401, "unauthenticated");
        for id in [unknown.as_str(), "canary", "ord_1"] {
            send(&api, request(id).by(OP, "orders/operate")).await.assert_problem(404, "not-found");
        }
    }
    *api.orders.store_is_down.lock().unwrap() = true;
    let response = decide(&api, &order, "review", &json!({"decision": "approve"})).await;
    response.assert_problem(503, "unavailable");
}
