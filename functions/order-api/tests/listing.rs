//! `GET /orders`: whose orders are listed, page by page, and what a forged
//! cursor shows: nothing more.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::order::Attention;
use domain::{CustomerId, Order, OrderId, Status};
use order_api::Api;
use serde_json::json;
use support::{ADA, Answer, BOB, Call, OP, World, id_of, send};
use testing::samples;

type Shop = Api<World, World, World>;

/// A shop with so many orders of each customer, a minute apart.
fn shop(of_ada: usize, of_bob: usize) -> Shop {
    let api = World::new();
    for (customer, count) in [(ADA, of_ada), (BOB, of_bob)] {
        let customer = CustomerId::parse(customer).unwrap();
        for n in 0..count {
            let mut request = samples::new_order();
            request.order_id = OrderId::for_request(&customer, &n.to_string());
            request.customer_id = customer.clone();
            let at = samples::placed_at().plus_minutes(i64::try_from(n).unwrap());
            let order = Order::accept(request, at);
            api.orders.orders.lock().unwrap().insert(order.order_id.clone(), order);
        }
    }
    api
}

fn own(sub: &str) -> Call {
    Call::new("GET", "/orders").by(sub, "orders/read")
}

fn ids(answer: &Answer) -> Vec<String> {
    let orders = answer.body["orders"].as_array().unwrap();
    orders.iter().map(|order| order["orderId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_customer_sees_their_own_orders_newest_first() {
    let api = shop(3, 2);
    let answer = send(&api, own(ADA)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["nextCursor"], json!(null));
    let customer = CustomerId::parse(ADA).unwrap();
    let expected: Vec<_> =
        ["2", "1", "0"].map(|key| OrderId::for_request(&customer, key).to_string()).to_vec();
    assert_eq!(ids(&answer), expected);
    assert_eq!(
        answer.body["orders"][2],
        json!({
            "orderId": expected[2], "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"}, "cancellable": true,
            "createdAt": "2026-11-23T04:00:00.000Z", "updatedAt": "2026-11-23T04:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn pages_follow_one_another_without_a_gap_or_a_repeat() {
    let api = shop(7, 3);
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for expected in [3, 3, 1] {
        let mut call = own(ADA).query("limit", "3");
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let answer = send(&api, call).await;
        assert_eq!(ids(&answer).len(), expected, "{}", answer.text);
        seen.extend(ids(&answer));
        cursor = answer.body["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(cursor, None);
    let all = ids(&send(&api, own(ADA).query("limit", "100")).await);
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_status_filters_and_the_page_is_filled_all_the_same() {
    let api = shop(9, 0);
    for (n, order) in api.orders.orders.lock().unwrap().values_mut().enumerate() {
        order.status = if n % 3 == 0 { Status::Fulfilled } else { Status::Received };
    }
    let answer = send(&api, own(ADA).query("status", "FULFILLED").query("limit", "3")).await;
    assert_eq!(ids(&answer).len(), 3, "{}", answer.text);
}

#[tokio::test]
async fn a_cursor_of_another_customer_leads_into_ones_own_orders_only() {
    let api = shop(5, 5);
    let first = send(&api, own(BOB).query("limit", "2")).await;
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let mine = ids(&send(&api, own(ADA)).await);
    let stolen = send(&api, own(ADA).query("cursor", cursor)).await;
    assert!(ids(&stolen).iter().all(|id| mine.contains(id)), "{}", stolen.text);
}

#[tokio::test]
async fn a_cursor_that_was_never_given_out_is_refused() {
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
        let answer = send(&api, own(ADA).query("cursor", &cursor)).await;
        answer.is_problem(400, "invalid-request");
        assert_eq!(answer.fields(), ["cursor"]);
        assert!(!answer.text.contains("canary"));
    }
}

#[tokio::test]
async fn an_operator_sees_what_needs_attention_and_what_is_open() {
    let api = shop(3, 3);
    let stuck = samples::needs_attention();
    api.orders.orders.lock().unwrap().insert(stuck.order_id.clone(), stuck.clone());
    let call = Call::new("GET", "/orders").by(OP, "orders/operate");
    let attention = send(&api, call.clone().query("attention", "OPERATOR")).await;
    assert_eq!(ids(&attention), [stuck.order_id.to_string()]);
    assert_eq!(attention.body["orders"][0]["attention"], "OPERATOR");
    let none = send(&api, call.clone().query("attention", "REVIEW")).await;
    assert_eq!(ids(&none), Vec::<String>::new());

    let open = send(&api, call.clone().query("open", "true")).await;
    assert_eq!(ids(&open).len(), 7, "{}", open.text);
    let mut pages = Vec::new();
    let mut next = call.query("open", "true").query("limit", "2");
    loop {
        let answer = send(&api, next.clone()).await;
        pages.extend(ids(&answer));
        match answer.body["nextCursor"].as_str() {
            Some(cursor) => next = next.query("cursor", cursor),
            None => break,
        }
    }
    assert_eq!(pages, ids(&open));
}

#[tokio::test]
async fn what_a_token_does_not_allow_is_not_listed() {
    let api = shop(1, 1);
    for (name, value) in [("attention", "OPERATOR"), ("open", "true")] {
        send(&api, own(ADA).query(name, value)).await.is_problem(403, "forbidden");
    }
    let operator = Call::new("GET", "/orders").by(OP, "orders/operate");
    send(&api, operator).await.is_problem(403, "forbidden");
    send(&api, Call::new("GET", "/orders")).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn of_those_that_need_attention_only_the_open_ones_can_be_asked_for() {
    let settled =
        Order { attention: Some(Attention::Operator), open: None, ..samples::fulfilled() };
    let api = World::with(&settled);
    let stuck = Order { order_id: id_of("stuck"), ..samples::needs_attention() };
    api.orders.orders.lock().unwrap().insert(stuck.order_id.clone(), stuck.clone());
    let call = Call::new("GET", "/orders").by(OP, "orders/operate").query("attention", "OPERATOR");
    assert_eq!(ids(&send(&api, call.clone()).await).len(), 2);
    let open = send(&api, call.query("open", "true")).await;
    assert_eq!(ids(&open), [stuck.order_id.as_str()]);
}

#[tokio::test]
async fn a_malformed_query_names_its_parameter() {
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
    ] {
        let answer = send(&api, own(ADA).query(name, value)).await;
        answer.is_problem(400, "invalid-request");
        assert_eq!(answer.fields(), [name], "{value}");
        assert!(!answer.text.contains("canary"));
    }
    *api.orders.store_is_down.lock().unwrap() = true;
    send(&api, own(ADA)).await.is_problem(503, "unavailable");
}
