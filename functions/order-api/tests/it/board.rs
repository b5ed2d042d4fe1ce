//! `GET /board`: what is counted, and for whom.

use std::collections::BTreeMap;

use domain::attention::Attention;
use domain::compensation::FailedStates;
use domain::payment::PaymentStatus;
use domain::steps::{self, Row};
use domain::{Order, Status};
use serde_json::json;
use testing::samples;

use crate::support::{ADA, OP, TestApi, TestBed, TestRequest, TestResponse, id_of, send};

fn board() -> TestRequest {
    TestRequest::new("GET", "/board").by(OP, "orders/operate")
}

/// The numbers of a list that are not 0.
fn numbers(response: &TestResponse, list: &str, name: &str) -> BTreeMap<String, u64> {
    let entries = response.body[list].as_array().unwrap().iter();
    let pairs = entries
        .map(|entry| (entry[name].as_str().unwrap().to_owned(), entry["orders"].as_u64().unwrap()));
    pairs.filter(|(_, number)| *number > 0).collect()
}

fn expected(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

fn failed_at(order: &Order, state: &str) -> Order {
    let failed: FailedStates =
        serde_json::from_value(json!({state: {"Error": "States.Timeout"}})).unwrap();
    order.begin_compensation(&failed, samples::placed_at())
}

fn shop_of(orders: Vec<Order>) -> TestApi {
    let api = TestBed::new();
    for (n, order) in orders.into_iter().enumerate() {
        api.orders.insert(Order { order_id: id_of(&n.to_string()), ..order });
    }
    api
}

#[tokio::test]
async fn the_board_counts_every_open_order_where_it_is_and_the_closed_ones_of_today() {
    let declined = failed_at(&samples::authorized(), "ProcessPayment")
        .closed(PaymentStatus::Voided, samples::placed_at())
        .unwrap();
    let yesterday = samples::placed_at().plus_hours(-24);
    let api = shop_of(vec![
        samples::received(),
        samples::received(),
        samples::authorized(),
        samples::in_review(),
        samples::shipping(),
        samples::labeled(),
        samples::needs_attention(),
        failed_at(&samples::labeled(), "CapturePayment"),
        failed_at(&samples::reserved(), "InitiateShipping"),
        failed_at(&samples::authorized(), "CheckInventory"),
        samples::fulfilled(),
        declined,
        Order { closed_day: Some(yesterday.day()), ..samples::fulfilled() },
    ]);
    let response = send(&api, board()).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.body["asOf"], "2026-11-23T04:00:00.000Z");
    assert_eq!(
        numbers(&response, "states", "name"),
        expected(&[
            ("ProcessPayment", 2),
            ("CheckInventory", 1),
            ("AwaitReview", 1),
            // One without a label and, as the index does not say, one with.
            ("InitiateShipping", 2),
            ("AwaitOperator", 1),
            ("CancelShipment", 1),
            ("ReleaseInventory", 1),
            ("CancelPayment", 1),
        ])
    );
    assert_eq!(
        numbers(&response, "statuses", "status"),
        expected(&[
            ("RECEIVED", 2),
            ("AUTHORIZED", 2),
            ("IN_REVIEW", 1),
            ("RESERVED", 1),
            ("SHIPPING", 3),
            ("NEEDS_ATTENTION", 1),
        ])
    );
    let attention = expected(&[("REVIEW", 1), ("OPERATOR", 1)]);
    assert_eq!(numbers(&response, "attention", "kind"), attention);
    let closed = expected(&[("FULFILLED", 1), ("PAYMENT_FAILED", 1)]);
    assert_eq!(numbers(&response, "closedToday", "status"), closed);
}

#[tokio::test]
async fn an_unchanged_board_is_304_though_time_passes() {
    let api = TestBed::with(&samples::received());
    let first = send(&api, board()).await;
    let tag = first.headers["etag"].as_str().unwrap();
    let later = board().at(samples::placed_at().plus_minutes(5)).header("if-none-match", tag);
    let unchanged = send(&api, later.clone()).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    api.orders.insert(samples::authorized());
    let changed = send(&api, later).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.headers["etag"], first.headers["etag"]);
}

#[tokio::test]
async fn the_board_is_for_operators_and_lists_every_state_and_status_also_at_zero() {
    let api = TestBed::new();
    let customer = TestRequest::new("GET", "/board").by(ADA, "orders/read orders/write");
    send(&api, customer).await.assert_problem(403, "forbidden");
    send(&api, TestRequest::new("GET", "/board")).await.assert_problem(401, "unauthenticated");
    let response = send(&api, board()).await;
    let length = |list: &str| response.body[list].as_array().map_or(0, Vec::len);
    assert_eq!(length("statuses") + length("closedToday"), Status::ALL.len());
    assert_eq!(length("attention"), Attention::ALL.len());
    let all = response.body["states"].as_array().unwrap();
    let names: Vec<_> = all.iter().map(|state| state["name"].as_str().unwrap()).collect();
    let takes_time = |row: &Row| matches!(row.kind.state_type(), "Task" | "Wait");
    let expected =
        steps::rows().filter(|(_, row)| takes_time(row)).map(|(state, _)| state.as_str());
    assert_eq!(names, expected.collect::<Vec<_>>());
    assert!(all.iter().all(|state| state["orders"] == 0));
    *api.orders.store_is_down.lock().unwrap() = true;
    send(&api, board()).await.assert_problem(503, "unavailable");
}
