//! What a scenario's actions do, each as its person, provider or passer-by does it.

use anyhow::{Result, bail};
use emulators::emulator::ControlAction;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::action::{Action, Deed, Teller, Telling};
use super::client::{Client, Reply};
use super::told::{self, About};
use crate::stack::Stack;

/// Somebody who can do every deed to one order.
#[derive(Debug)]
pub(super) struct Actor<'a> {
    pub(super) stack: &'a Stack,
    pub(super) client: &'a Client,
    /// The order.
    pub(super) order: &'a str,
    /// Its item in the table.
    pub(super) row: &'a Value,
    /// How many deeds came before.
    pub(super) nth: usize,
}

impl Actor<'_> {
    /// Does what the action says, and sees to it that it is answered as it should be.
    pub(super) async fn perform(&self, action: &Action) -> Result<()> {
        if let Deed::Review { deciders: 2.., .. } = action.deed {
            return self.decide_at_once(&action.deed).await;
        }
        if action.deed == (Deed::ClearFaults {}) {
            return self.client.clear_faults().await;
        }
        for reply in self.replies(&action.deed).await? {
            check(reply, action.answer)?;
        }
        Ok(())
    }

    async fn replies(&self, deed: &Deed) -> Result<Vec<Reply>> {
        if let Deed::Webhook { provider, kind, event } = deed {
            return self.tell(*provider, *kind, event).await;
        }
        Ok(vec![self.reply(deed).await?])
    }

    async fn reply(&self, deed: &Deed) -> Result<Reply> {
        let order = self.order.to_owned();
        match deed {
            Deed::Review { .. } => self.decide(1, deed).await,
            Deed::Resume { action, refund, note } => {
                let body = json!({"action": action, "refund": refund, "note": note});
                self.client.operate(self.order, "resume", &without_nulls(body)).await
            }
            Deed::Cancel {} => self.client.cancel(self.order).await,
            Deed::Restock { sku, quantity } => {
                let key = format!("restock-{order}-{}", self.nth);
                self.client.restock(sku, *quantity, &key).await
            }
            Deed::StopExecution {} => {
                let owner = self.row["execution"]["S"].as_str().unwrap_or(self.order);
                self.states("StopExecution", owner).await
            }
            Deed::Redrive {} => self.states("RedriveExecution", self.order).await,
            Deed::FailRefund {} => self.client.act(&ControlAction::FailRefund { order }).await,
            Deed::Dispute {} => self.client.act(&ControlAction::Dispute { order }).await,
            Deed::RejectRefund {} => self.client.act(&ControlAction::RejectRefund { order }).await,
            Deed::Track { status } => {
                self.client
                    .act(&ControlAction::UpdateTracker { order, status: status.clone() })
                    .await
            }
            Deed::ClearFaults {} | Deed::Webhook { .. } => bail!("{deed:?} is no single request"),
        }
    }

    async fn decide(&self, decider: u32, deed: &Deed) -> Result<Reply> {
        let Deed::Review { decision, note, .. } = deed else { bail!("{deed:?} is no review") };
        let body = without_nulls(json!({"decision": decision, "note": note}));
        self.client.operate_as(decider, self.order, "review", &body).await
    }

    /// Several people decide at once: one wins, and the others are told so.
    async fn decide_at_once(&self, deed: &Deed) -> Result<()> {
        let Deed::Review { decision, note, deciders } = deed else { bail!("no review") };
        let body = without_nulls(json!({"decision": decision, "note": note}));
        let mut requests = JoinSet::new();
        for decider in 1..=*deciders {
            let (client, order, body) = (self.client.clone(), self.order.to_owned(), body.clone());
            requests.spawn(async move {
                client.operate_as(decider, &order, "review", &body).await.map(|reply| reply.status)
            });
        }
        let answers = requests.join_all().await.into_iter().collect::<Result<Vec<u16>>>()?;
        let won = answers.iter().filter(|status| **status == 200).count();
        if won != 1 || answers.iter().any(|status| ![200, 409].contains(status)) {
            bail!(
                "one decision must win and the others be refused, but the answers are {answers:?}"
            );
        }
        Ok(())
    }

    async fn states(&self, operation: &str, execution: &str) -> Result<Reply> {
        let arn = self.stack.step_functions().execution_arn(execution);
        self.client.ask_states(operation, &json!({ "executionArn": arn })).await
    }

    async fn tell(&self, provider: Teller, kind: Telling, event: &str) -> Result<Vec<Reply>> {
        let about = self.about();
        let at = self.stack.clock().now();
        let delivery = told::delivery((provider, kind, event), &about, self.nth, at);
        let times = if kind == Telling::Repeat { 2 } else { 1 };
        let mut replies = Vec::new();
        for _ in 0..times {
            let (header, signature) = &delivery.signature;
            let body = delivery.body.clone();
            replies.push(self.client.deliver(delivery.path, (header, signature), body).await?);
        }
        Ok(replies)
    }

    /// What an event about this order names; what is not stored yet is nobody's.
    fn about(&self) -> About {
        let text = |of: &Value| of["S"].as_str().unwrap_or("unknown").to_owned();
        About {
            order: self.order.to_owned(),
            intent: text(&self.row["payment"]["M"]["intentId"]),
            shipment: text(&self.row["shipment"]["M"]["shipmentId"]),
        }
    }
}

/// Whether a request was answered as it should be.
fn check(reply: Reply, expected: Option<u16>) -> Result<()> {
    match expected {
        None => reply.accepted("the action").map(drop),
        Some(code) if code == reply.status => Ok(()),
        Some(code) => bail!("the action was answered {}, and not {code}", reply.status),
    }
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
    fn an_answer_other_than_the_expected_one_is_told() {
        let answered = |status| Reply { status, body: Value::Null };
        let check = |status, expected: Option<u16>, says: Option<&str>| {
            let told = check(answered(status), expected).err().map(|error| error.to_string());
            assert_eq!(told.is_some(), says.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(says.unwrap_or_default()));
        };
        check(200, None, None);
        check(409, None, Some("answered 409"));
        check(409, Some(409), None);
        check(200, Some(409), Some("answered 200, and not 409"));
    }
}
