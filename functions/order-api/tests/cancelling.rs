//! `POST /orders/{orderId}/cancel`: at every stage, once, by the owner.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::compensation::FailedStates;
use domain::decision::DecisionKind;
use domain::{Order, Status};
use order_api::Api;
use serde_json::json;
use support::{ADA, Answer, BOB, Call, World, send};
use testing::samples;

type Shop = Api<World, World, World>;

async fn cancel(api: &Shop, order: &Order) -> Answer {
    send(api, call(order).by(ADA, "orders/write")).await
}

fn call(order: &Order) -> Call {
    Call::new("POST", &format!("/orders/{}/cancel", order.order_id))
}

fn recorded(api: &Shop, order: &Order) -> Order {
    api.orders.order(&order.order_id).unwrap()
}

fn scheduled() -> Order {
    let mut request = samples::new_order();
    request.scheduled_for = Some(samples::placed_at().plus_hours(24));
    Order::accept(request, samples::placed_at())
}

#[tokio::test]
async fn a_cancellation_is_recorded_for_the_next_step_to_meet() {
    for order in [samples::received(), samples::authorized(), samples::reserved()] {
        let api = World::with(&order);
        let answer = cancel(&api, &order).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let path = format!("/orders/{}", order.order_id);
        assert_eq!(
            answer.body,
            json!({"orderId": order.order_id, "status": order.status, "links": {"self": path}})
        );
        assert_eq!(recorded(&api, &order).cancel_requested_at, Some(samples::placed_at()));
        assert!(api.workflow.answered.lock().unwrap().is_empty());
        assert!(api.workflow.stopped.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_wait_is_told_that_it_is_over() {
    let order = samples::in_review();
    let api = World::with(&order);
    assert_eq!(cancel(&api, &order).await.status, 202);
    let told = api.workflow.answered.lock().unwrap().clone();
    assert_eq!(told, [(order.task_token.unwrap(), DecisionKind::Cancellation.task_result())]);
}

#[tokio::test]
async fn an_order_that_has_not_begun_is_closed_and_its_execution_stopped() {
    let order = scheduled();
    let api = World::with(&order);
    let answer = cancel(&api, &order).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("CANCELLED")));
    assert_eq!(recorded(&api, &order).status, Status::Cancelled);
    assert_eq!(*api.workflow.stopped.lock().unwrap(), [order.execution.to_string()]);

    let api = World::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    assert_eq!(cancel(&api, &order).await.status, 202, "it will find the order closed");
}

#[tokio::test]
async fn what_is_cancelled_twice_is_cancelled_once() {
    let order = samples::in_review();
    let api = World::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    cancel(&api, &order).await.is_problem(503, "unavailable");
    let once = recorded(&api, &order);
    assert!(once.cancel_requested_at.is_some(), "it is on record");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    assert_eq!(cancel(&api, &order).await.status, 202);
    assert_eq!(recorded(&api, &order), once);
    assert_eq!(api.workflow.answered.lock().unwrap().len(), 1, "it is told now");
}

#[tokio::test]
async fn what_is_past_cancelling_is_refused() {
    let turned = samples::reserved().begin_compensation(&FailedStates::new(), samples::placed_at());
    for order in [
        samples::shipping(),
        samples::labeled(),
        samples::needs_attention(),
        samples::fulfilled(),
        turned,
    ] {
        let api = World::with(&order);
        cancel(&api, &order).await.is_problem(409, "conflict");
        assert_eq!(recorded(&api, &order), order);
    }
}

#[tokio::test]
async fn the_label_that_is_asked_for_first_wins() {
    let order = samples::reserved();
    let api = World::with(&order);
    let shipment = samples::provider_shipment();
    let shipping =
        order.with_shipment(&shipment, &shipment.rates[0], samples::placed_at()).unwrap();
    *api.orders.meanwhile.lock().unwrap() = Some(shipping.clone());
    cancel(&api, &order).await.is_problem(409, "conflict");
    assert_eq!(recorded(&api, &order), shipping);
}

#[tokio::test]
async fn an_order_is_cancelled_by_its_owner_only() {
    let order = samples::received();
    let api = World::with(&order);
    send(&api, call(&order).by(BOB, "orders/write")).await.is_problem(404, "not-found");
    send(&api, call(&order).by(ADA, "orders/read")).await.is_problem(403, "forbidden");
    send(&api, call(&order)).await.is_problem(401, "unauthenticated");
    assert_eq!(recorded(&api, &order), order);
    *api.orders.store_is_down.lock().unwrap() = true;
    cancel(&api, &order).await.is_problem(503, "unavailable");
}
