//! `actions` of an order: what it offers a caller is what the API accepts from that
//! caller, for every status, role and combination of facts.

use std::collections::BTreeSet;

use domain::compensation::FailedStates;
use domain::decision::{DecisionKind, OperatorAction, TaskDecision};
use domain::order::{Action, Attention};
use domain::payment::PaymentStatus;
use domain::{Order, Status, TaskToken, Timestamp};
use serde_json::{Value, json};
use testing::samples;

use crate::support::{ADA, BOB, OP, TestBed, TestRequest, document, recorded, send};

/// Every caller that matters, with the scopes of the token.
const CALLERS: [(&str, &str); 7] = [
    (ADA, "orders/read orders/write"),
    (ADA, "orders/read"),
    (BOB, "orders/read orders/write"),
    (OP, "orders/operate"),
    (OP, "orders/operate orders/write"),
    (ADA, "orders/read orders/write orders/operate"),
    (OP, "inventory/write"),
];

fn now() -> Timestamp {
    samples::placed_at().plus_hours(1)
}

fn compensating(order: &mut Order) {
    let begun = order.begin_compensation(&FailedStates::new(), samples::placed_at());
    order.compensation = begun.compensation;
}

fn authorized(order: &mut Order) {
    order.payment = samples::authorized().payment;
}

fn captured(order: &mut Order) {
    authorized(order);
    order.payment.status = PaymentStatus::Captured;
}

fn refund_failed(order: &mut Order) {
    authorized(order);
    order.payment.status = PaymentStatus::RefundFailed;
}

/// The combinations of facts that the rules look at, for an order of this status. Some
/// cannot occur; the API must agree with itself about them all the same.
fn orders_of(status: Status) -> Vec<Order> {
    let mut orders = vec![Order { status, task_token: None, ..samples::received() }];
    let mut vary = |changes: &[&dyn Fn(&mut Order)]| {
        orders = std::mem::take(&mut orders)
            .into_iter()
            .flat_map(|order| {
                changes.iter().map(move |change| {
                    let mut changed = order.clone();
                    change(&mut changed);
                    changed
                })
            })
            .collect();
    };
    let same = |_: &mut Order| ();
    vary(&[&same, &compensating]);
    vary(&[&same, &|order| order.cancel_requested_at = Some(samples::placed_at())]);
    if !status.is_closed() {
        vary(&[&same, &authorized, &captured]);
    }
    if status.is_closed() {
        vary(&[&same, &authorized, &refund_failed]);
        vary(&[&same, &|order| order.open = None]);
    }
    let goods = |order: &mut Order| {
        order.reservation = samples::labeled().reservation;
        order.shipment = samples::labeled().shipment;
    };
    if !status.is_closed() {
        vary(&[&same, &goods]);
    }
    let token = || TaskToken::parse("token-1").unwrap();
    let waiting = |order: &mut Order| order.task_token = Some(token());
    let decided = |order: &mut Order| {
        waiting(order);
        order.task_decision = Some(TaskDecision {
            token: token(),
            kind: DecisionKind::Operator(OperatorAction::Capture),
            by: OP.to_owned(),
            at: samples::placed_at(),
            note: None,
            refund: None,
        });
    };
    vary(&[&same, &waiting, &decided]);
    if status.is_closed() || status == Status::NeedsAttention {
        vary(&[&same, &|order| order.attention = Some(Attention::Operator)]);
    }
    if status == Status::InReview {
        let review = |order: &mut Order| order.review = samples::in_review().review;
        let overdue = |order: &mut Order| {
            review(order);
            order.review.as_mut().unwrap().deadline = Some(samples::placed_at());
        };
        vary(&[&same, &review, &overdue]);
    }
    orders
}

/// The requests that take an action; one of them suffices.
fn requests(action: Action, order: &Order) -> Vec<TestRequest> {
    let post = |path: &str, body: Option<Value>| {
        let request = TestRequest::new("POST", &format!("/orders/{}/{path}", order.order_id));
        body.into_iter().fold(request, |request, body| request.json(&body))
    };
    let name = action.to_string();
    match name.strip_prefix("resume:") {
        Some("settle") => [json!({"money": "voided"}), json!({"label": "none"})]
            .map(|mut body| {
                body["action"] = json!("settle");
                body["note"] = json!("Seen in the dashboard.");
                post("resume", Some(body))
            })
            .to_vec(),
        Some(word) => {
            let (word, refund) = match word.strip_suffix("-with-refund") {
                Some(word) => (word, json!({"action": word, "refund": true})),
                None => (word, json!({"action": word})),
            };
            assert_eq!(refund["action"], word);
            vec![post("resume", Some(refund))]
        }
        None if name == "review" => ["approve", "reject"]
            .map(|decision| post("review", Some(json!({"decision": decision}))))
            .to_vec(),
        None => vec![post(&name, None)],
    }
}

/// Whether the API accepts the action: it answers with success and writes the order. The
/// repetition of a cancellation also succeeds, and writes nothing.
async fn is_accepted(action: Action, order: &Order, (sub, scopes): (&str, &str)) -> bool {
    for request in requests(action, order) {
        let api = TestBed::with(order);
        let response = send(&api, request.by(sub, scopes).at(now())).await;
        assert!(response.status < 500, "{}", response.text);
        if response.status < 300 && recorded(&api, order).version > order.version {
            return true;
        }
    }
    false
}

async fn offered(order: &Order, (sub, scopes): (&str, &str)) -> BTreeSet<String> {
    let path = format!("/orders/{}", order.order_id);
    let request = TestRequest::new("GET", &path).by(sub, scopes).at(now());
    let response = send(&TestBed::with(order), request).await;
    let actions = response.body["actions"].as_array().into_iter().flatten();
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_action_is_offered_to_a_caller_if_and_only_if_the_api_accepts_it() {
    let (mut differences, mut seen, mut count) = (vec![], BTreeSet::new(), 0);
    for order in Status::ALL.iter().flat_map(|status| orders_of(*status)) {
        for caller in CALLERS {
            let offered = offered(&order, caller).await;
            for action in Action::ALL.iter().copied() {
                let is_offered = offered.contains(&action.to_string());
                if is_offered != is_accepted(action, &order, caller).await {
                    let facts = (order.status, order.recorded_facts(), &order.compensation);
                    differences.push(format!("{action} by {caller:?}: {is_offered}: {facts:?}"));
                }
                count += 1;
            }
            seen.extend(offered);
        }
    }
    differences.truncate(5);
    assert!(differences.is_empty(), "offered, and not accepted, or the reverse: {differences:#?}");
    let all: BTreeSet<String> = Action::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(seen, all, "some order offers each action");
    assert!(count > 10_000, "{count}");
}

#[test]
fn every_action_that_a_resume_accepts_has_a_name_among_the_actions() {
    let schema = &document()["components"]["schemas"]["OperatorAction"]["enum"];
    for word in schema.as_array().unwrap() {
        let name = format!("resume:{}", word.as_str().unwrap());
        assert!(Action::ALL.iter().any(|action| action.to_string() == name), "{name}");
    }
}
