//! `GET /orders`: whose orders are listed, page by page, and that a forged
//! cursor shows nothing more.

use crate::support::{ADA, BOB, OP, TestApi, TestBed, TestRequest, TestResponse, id_of, send};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::order::Attention;
use domain::{CustomerId, Order, OrderId, Status};
use serde_json::json;
use testing::samples;

/// A shop with this many orders of each customer, a minute apart.
fn shop(orders_of_ada: usize, orders_of_bob: usize) -> TestApi {
    let api = TestBed::new();
    for (customer, count) in [(ADA, orders_of_ada), (BOB, orders_of_bob)] {
        let customer = CustomerId::parse(customer).unwrap();
        for n in 0..count {
            let mut request = samples::new_order();
            request.order_id = OrderId::for_request(&customer, &n.to_string());
            request.customer_id = customer.clone();
            let at = samples::placed_at().plus_minutes(i64::try_from(n).unwrap());
            let order = Order::accept(request, at);
            api.orders.insert(order);
        }
    }
    api
}

fn own_orders(sub: &str) -> TestRequest {
    TestRequest::new("GET", "/orders").by(sub, "orders/read")
}

fn ids(response: &TestResponse) -> Vec<String> {
    let orders = response.body["orders"].as_array().unwrap();
    orders.iter().map(|order| order["orderId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_customer_lists_their_own_orders_newest_first() {
    let api = shop(3, 2);
    let response = send(&api, own_orders(ADA)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.body["nextCursor"], json!(null));
    let customer = CustomerId::parse(ADA).unwrap();
    let expected: Vec<_> =
        ["2", "1", "0"].map(|key| OrderId::for_request(&customer, key).to_string()).to_vec();
    assert_eq!(ids(&response), expected);
    assert_eq!(
        response.body["orders"][2],
        json!({
            "orderId": expected[2], "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"}, "cancellable": true,
            "createdAt": "2026-11-23T04:00:00.000Z", "updatedAt": "2026-11-23T04:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn pages_have_no_gap_and_no_repetition() {
    let api = shop(7, 3);
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for expected in [3, 3, 1] {
        let mut request = own_orders(ADA).query("limit", "3");
        if let Some(cursor) = &cursor {
            request = request.query("cursor", cursor);
        }
        let response = send(&api, request).await;
        assert_eq!(ids(&response).len(), expected, "{}", response.text);
        seen.extend(ids(&response));
        cursor = response.body["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(cursor, None);
    let all = ids(&send(&api, own_orders(ADA).query("limit", "100")).await);
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_status_filters_the_list_and_the_page_is_still_filled() {
    let api = shop(9, 0);
    for (n, order) in api.orders.orders.lock().unwrap().values_mut().enumerate() {
        order.status = if n % 3 == 0 { Status::Fulfilled } else { Status::Received };
    }
    let response =
        send(&api, own_orders(ADA).query("status", "FULFILLED").query("limit", "3")).await;
    assert_eq!(ids(&response).len(), 3, "{}", response.text);
}

#[tokio::test]
async fn a_cursor_of_another_customer_shows_only_the_callers_orders() {
    let api = shop(5, 5);
    let first = send(&api, own_orders(BOB).query("limit", "2")).await;
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let mine = ids(&send(&api, own_orders(ADA)).await);
    let stolen = send(&api, own_orders(ADA).query("cursor", cursor)).await;
    assert!(ids(&stolen).iter().all(|id| mine.contains(id)), "{}", stolen.text);
}

#[tokio::test]
async fn a_cursor_that_this_endpoint_did_not_return_is_refused() {
    let api = shop(2, 0);
    let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let place = json!({"order_id": "ord_1", "at": "2026-11-23T04:00:00Z"});
    for cursor in [
        String::new(),
        "canary".to_owned(),
        "!!!".to_owned(),
        encoded("{}"),
        encoded(r#"{"n": 1, "place": null}"#),
        encoded(r#"{"n": 0, "place": null, "customerId": "customer-2"}"#),
        encoded(&json!({"n": 0, "place": place}).to_string()),
    ] {
        let response = send(&api, own_orders(ADA).query("cursor", &cursor)).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), ["cursor"]);
        assert!(!response.text.contains("canary"));
    }
}

#[tokio::test]
async fn an_operator_lists_the_orders_that_need_attention_and_the_open_ones() {
    let api = shop(3, 3);
    let stuck = samples::needs_attention();
    api.orders.insert(stuck.clone());
    let request = TestRequest::new("GET", "/orders").by(OP, "orders/operate");
    let attention = send(&api, request.clone().query("attention", "OPERATOR")).await;
    assert_eq!(ids(&attention), [stuck.order_id.to_string()]);
    assert_eq!(attention.body["orders"][0]["attention"], "OPERATOR");
    let no_reviews = send(&api, request.clone().query("attention", "REVIEW")).await;
    assert_eq!(ids(&no_reviews), Vec::<String>::new());

    let open = send(&api, request.clone().query("open", "true")).await;
    assert_eq!(ids(&open).len(), 7, "{}", open.text);
    let placed: Vec<_> = open.body["orders"].as_array().unwrap().iter().collect();
    assert!(
        placed.is_sorted_by(|a, b| a["createdAt"].as_str() >= b["createdAt"].as_str()),
        "newest first: {}",
        open.text
    );
    let mut pages = Vec::new();
    let mut next = request.query("open", "true").query("limit", "2");
    loop {
        let response = send(&api, next.clone()).await;
        pages.extend(ids(&response));
        match response.body["nextCursor"].as_str() {
            Some(cursor) => next = next.query("cursor", cursor),
            None => break,
        }
    }
    assert_eq!(pages, ids(&open));
}

#[tokio::test]
async fn a_list_requires_its_scope() {
    let api = shop(1, 1);
    for (name, value) in [("attention", "OPERATOR"), ("open", "true")] {
        send(&api, own_orders(ADA).query(name, value)).await.assert_problem(403, "forbidden");
    }
    let operator = TestRequest::new("GET", "/orders").by(OP, "orders/operate");
    send(&api, operator).await.assert_problem(403, "forbidden");
    send(&api, TestRequest::new("GET", "/orders")).await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn attention_and_open_can_be_combined() {
    let finalized =
        Order { attention: Some(Attention::Operator), open: None, ..samples::fulfilled() };
    let api = TestBed::with(&finalized);
    let stuck = Order { order_id: id_of("stuck"), ..samples::needs_attention() };
    api.orders.insert(stuck.clone());
    let request =
        TestRequest::new("GET", "/orders").by(OP, "orders/operate").query("attention", "OPERATOR");
    assert_eq!(ids(&send(&api, request.clone()).await).len(), 2);
    let open = send(&api, request.query("open", "true")).await;
    assert_eq!(ids(&open), [stuck.order_id.as_str()]);
}

#[tokio::test]
async fn an_invalid_query_names_its_parameter() {
    let api = shop(1, 0);
    for (name, value) in [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "+5"),
        ("limit", "canary"),
        ("limit", ""),
        ("status", "canary"),
        ("status", "received"),
        ("attention", "canary"),
        ("open", "false"),
        ("createdAfter", "canary"),
        ("createdBefore", "yesterday"),
    ] {
        let response = send(&api, own_orders(ADA).query(name, value)).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), [name], "{value}");
        assert!(!response.text.contains("canary"));
    }
    let typo = send(&api, own_orders(ADA).query("stauts", "RECEIVED")).await;
    typo.assert_problem(400, "invalid-request");
    assert_eq!(typo.fields(), ["stauts"]);
    let misplaced = send(&api, own_orders(ADA).query("ada@example.com", "1")).await;
    misplaced.assert_problem(400, "invalid-request");
    assert_eq!(misplaced.fields(), ["query"], "data in the wrong place is not repeated");
    assert!(typo.text.contains("createdBefore"), "it names the parameters: {}", typo.text);
    *api.orders.store_is_down.lock().unwrap() = true;
    send(&api, own_orders(ADA)).await.assert_problem(503, "unavailable");
}

fn operator() -> TestRequest {
    TestRequest::new("GET", "/orders").by(OP, "orders/read orders/operate")
}

#[tokio::test]
async fn an_operator_lists_all_orders_of_a_status_and_of_a_time() {
    let api = shop(4, 2);
    let closed = Order { order_id: id_of("closed"), ..samples::fulfilled() };
    api.orders.insert(closed.clone());
    let earlier = samples::placed_at().plus_hours(-40 * 24);
    let too_old =
        Order { order_id: id_of("old"), closed_day: Some(earlier.day()), ..closed.clone() };
    api.orders.insert(too_old);
    let waiting = Order { order_id: id_of("review"), ..samples::in_review() };
    api.orders.insert(waiting.clone());

    let all = send(&api, operator().query("status", "RECEIVED")).await;
    assert_eq!(ids(&all).len(), 6, "of all customers: {}", all.text);
    let reviews = send(&api, operator().query("status", "IN_REVIEW")).await;
    assert_eq!(ids(&reviews), [waiting.order_id.as_str()]);
    let row = &reviews.body["orders"][0];
    assert_eq!(row["customerId"], ADA);
    assert_eq!(row["deadline"], json!(waiting.review.unwrap().deadline));
    let mut found = Vec::new();
    let mut request = operator().query("status", "FULFILLED");
    loop {
        let response = send(&api, request.clone()).await;
        found.extend(ids(&response));
        let Some(cursor) = response.body["nextCursor"].as_str() else { break };
        request = request.query("cursor", cursor);
    }
    assert_eq!(found, [closed.order_id.as_str()], "closed within 31 days");

    let minute = |n| samples::placed_at().plus_minutes(n).to_string();
    let between = operator()
        .query("status", "RECEIVED")
        .query("createdAfter", &minute(0))
        .query("createdBefore", &minute(2));
    let found = ids(&send(&api, between).await);
    assert_eq!(found.len(), 2, "those of minute 1: {found:?}");
    let own = own_orders(ADA).query("createdAfter", &minute(2));
    assert_eq!(ids(&send(&api, own).await).len(), 1);
    let own = send(&api, own_orders(ADA).query("status", "RECEIVED")).await;
    assert_eq!(ids(&own).len(), 4, "a customer sees their own orders only");
    assert_eq!(own.body["orders"][0]["customerId"], json!(null));
}

#[tokio::test]
async fn an_unchanged_list_is_304() {
    let api = shop(3, 0);
    let request = operator().query("open", "true");
    let first = send(&api, request.clone()).await;
    let known = request.header("if-none-match", first.headers["etag"].as_str().unwrap());
    let unchanged = send(&api, known.clone()).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    api.orders.insert(Order { order_id: id_of("new"), ..samples::received() });
    assert_eq!(send(&api, known).await.status, 200);
}
