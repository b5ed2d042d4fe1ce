//! `GET /orders/{orderId}` and its execution: which fields are shown, and to which caller.

use crate::support::{ADA, BOB, OP, TestBed, TestRequest, send};
use domain::Order;
use domain::compensation::FailedStates;
use domain::order::TimelineCode;
use domain::payment::PaymentStatus;
use serde_json::{Value, json};
use testing::samples;

fn get(order: &Order) -> TestRequest {
    TestRequest::new("GET", &format!("/orders/{}", order.order_id)).by(ADA, "orders/read")
}

async fn view(order: &Order) -> Value {
    let response = send(&TestBed::with(order), get(order)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.body
}

#[tokio::test]
async fn a_new_order_shows_its_items_and_that_it_can_be_canceled() {
    let order = samples::received();
    assert_eq!(
        view(&order).await,
        json!({
            "orderId": order.order_id,
            "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"},
            "items": [
                {"sku": "MUG", "title": "Mug", "quantity": 2, "unitPrice": {"amount": 1250, "currency": "USD"}},
                {"sku": "TEE", "title": "T-shirt", "quantity": 1, "unitPrice": {"amount": 1999, "currency": "USD"}},
            ],
            "timeline": [{"at": "2026-11-23T04:00:00.000Z", "status": "RECEIVED"}],
            "cancellable": true,
            "actions": [],
            "createdAt": "2026-11-23T04:00:00.000Z",
            "updatedAt": "2026-11-23T04:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn the_shipment_is_shown_once_the_order_is_fulfilled() {
    let labeled = view(&samples::labeled()).await;
    assert_eq!(labeled["shipment"], Value::Null);
    assert_eq!(labeled["cancellable"], false);
    let fulfilled = view(&samples::fulfilled()).await;
    assert_eq!(
        fulfilled["shipment"],
        json!({
            "carrier": "USPS", "service": "GroundAdvantage",
            "trackingCode": "9400100000000000000000", "trackingUrl": "https://track.example/1",
        })
    );
    assert_eq!(fulfilled["payment"], json!({"status": "CAPTURED"}));
    assert_eq!(fulfilled["failure"], Value::Null);
}

#[tokio::test]
async fn a_tracking_page_that_is_not_https_is_not_shown() {
    for url in ["http://track.example/1", "javascript:alert(1)", "https:track.example", ""] {
        let mut order = samples::fulfilled();
        let label = order.shipment.as_mut().unwrap().label.as_mut().unwrap();
        label.tracking_url = Some(url.to_owned());
        let view = view(&order).await;
        assert_eq!(view["shipment"]["trackingUrl"], Value::Null, "{url}");
        assert_eq!(view["shipment"]["carrier"], "USPS");
    }
}

#[tokio::test]
async fn a_customer_sees_no_internal_code() {
    let order = samples::fulfilled();
    let visits = order.timeline.len();
    let mut raised = order.clone();
    for code in TimelineCode::ALL {
        let entry = domain::order::TimelineEntry {
            at: samples::placed_at(),
            status: order.status,
            detail: Some(format!("{code} in_transit")),
        };
        raised.timeline.push(entry);
    }
    raised.attention = Some(domain::Attention::Operator);
    let seen = view(&raised).await;
    let codes: Vec<_> = seen["timeline"].as_array().unwrap().iter().skip(visits).collect();
    let codes: Vec<_> = codes.iter().map(|entry| entry["detail"].as_str().unwrap()).collect();
    let public = ["COMPENSATION_BEGUN", "REVIEW_EXPIRED", "CANCELLATION_REQUESTED", "TRACKING"];
    assert_eq!(codes, public.map(|code| format!("{code} in_transit")));

    let api = TestBed::with(&raised);
    let operator = TestRequest::new("GET", &format!("/orders/{}", raised.order_id));
    let operator = send(&api, operator.by(OP, "orders/operate")).await;
    let all = operator.body["timeline"].as_array().unwrap().len();
    assert_eq!(all, visits + TimelineCode::ALL.len());
    let list = send(&api, TestRequest::new("GET", "/orders").by(ADA, "orders/read")).await;
    assert_eq!(list.body["orders"][0]["attention"], Value::Null, "{}", list.text);
}

#[tokio::test]
async fn a_failed_order_shows_a_reason_that_a_customer_may_know() {
    let declined: FailedStates =
        serde_json::from_str(r#"{"ProcessPayment": {"Error": "PaymentDeclined"}}"#).unwrap();
    let compensating = samples::received().begin_compensation(&declined, samples::placed_at());
    assert_eq!(view(&compensating).await["failure"], Value::Null, "the order is not closed yet");
    assert_eq!(view(&compensating).await["cancellable"], false);
    let closed = compensating.closed(PaymentStatus::Voided, samples::placed_at()).unwrap();
    let view = view(&closed).await;
    assert_eq!(view["status"], "PAYMENT_FAILED");
    assert_eq!(
        view["failure"],
        json!({"code": "PAYMENT_FAILED", "reason": "The payment could not be completed."})
    );
}

#[tokio::test]
async fn a_scheduled_order_shows_its_date() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(samples::placed_at().plus_hours(24));
    let view = view(&Order::accept(request, samples::placed_at())).await;
    assert_eq!(view["scheduledFor"], "2026-11-24T04:00:00.000Z");
}

#[tokio::test]
async fn an_erased_order_is_still_shown_and_says_since_when() {
    let order = samples::fulfilled();
    let before = view(&order).await;
    let after = view(&order.without_personal_data(samples::placed_at().plus_hours(24))).await;
    let mut expected = before.clone();
    expected["personalDataRemovedAt"] = json!("2026-11-24T04:00:00.000Z");
    expected["shipment"].as_object_mut().unwrap().remove("trackingUrl");
    assert_eq!(after, expected);
    assert_eq!(before["personalDataRemovedAt"], Value::Null);
}

#[tokio::test]
async fn no_private_value_is_shown_in_any_status() {
    for order in [samples::in_review(), samples::needs_attention(), samples::fulfilled()] {
        let text = view(&order).await.to_string();
        for private in [
            "Ada",
            "ada@",
            "4155550123",
            "Montgomery",
            "94104",
            "pm_card",
            "pi_sample",
            "shp_",
            "token-",
        ] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }
}

#[tokio::test]
async fn only_its_owner_and_operators_see_an_order() {
    let order = samples::received();
    let api = TestBed::with(&order);
    let path = format!("/orders/{}", order.order_id);
    let check = async |sub: &str, scopes: &str, status: u64| {
        let response = send(&api, TestRequest::new("GET", &path).by(sub, scopes)).await;
        assert_eq!(response.status, status, "{sub} {scopes}");
        response
    };
    check(ADA, "orders/read", 200).await;
    check(OP, "orders/operate", 200).await;
    check(ADA, "orders/write", 403).await;
    let foreign = check(BOB, "orders/read orders/write", 404).await;
    let unknown = send(&api, get(&unknown_order())).await;
    assert_eq!(foreign.text, unknown.text, "another customer's order looks like no order");
    assert_eq!(send(&api, TestRequest::new("GET", &path)).await.status, 401);
}

/// An order that is not recorded.
fn unknown_order() -> Order {
    let mut order = samples::received();
    order.order_id = domain::OrderId::for_request(&order.customer_id, "other");
    order
}

#[tokio::test]
async fn a_client_that_has_the_current_version_gets_304() {
    let order = samples::authorized();
    let api = TestBed::with(&order);
    let first = send(&api, get(&order)).await;
    let etag = first.headers["etag"].as_str().unwrap().to_owned();
    assert!(etag.starts_with("\"3-"), "{etag}");
    for known in [etag.as_str(), &format!("W/{etag}"), &format!("\"1\", {etag}"), "*"] {
        let response = send(&api, get(&order).header("if-none-match", known)).await;
        assert_eq!((response.status, response.text.as_str()), (304, ""), "{known}");
        assert_eq!(response.headers["etag"], etag);
    }
    for other in ["\"2\"", "3", "canary", ""] {
        assert_eq!(send(&api, get(&order).header("if-none-match", other)).await.status, 200);
    }
}

#[tokio::test]
async fn an_unavailable_store_gives_503_and_reveals_nothing() {
    let order = samples::received();
    let api = TestBed::with(&order);
    *api.orders.store_is_down.lock().unwrap() = true;
    let response = send(&api, get(&order)).await;
    response.assert_problem(503, "unavailable");
    assert_eq!(response.headers["retry-after"], "1");
    assert!(!response.text.contains("GetItem"), "{}", response.text);
}

#[tokio::test]
async fn an_operator_sees_the_states_of_the_execution() {
    let order = samples::received();
    let api = TestBed::with(&order);
    let path = format!("/orders/{}/execution", order.order_id);
    let request = |sub, scopes| TestRequest::new("GET", &path).by(sub, scopes);
    send(&api, request(OP, "orders/operate")).await.assert_problem(404, "not-found");
    let name = order.execution.to_string();
    api.workflow.started.lock().unwrap().push((name, json!({})));
    let response = send(&api, request(OP, "orders/operate")).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body["status"], "RUNNING");
    assert_eq!(response.body["states"][0]["name"], "ProcessPayment");
    assert_eq!(response.body["states"][0]["type"], "Task");
    send(&api, request(ADA, "orders/read")).await.assert_problem(403, "forbidden");
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    send(&api, request(OP, "orders/operate")).await.assert_problem(503, "unavailable");
}

async fn operator_view(order: &Order) -> Value {
    let request = get(order).by(OP, "orders/operate");
    send(&TestBed::with(order), request).await.body
}

#[tokio::test]
async fn an_operator_sees_why_an_order_needs_attention_and_what_is_known_of_it() {
    let stuck = operator_view(&samples::needs_attention()).await;
    assert_eq!(stuck["customerId"], ADA);
    assert_eq!(stuck["state"], "AwaitOperator");
    assert_eq!(
        stuck["attention"],
        json!({"kind": "OPERATOR", "since": "2026-11-23T04:00:00.000Z"})
    );
    assert_eq!(
        stuck["facts"],
        json!({
            // The capture may have happened.
            "money": {"state": "AUTHORIZED", "known": false},
            "label": {"state": "BOUGHT", "known": true},
            "stock": {"state": "RESERVED", "known": true},
        })
    );
    let raised = samples::fulfilled().with_attention(TimelineCode::Disputed, samples::placed_at());
    let raised = operator_view(&raised).await;
    assert_eq!(raised["attention"]["cause"], "DISPUTED");
    assert_eq!(raised["facts"]["money"], json!({"state": "CAPTURED", "known": true}));
    assert_eq!(raised["actions"], json!(["resume:acknowledge"]));
    assert_eq!(raised["state"], Value::Null, "a closed order is in no state");
    let review = operator_view(&samples::in_review()).await;
    assert_eq!(review["review"]["reasons"], json!(["ELEVATED_RISK"]));
    assert_eq!(review["actions"], json!(["cancel", "review"]));
    let buying = operator_view(&samples::shipping()).await;
    assert_eq!(buying["facts"]["label"], json!({"state": "NONE", "known": false}));
    let waiting = samples::authorized()
        .backordered(&domain::Sku::parse("MUG").unwrap(), samples::placed_at());
    let waiting = operator_view(&waiting).await;
    assert_eq!(waiting["backorder"]["waitsFor"], "MUG");
    assert_eq!(waiting["backorder"]["since"], "2026-11-23T04:00:00.000Z");
}

#[tokio::test]
async fn a_customer_sees_nothing_that_is_for_operators() {
    for order in [samples::in_review(), samples::needs_attention(), samples::fulfilled()] {
        let seen = view(&order).await;
        for field in ["customerId", "state", "attention", "review", "backorder", "facts", "audit"] {
            assert_eq!(seen[field], Value::Null, "{field} of {}", order.status);
        }
    }
}

#[tokio::test]
async fn an_order_that_is_out_of_stock_names_the_skus_that_were_short() {
    let shortage = json!([{"sku": "TEE", "requested": 1, "available": 0}]);
    let failed: FailedStates = serde_json::from_value(json!({
        "OutOfStock": {"error": "OutOfStock", "shortages": shortage},
    }))
    .unwrap();
    let at = samples::placed_at();
    let closed =
        samples::authorized().begin_compensation(&failed, at).closed(PaymentStatus::Voided, at);
    let seen = view(&closed.unwrap()).await;
    assert_eq!(seen["failure"]["code"], "OUT_OF_STOCK");
    assert_eq!(seen["failure"]["skus"], json!(["TEE"]));
    assert!(!seen.to_string().contains("available"), "the stock is not the customer's to know");
}

#[tokio::test]
async fn restarted_executions_are_one_story_oldest_first() {
    let mut order = samples::received();
    for _ in 0..10 {
        order = order.restarted(samples::placed_at());
    }
    let api = TestBed::with(&order);
    for n in 0..=10 {
        let name = order.order_id.restart_execution(n).to_string();
        api.workflow.started.lock().unwrap().push((name, json!({})));
    }
    let path = format!("/orders/{}/execution", order.order_id);
    let response = send(&api, TestRequest::new("GET", &path).by(OP, "orders/operate")).await;
    let executions = response.body["executions"].as_array().unwrap();
    let names: Vec<_> = executions.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let expected: Vec<_> =
        (3..=10).map(|n| order.order_id.restart_execution(n).to_string()).collect();
    assert_eq!(names, expected, "the latest 8");
    assert_eq!(executions[7]["states"], response.body["states"]);
}
