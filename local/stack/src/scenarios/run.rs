//! Plays one scenario on a running stack, and reports what was seen.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::client::{Client, Reply};
use super::expectation::{Report, Shelf};
use super::{Action, Deed, Scenario, When};
use crate::stack::Stack;
use crate::stepfunctions::{Moved, Watched};
use crate::transcript;

/// A scenario that has not ended by then, in real time, never will: no limit of
/// a function, of which at most a few bind, is longer.
const PATIENCE: Duration = Duration::from_mins(4);

/// Plays the scenario; `show` sees each move of its executions as it happens.
pub async fn play(
    stack: &Stack,
    scenario: &Scenario,
    show: &mut dyn FnMut(&Moved),
) -> Result<Report> {
    let client = Client::new(stack.urls());
    let mut run = Run {
        before: shelves(stack).await?,
        pending: scenario.actions.iter().cloned().collect(),
        differences: Vec::new(),
        order_id: String::new(),
        client,
        stack,
        scenario,
    };
    run.client.plan(&scenario.faults, None).await?;
    let played = tokio::time::timeout(PATIENCE, run.through(show)).await;
    run.client.clear_faults().await?;
    played.with_context(|| format!("{} has not ended after {PATIENCE:?}", scenario.name))??;
    run.report().await
}

struct Run<'a> {
    stack: &'a Stack,
    scenario: &'a Scenario,
    client: Client,
    before: Vec<Shelf>,
    pending: VecDeque<Action>,
    differences: Vec<String>,
    order_id: String,
}

impl Run<'_> {
    async fn through(&mut self, show: &mut dyn FnMut(&Moved)) -> Result<()> {
        let mut moves = self.stack.step_functions().subscribe();
        self.submit().await?;
        while let Some(watched) = self.next(&mut moves).await? {
            show(&watched.progress.step);
            self.act(&watched.progress.step).await?;
            let ended = matches!(watched.progress.step, Moved::Ended { .. });
            // The guard in the move holds the clock until here: nothing leapt
            // past the moment at which somebody acts.
            if ended && self.is_over().await? {
                break;
            }
        }
        for action in &self.pending {
            self.differences.push(format!("never came to be due: {action:?}"));
        }
        Ok(())
    }

    /// Sends the order as often as the scenario says; each answer must name the same order.
    async fn submit(&mut self) -> Result<()> {
        let _busy = self.stack.clock().busy("a scenario's order");
        let mut order = self.scenario.order.clone();
        if let Some(after) = self.scenario.scheduled_in {
            let at = self.stack.clock().now().saturating_add(after)?;
            order["scheduledFor"] = json!(format!("{at:.3}"));
        }
        let key = format!("scenario-{}", self.scenario.name);
        let times = self.scenario.submit.times as usize;
        let mut ids = Vec::with_capacity(times);
        if self.scenario.submit.concurrently {
            for reply in self.at_once(&order, &key, times).await {
                ids.push(order_id(reply?)?);
            }
        } else {
            for _ in 0..times {
                ids.push(order_id(self.client.place(&order, &key).await?)?);
            }
        }
        ids.dedup();
        if ids.len() > 1 {
            self.differences.push(format!("one request became {} orders", ids.len()));
        }
        self.order_id = ids.swap_remove(0);
        Ok(())
    }

    async fn at_once(&self, order: &Value, key: &str, times: usize) -> Vec<Result<Reply>> {
        let mut requests = JoinSet::new();
        for _ in 0..times {
            let (client, order, key) = (self.client.clone(), order.clone(), key.to_owned());
            requests.spawn(async move { client.place(&order, &key).await });
        }
        requests.join_all().await
    }

    /// The next move of an execution of this order.
    async fn next(&self, moves: &mut Receiver<Watched>) -> Result<Option<Watched>> {
        loop {
            match moves.recv().await {
                Ok(watched) if self.owns(&watched.progress.execution) => return Ok(Some(watched)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => bail!("{missed} moves were missed"),
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    fn owns(&self, execution: &str) -> bool {
        execution.strip_prefix(&self.order_id).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix("-r").is_some_and(|n| n.parse::<u32>().is_ok())
        })
    }

    /// Does whatever is due now.
    async fn act(&mut self, moved: &Moved) -> Result<()> {
        while let Some(action) = self.pending.front() {
            if !self.is_due(&action.when, moved).await? {
                break;
            }
            let action = self.pending.pop_front().context("there is a first one")?;
            if let Err(refused) = self.perform(&action.deed).await {
                self.differences.push(format!("{:?}: {refused:#}", action.deed));
            }
        }
        Ok(())
    }

    async fn is_due(&self, when: &When, moved: &Moved) -> Result<bool> {
        Ok(match when {
            When::State(state) => {
                matches!(moved, Moved::Entered { state: entered, .. } if entered == state)
            }
            // A status changes when a task has done its work, or has begun to wait.
            When::Status(status) => match moved {
                Moved::Exited { .. } | Moved::Waiting | Moved::Ended { .. } => {
                    self.client.order(&self.order_id).await?["status"] == **status
                }
                _ => false,
            },
        })
    }

    async fn perform(&self, deed: &Deed) -> Result<()> {
        let id = &self.order_id;
        let said = match deed {
            Deed::Review { decision, note } => {
                let body = without_nulls(json!({"decision": decision, "note": note}));
                self.client.operate(id, "review", &body).await?
            }
            Deed::Resume { action, refund, note } => {
                let body = json!({"action": action, "refund": refund, "note": note});
                self.client.operate(id, "resume", &without_nulls(body)).await?
            }
            Deed::Cancel => self.client.cancel(id).await?,
            Deed::Restock { sku, quantity } => {
                self.client.restock(sku, *quantity, &format!("restock-{id}")).await?
            }
            Deed::ClearFaults => return self.client.clear_faults().await,
            Deed::StopExecution => return self.states("StopExecution").await,
            Deed::Redrive => return self.states("RedriveExecution").await,
        };
        said.accepted("the action").map(drop)
    }

    async fn states(&self, operation: &str) -> Result<()> {
        let arn = self.stack.step_functions().execution_arn(&self.order_id);
        self.client.states(operation, &json!({ "executionArn": arn })).await.map(drop)
    }

    /// Whether nothing of this order runs any more.
    async fn is_over(&self) -> Result<bool> {
        for arn in self.executions().await? {
            let about = self.describe(&arn).await?;
            if about["status"] == "RUNNING" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The ARNs of all executions of this order, the first one first.
    async fn executions(&self) -> Result<Vec<String>> {
        let machine = self.stack.step_functions().state_machine_arn();
        let body = json!({"stateMachineArn": machine, "maxResults": 1000});
        let listed = self.client.states("ListExecutions", &body).await?;
        let mut mine: Vec<(String, String)> = listed["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| Some((e["name"].as_str()?, e["executionArn"].as_str()?)))
            .filter(|(name, _)| self.owns(name))
            .map(|(name, arn)| (name.to_owned(), arn.to_owned()))
            .collect();
        mine.sort();
        Ok(mine.into_iter().map(|(_, arn)| arn).collect())
    }

    async fn describe(&self, arn: &str) -> Result<Value> {
        self.client.states("DescribeExecution", &json!({ "executionArn": arn })).await
    }

    async fn report(mut self) -> Result<Report> {
        let order = self.client.order(&self.order_id).await?;
        let after = shelves(self.stack).await?;
        let mut report = Report {
            name: self.scenario.name.clone(),
            ok: false,
            status: order["status"].as_str().unwrap_or_default().to_owned(),
            error: None,
            states: Vec::new(),
            ledger: self.client.ledger(&self.order_id).await?,
            taken: taken(&self.before, &after),
            stock: self.shelves_of_order(after),
            counts: self.stack.counters().of(&self.order_id),
            transcript: String::new(),
            differences: std::mem::take(&mut self.differences),
            order_id: self.order_id.clone(),
        };
        for arn in self.executions().await? {
            let about = self.describe(&arn).await?;
            report.error = about["error"].as_str().map(str::to_owned);
            let history = self.stack.step_functions().history(&arn).await?;
            report.states.extend(transcript::states_entered(&history));
            report.transcript.push_str(&transcript::of_history(&history));
        }
        report.judge(&self.scenario.expect);
        Ok(report)
    }

    fn shelves_of_order(&self, shelves: Vec<Shelf>) -> Vec<Shelf> {
        let items = self.scenario.order["items"].as_array();
        let mine = |sku: &str| items.into_iter().flatten().any(|item| item["sku"] == *sku);
        shelves.into_iter().filter(|shelf| mine(&shelf.sku)).collect()
    }
}

/// Follows an order that was placed, and gives its status once its execution has ended.
pub async fn end_of(stack: &Stack, order_id: &str) -> Result<String> {
    let client = Client::new(stack.urls());
    // Watched before it is asked about, so that its end cannot fall in between.
    let mut moves = stack.step_functions().subscribe();
    let arn = stack.step_functions().execution_arn(order_id);
    let about = client.states("DescribeExecution", &json!({ "executionArn": arn })).await?;
    let ends = async {
        if about["status"] != "RUNNING" {
            return anyhow::Ok(());
        }
        loop {
            let progress = moves.recv().await?.progress;
            if progress.execution == order_id && matches!(progress.step, Moved::Ended { .. }) {
                return Ok(());
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, ends).await;
    waited.with_context(|| format!("{order_id} has not ended after {PATIENCE:?}"))??;
    let order = client.order(order_id).await?;
    Ok(order["status"].as_str().unwrap_or_default().to_owned())
}

fn order_id(reply: Reply) -> Result<String> {
    let body = reply.accepted("the order")?;
    Ok(body["orderId"].as_str().context("the answer names no order")?.to_owned())
}

fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// By how much what is available changed, where it did.
fn taken(before: &[Shelf], after: &[Shelf]) -> BTreeMap<String, i64> {
    let was = |sku: &str| before.iter().find(|shelf| shelf.sku == sku).map_or(0, |s| s.available);
    after
        .iter()
        .map(|shelf| (shelf.sku.clone(), shelf.available - was(&shelf.sku)))
        .filter(|(_, change)| *change != 0)
        .collect()
}

/// Fills the shelves from `events/stock.json`.
pub async fn stock(stack: &Stack, root: &Path) -> Result<()> {
    let _busy = stack.clock().busy("stocking the shelves");
    let client = Client::new(stack.urls());
    let items: Vec<Value> = super::parse(&root.join("events/stock.json"))?;
    for item in items {
        client.list(&item).await?.accepted(&format!("stocking {}", item["sku"]))?;
    }
    Ok(())
}

/// Every shelf, with what is set aside for orders: the books of both tables.
pub async fn shelves(stack: &Stack) -> Result<Vec<Shelf>> {
    let mut reserved: BTreeMap<String, i64> = BTreeMap::new();
    for order in stack.rows("Orders").await? {
        let reservation = &order["reservation"]["M"];
        if reservation.is_null() || !reservation["releasedAt"].is_null() {
            continue;
        }
        for line in reservation["lines"]["L"].as_array().into_iter().flatten() {
            let sku = line["M"]["sku"]["S"].as_str().context("a reserved line has a sku")?;
            *reserved.entry(sku.to_owned()).or_default() += number(&line["M"]["quantity"])?;
        }
    }
    let mut shelves = Vec::new();
    for item in stack.rows("Inventory").await? {
        let sku = item["sku"]["S"].as_str().context("an item has a sku")?;
        if sku.contains('#') {
            continue; // the record of a restock
        }
        shelves.push(Shelf {
            sku: sku.to_owned(),
            received: number(&item["received"])?,
            available: number(&item["available"])?,
            reserved: reserved.get(sku).copied().unwrap_or_default(),
        });
    }
    shelves.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(shelves)
}

fn number(attribute: &Value) -> Result<i64> {
    let text = attribute["N"].as_str().context("a number attribute")?;
    text.parse().with_context(|| format!("{text} is no whole number"))
}
