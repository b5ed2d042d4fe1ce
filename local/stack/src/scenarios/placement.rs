//! Submits the order of a scenario and checks the responses.

use anyhow::Result;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, Response};
use super::scenario::Scenario;
use crate::stack::Stack;

/// Submits the order as often as the scenario says. Returns what is wrong with the
/// responses, one sentence each.
pub(super) async fn submit(
    stack: &Stack,
    client: &Client,
    scenario: &Scenario,
) -> Result<Vec<String>> {
    let order = order_body(stack, scenario)?;
    let key = format!("scenario-{}", scenario.name);
    let responses = if scenario.submission.concurrently {
        submit_concurrently(client, scenario.submission.times, &order, &key).await
    } else {
        let mut responses = Vec::new();
        for _ in 0..scenario.submission.times {
            responses.push(client.place_order(&order, &key).await);
        }
        responses
    };
    let mut differences = Vec::new();
    for response in responses {
        differences.extend(check(response?, scenario.submission.expected_status)?);
    }
    Ok(differences)
}

fn order_body(stack: &Stack, scenario: &Scenario) -> Result<Value> {
    let mut order = scenario.order.clone();
    if let Some(delay) = scenario.scheduled_in {
        let date = stack.clock().now().saturating_add(delay)?;
        order["scheduledFor"] = json!(format!("{date:.3}"));
    }
    Ok(order)
}

async fn submit_concurrently(
    client: &Client,
    times: u32,
    order: &Value,
    key: &str,
) -> Vec<Result<Response>> {
    let mut requests = JoinSet::new();
    for _ in 0..times {
        let (client, order, key) = (client.clone(), order.clone(), key.to_owned());
        requests.spawn(async move { client.place_order(&order, &key).await });
    }
    requests.join_all().await
}

/// Returns the difference from the expected status, if there is one.
fn check(response: Response, expected: Option<u16>) -> Result<Option<String>> {
    match expected {
        None => response.into_success("placing the order").map(|_| None),
        Some(expected) if expected == response.status => Ok(None),
        Some(expected) => {
            Ok(Some(format!("placing the order returned {}, not {expected}", response.status)))
        }
    }
}
