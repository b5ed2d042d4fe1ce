//! `POST /orders/{orderId}/review` and `…/resume`: recorded first, sent
//! afterwards, once.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::Order;
use domain::decision::{DecisionKind, OperatorAction, ReviewDecision};
use domain::payment::PaymentStatus;
use order_api::Api;
use serde_json::{Value, json};
use support::{ADA, Answer, Call, OP, World, send};
use testing::samples;

type Shop = Api<World, World, World>;

async fn say(api: &Shop, order: &Order, what: &str, body: &Value) -> Answer {
    let path = format!("/orders/{}/{what}", order.order_id);
    send(api, Call::new("POST", &path).by(OP, "orders/operate").json(body)).await
}

fn told(api: &Shop) -> Vec<(String, domain::decision::TaskResult)> {
    let answered = api.workflow.answered.lock().unwrap();
    answered.iter().map(|(token, message)| (token.to_string(), message.clone())).collect()
}

fn recorded(api: &Shop, order: &Order) -> Order {
    api.orders.order(&order.order_id).unwrap()
}

#[tokio::test]
async fn a_decision_is_recorded_and_the_wait_is_told() {
    for (word, decision) in
        [("approve", ReviewDecision::Approve), ("reject", ReviewDecision::Reject)]
    {
        let order = samples::in_review();
        let api = World::with(&order);
        let answer = say(&api, &order, "review", &json!({"decision": word, "note": "ok"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            answer.body,
            json!({"orderId": order.order_id, "status": "IN_REVIEW", "decision": word})
        );
        let after = recorded(&api, &order);
        let review = after.review.unwrap();
        assert_eq!(review.decision, Some(decision));
        assert_eq!((review.by.as_deref(), review.note.as_deref()), (Some(OP), Some("ok")));
        assert_eq!(review.at, Some(samples::placed_at()));
        let token = order.task_token.unwrap().to_string();
        assert_eq!(told(&api), [(token, DecisionKind::Review(decision).task_result())]);
    }
}

#[tokio::test]
async fn of_two_people_one_decides() {
    let order = samples::in_review();
    let api = World::with(&order);
    let theirs =
        order.decide_review(ReviewDecision::Reject, "op-2", None, samples::placed_at()).unwrap();
    *api.orders.meanwhile.lock().unwrap() = Some(theirs.clone());
    let answer = say(&api, &order, "review", &json!({"decision": "approve"})).await;
    answer.is_problem(409, "conflict");
    assert_eq!(recorded(&api, &order), theirs);
    assert!(
        told(&api)
            .iter()
            .all(|(_, said)| *said == DecisionKind::Review(ReviewDecision::Reject).task_result())
    );
}

#[tokio::test]
async fn a_write_in_between_that_decides_nothing_is_no_hindrance() {
    let order = samples::in_review();
    let api = World::with(&order);
    *api.orders.meanwhile.lock().unwrap() =
        Some(order.with_attention(domain::order::TimelineCode::Disputed, samples::placed_at()));
    assert_eq!(say(&api, &order, "review", &json!({"decision": "approve"})).await.status, 200);
    assert!(recorded(&api, &order).is_approved());
}

#[tokio::test]
async fn a_review_is_refused_where_nobody_waits_for_it() {
    let late = |order: &Order| order.review.as_ref().unwrap().deadline.unwrap().plus_minutes(1);
    let check = async |order: &Order, at: domain::Timestamp| {
        let api = World::with(order);
        let path = format!("/orders/{}/review", order.order_id);
        let call = Call::new("POST", &path).by(OP, "orders/operate").at(at);
        let answer = send(&api, call.json(&json!({"decision": "approve"}))).await;
        answer.is_problem(409, "conflict");
        assert_eq!(recorded(&api, order), *order);
        assert!(told(&api).is_empty());
    };
    let now = samples::placed_at();
    check(&samples::authorized(), now).await;
    check(&samples::needs_attention(), now).await;
    check(&samples::fulfilled(), now).await;
    check(&samples::in_review(), late(&samples::in_review())).await;
}

#[tokio::test]
async fn a_decision_that_was_not_delivered_is_delivered_when_somebody_asks_again() {
    let order = samples::in_review();
    let api = World::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    let body = json!({"decision": "approve"});
    say(&api, &order, "review", &body).await.is_problem(503, "unavailable");
    assert!(recorded(&api, &order).is_approved(), "it is on record");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    say(&api, &order, "review", &json!({"decision": "reject"})).await.is_problem(409, "conflict");
    let said: Vec<_> = told(&api).into_iter().map(|(_, message)| message).collect();
    assert_eq!(
        said,
        [DecisionKind::Review(ReviewDecision::Approve).task_result()],
        "the recorded one"
    );
}

#[tokio::test]
async fn an_operator_resumes_a_stuck_order() {
    for (word, action) in
        [("capture", OperatorAction::Capture), ("compensate", OperatorAction::Compensate)]
    {
        let order = samples::needs_attention();
        let api = World::with(&order);
        let answer = say(&api, &order, "resume", &json!({"action": word})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            answer.body,
            json!({"orderId": order.order_id, "status": "NEEDS_ATTENTION", "action": word})
        );
        let after = recorded(&api, &order);
        assert_eq!(after.compensation.is_some(), action == OperatorAction::Compensate);
        assert_eq!(after.task_decision.unwrap().by, OP);
        let token = order.task_token.unwrap().to_string();
        assert_eq!(told(&api), [(token, DecisionKind::Operator(action).task_result())]);
    }
}

#[tokio::test]
async fn an_operator_is_refused_what_the_facts_forbid() {
    let check = async |order: &Order, body: Value| {
        let api = World::with(order);
        let answer = say(&api, order, "resume", &body).await;
        answer.is_problem(409, "conflict");
        assert_eq!(recorded(&api, order), *order);
        assert!(told(&api).is_empty());
    };
    let mut unlabelled = samples::needs_attention();
    unlabelled.shipment = None;
    check(&unlabelled, json!({"action": "capture"})).await;
    let mut captured = samples::needs_attention();
    captured.payment.status = PaymentStatus::Captured;
    check(&captured, json!({"action": "compensate"})).await;
    check(&captured, json!({"action": "compensate", "refund": false})).await;
    check(&samples::labeled(), json!({"action": "capture"})).await;
    check(&samples::needs_attention(), json!({"action": "acknowledge"})).await;
    let api = World::with(&captured);
    let agreed = json!({"action": "compensate", "refund": true});
    assert_eq!(say(&api, &captured, "resume", &agreed).await.status, 200);
}

#[tokio::test]
async fn what_was_raised_about_a_closed_order_is_acknowledged_and_tells_nobody() {
    let order = samples::fulfilled()
        .with_attention(domain::order::TimelineCode::Disputed, samples::placed_at());
    let api = World::with(&order);
    let answer = say(&api, &order, "resume", &json!({"action": "acknowledge"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(recorded(&api, &order).attention, None);
    assert!(told(&api).is_empty());
}

#[tokio::test]
async fn a_malformed_decision_names_its_field() {
    let order = samples::in_review();
    let check = async |what: &str, body: Value, field: &str| {
        let api = World::with(&order);
        let answer = say(&api, &order, what, &body).await;
        answer.is_problem(400, "invalid-request");
        assert_eq!(answer.fields(), [field], "{}", answer.text);
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
async fn only_operators_decide_and_only_about_orders_that_there_are() {
    let order = samples::in_review();
    let api = World::with(&order);
    let nobody = domain::OrderId::for_request(&order.customer_id, "nobody");
    for (what, body) in
        [("review", json!({"decision": "approve"})), ("resume", json!({"action": "capture"}))]
    {
        let call = |id: &str| Call::new("POST", &format!("/orders/{id}/{what}")).json(&body);
        let path = order.order_id.as_str();
        send(&api, call(path).by(ADA, "orders/read orders/write"))
            .await
            .is_problem(403, "forbidden");
        send(&api, call(path)).await.is_problem(401, "unauthenticated");
        for id in [nobody.as_str(), "canary", "ord_1"] {
            send(&api, call(id).by(OP, "orders/operate")).await.is_problem(404, "not-found");
        }
    }
    *api.orders.store_is_down.lock().unwrap() = true;
    let answer = say(&api, &order, "review", &json!({"decision": "approve"})).await;
    answer.is_problem(503, "unavailable");
}
