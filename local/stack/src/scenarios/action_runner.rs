//! Runs the actions of a scenario, each as its person or provider would.

use anyhow::{Context, Result, bail};
use emulators::emulator::ControlAction;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::action::{Action, ActionKind, Provider, WebhookKind};
use super::client::{Client, Response};
use super::webhook::{self, EventSubject};
use crate::stack_handle::StackHandle;

/// Runs one action on one order.
#[derive(Debug)]
pub(super) struct ActionRunner<'a> {
    pub(super) stack: &'a StackHandle,
    pub(super) client: &'a Client,
    /// The order's id.
    pub(super) order_id: &'a str,
    /// The order's item.
    pub(super) item: &'a Value,
    /// The number of actions that ran before this one.
    pub(super) index: usize,
}

impl ActionRunner<'_> {
    /// Runs the action and checks the response.
    pub(super) async fn run(&self, action: &Action) -> Result<()> {
        match &action.kind {
            ActionKind::ClearFaults {} => self.client.clear_faults().await,
            ActionKind::RevokeKey { .. } | ActionKind::RemoveKeys {} => {
                prepare(self.stack, self.client, &action.kind).await
            }
            ActionKind::Review { decision, note, deciders: deciders @ 2.. } => {
                self.review_concurrently(*deciders, &review_body(decision, note.as_deref())).await
            }
            kind => {
                for response in self.responses(kind).await? {
                    check(response, action.expected_status)?;
                }
                Ok(())
            }
        }
    }

    async fn responses(&self, kind: &ActionKind) -> Result<Vec<Response>> {
        if let ActionKind::Webhook { provider, kind, event } = kind {
            return self.deliver_webhook(*provider, *kind, event).await;
        }
        Ok(vec![self.response(kind).await?])
    }

    async fn response(&self, kind: &ActionKind) -> Result<Response> {
        let (client, order_id) = (self.client, self.order_id);
        let order = order_id.to_owned();
        match kind {
            ActionKind::Review { decision, note, .. } => {
                client.operate(order_id, "review", &review_body(decision, note.as_deref())).await
            }
            ActionKind::Resume { action, refund, money, label, note } => {
                let body = json!({
                    "action": action, "refund": refund, "money": money, "label": label,
                    "note": note,
                });
                client.operate(order_id, "resume", &without_nulls(body)).await
            }
            ActionKind::PutSecret { secret, value } => {
                let body = json!({"SecretId": secret, "SecretString": value});
                client.secrets_manager("PutSecretValue", &body).await
            }
            ActionKind::Cancel {} => client.cancel(order_id).await,
            ActionKind::Read { path, by } => {
                client.read(&path.replace("{orderId}", order_id), *by).await
            }
            ActionKind::Restock { sku, quantity } => {
                let key = format!("restock-{order}-{}", self.index);
                client.restock(sku, *quantity, &key).await
            }
            ActionKind::StopExecution {} => {
                let current = self.item["execution"]["S"].as_str().unwrap_or(order_id);
                self.step_functions("StopExecution", current).await
            }
            ActionKind::Redrive {} => self.step_functions("RedriveExecution", order_id).await,
            ActionKind::FailRefund {} => client.control(&ControlAction::FailRefund { order }).await,
            ActionKind::CapturePart { amount } => {
                let amount = *amount;
                client.control(&ControlAction::CapturePart { order, amount }).await
            }
            ActionKind::RefundCharge {} => {
                client.control(&ControlAction::RefundCharge { order }).await
            }
            ActionKind::Dispute {} => client.control(&ControlAction::Dispute { order }).await,
            ActionKind::RejectRefund {} => {
                client.control(&ControlAction::RejectRefund { order }).await
            }
            ActionKind::CompleteLabelRefund {} => client.complete_label_refund(order).await,
            ActionKind::Track { status } => {
                let status = status.clone();
                client.control(&ControlAction::UpdateTracker { order, status }).await
            }
            ActionKind::ClearFaults {}
            | ActionKind::RevokeKey { .. }
            | ActionKind::RemoveKeys {}
            | ActionKind::Webhook { .. } => {
                bail!("{kind:?} is not a single request")
            }
        }
    }

    /// Sends one decision of each operator at once: one gets 200 and the others 409.
    async fn review_concurrently(&self, deciders: u32, body: &Value) -> Result<()> {
        let mut requests = JoinSet::new();
        for decider in 1..=deciders {
            let (client, order, body) =
                (self.client.clone(), self.order_id.to_owned(), body.clone());
            requests.spawn(async move {
                let response = client.operate_as(decider, &order, "review", &body).await;
                response.map(|response| response.status)
            });
        }
        let statuses = requests.join_all().await.into_iter().collect::<Result<Vec<u16>>>()?;
        let recorded = statuses.iter().filter(|status| **status == 200).count();
        if recorded != 1 || statuses.iter().any(|status| ![200, 409].contains(status)) {
            bail!("expected one decision with 200 and the others with 409, saw {statuses:?}");
        }
        Ok(())
    }

    async fn step_functions(&self, operation: &str, execution: &str) -> Result<Response> {
        let arn = self.stack.step_functions().execution_arn(execution);
        self.client.try_step_functions(operation, &json!({ "executionArn": arn })).await
    }

    async fn deliver_webhook(
        &self,
        provider: Provider,
        kind: WebhookKind,
        event: &str,
    ) -> Result<Vec<Response>> {
        let at = self.stack.clock().now();
        let delivery = webhook::delivery((provider, kind, event), &self.subject(), self.index, at);
        let times = if kind == WebhookKind::Repeat { 2 } else { 1 };
        let mut responses = Vec::new();
        for _ in 0..times {
            let (header, signature) = &delivery.signature;
            let body = delivery.body.clone();
            let response = self.client.deliver_webhook(delivery.path, (header, signature), body);
            responses.push(response.await?);
        }
        Ok(responses)
    }

    /// The ids by which an event names this order; `unknown` where none is stored yet.
    fn subject(&self) -> EventSubject {
        let text = |attribute: &Value| attribute["S"].as_str().unwrap_or("unknown").to_owned();
        EventSubject {
            order: self.order_id.to_owned(),
            intent: text(&self.item["payment"]["M"]["intentId"]),
            shipment: text(&self.item["shipment"]["M"]["shipmentId"]),
        }
    }
}

/// Does what needs no order, so that it may also happen before the order is placed.
pub(super) async fn prepare(stack: &StackHandle, client: &Client, kind: &ActionKind) -> Result<()> {
    match kind {
        ActionKind::RevokeKey { provider } => {
            let (secret, function) = match provider {
                Provider::Stripe => ("StripeSecretKey", "process-payment"),
                Provider::EasyPost => ("EasyPostApiKey", "initiate-shipping"),
            };
            let key = stack.secrets().value(secret, function).context("there is no key")?;
            let revoked = client.control(&ControlAction::RevokeKey { key }).await?;
            revoked.into_success("revoking the key").map(drop)
        }
        ActionKind::RemoveKeys {} => {
            stack.secrets().remove_keys();
            stack.lambda().end_idle_workers();
            Ok(())
        }
        kind => bail!("{kind:?} needs an order"),
    }
}

/// Fails unless the response has the expected status; without one, unless it is 2xx.
fn check(response: Response, expected: Option<u16>) -> Result<()> {
    match expected {
        None => response.into_success("the action").map(drop),
        Some(status) if status == response.status => Ok(()),
        Some(status) => bail!("the action returned {}, not {status}", response.status),
    }
}

fn review_body(decision: &str, note: Option<&str>) -> Value {
    without_nulls(json!({"decision": decision, "note": note}))
}

fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexpected_status_is_an_error() {
        let check = |status, expected: Option<u16>, expected_error: Option<&str>| {
            let response = Response { status, body: Value::Null };
            let error = check(response, expected).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expected_error.is_some(), "{error:?}");
            assert!(error.unwrap_or_default().contains(expected_error.unwrap_or_default()));
        };
        check(200, None, None);
        check(409, None, Some("returned 409"));
        check(409, Some(409), None);
        check(200, Some(409), Some("returned 200, not 409"));
    }
}
