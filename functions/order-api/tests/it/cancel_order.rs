//! `POST /orders/{orderId}/cancel`: in every status, repeated, and by the owner only.

use crate::support::{ADA, BOB, TestApi, TestBed, TestRequest, TestResponse, recorded, send};
use domain::compensation::FailedStates;
use domain::decision::DecisionKind;
use domain::{Order, Status};
use serde_json::json;
use testing::samples;

async fn cancel(api: &TestApi, order: &Order) -> TestResponse {
    send(api, request(order).by(ADA, "orders/write")).await
}

fn request(order: &Order) -> TestRequest {
    TestRequest::new("POST", &format!("/orders/{}/cancel", order.order_id))
}

fn scheduled() -> Order {
    let mut request = samples::new_order();
    request.scheduled_for = Some(samples::placed_at().plus_hours(24));
    Order::accept(request, samples::placed_at())
}

#[tokio::test]
async fn a_cancellation_is_recorded_for_the_next_step() {
    for order in [samples::received(), samples::authorized(), samples::reserved()] {
        let api = TestBed::with(&order);
        let response = cancel(&api, &order).await;
        assert_eq!(response.status, 202, "{}", response.text);
        let path = format!("/orders/{}", order.order_id);
        assert_eq!(
            response.body,
            json!({"orderId": order.order_id, "status": order.status, "links": {"self": path}})
        );
        assert_eq!(recorded(&api, &order).cancel_requested_at, Some(samples::placed_at()));
        assert!(api.workflow.task_results.lock().unwrap().is_empty());
        assert!(api.workflow.stopped.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_cancellation_ends_the_waiting_task() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    assert_eq!(cancel(&api, &order).await.status, 202);
    let results = api.workflow.task_results.lock().unwrap().clone();
    assert_eq!(results, [(order.task_token.unwrap(), DecisionKind::Cancellation.task_result())]);
}

#[tokio::test]
async fn canceling_a_scheduled_order_closes_it_and_stops_its_execution() {
    let order = scheduled();
    let api = TestBed::with(&order);
    let response = cancel(&api, &order).await;
    assert_eq!((response.status, &response.body["status"]), (202, &json!("CANCELLED")));
    assert_eq!(recorded(&api, &order).status, Status::Cancelled);
    assert_eq!(*api.workflow.stopped.lock().unwrap(), [order.execution.to_string()]);

    let api = TestBed::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    assert_eq!(
        cancel(&api, &order).await.status,
        202,
        "the execution finds the order closed later"
    );
}

#[tokio::test]
async fn a_repeated_cancellation_changes_nothing_and_delivers_the_first() {
    let order = samples::in_review();
    let api = TestBed::with(&order);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    cancel(&api, &order).await.assert_problem(503, "unavailable");
    let after_first = recorded(&api, &order);
    assert!(after_first.cancel_requested_at.is_some(), "the cancellation is recorded");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    assert_eq!(cancel(&api, &order).await.status, 202);
    assert_eq!(recorded(&api, &order), after_first);
    assert_eq!(api.workflow.task_results.lock().unwrap().len(), 1, "it is delivered now");
}

#[tokio::test]
async fn an_order_that_ships_or_is_closed_or_compensates_cannot_be_canceled() {
    let compensating =
        samples::reserved().begin_compensation(&FailedStates::new(), samples::placed_at());
    for order in [
        samples::shipping(),
        samples::labeled(),
        samples::needs_attention(),
        samples::fulfilled(),
        compensating,
    ] {
        let api = TestBed::with(&order);
        cancel(&api, &order).await.assert_problem(409, "conflict");
        assert_eq!(recorded(&api, &order), order);
    }
}

#[tokio::test]
async fn a_shipment_that_is_stored_first_wins_over_a_cancellation() {
    let order = samples::reserved();
    let api = TestBed::with(&order);
    let shipment = samples::provider_shipment();
    let shipping =
        order.with_shipment(&shipment, &shipment.rates[0], samples::placed_at()).unwrap();
    *api.orders.concurrent_write.lock().unwrap() = Some(shipping.clone());
    cancel(&api, &order).await.assert_problem(409, "conflict");
    assert_eq!(recorded(&api, &order), shipping);
}

#[tokio::test]
async fn only_its_owner_cancels_an_order() {
    let order = samples::received();
    let api = TestBed::with(&order);
    send(&api, request(&order).by(BOB, "orders/write")).await.assert_problem(404, "not-found");
    send(&api, request(&order).by(ADA, "orders/read")).await.assert_problem(403, "forbidden");
    send(&api, request(&order)).await.assert_problem(401, "unauthenticated");
    assert_eq!(recorded(&api, &order), order);
    *api.orders.store_is_down.lock().unwrap() = true;
    cancel(&api, &order).await.assert_problem(503, "unavailable");
}
