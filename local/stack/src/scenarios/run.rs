//! Plays one scenario on a running stack, and reports what was seen.
//!
//! Read [`watch`](super::watch) for what a run watches, and
//! [`perform`](super::perform) for what it does.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, Reply};
use super::expectation::{Report, Shelf};
use super::perform::Actor;
use super::shelves::taken;
use super::watch::{Happened, Timer, Watch, fired, owner};
use super::{Action, Other, Scenario, When};
use crate::stack::Stack;
use crate::stepfunctions::Moved;
use crate::trace;

pub use super::shelves::{shelves, stock};

/// A scenario that has not ended by then, in real time, never will: no limit of
/// a function, of which at most a few bind, is longer.
const PATIENCE: Duration = Duration::from_mins(4);
/// The same on the stack's clock: a schedule reaches 90 days ahead, and what follows
/// an order's end takes a month at the most.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24 * 130);

/// On the stack's clock, how long nothing may happen to an order that is done with:
/// until then a webhook may still be on its way.
const QUIET: SignedDuration = SignedDuration::from_mins(2);

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
        to_place: scenario.others.iter().collect(),
        differences: Vec::new(),
        orders: Vec::new(),
        acted: 0,
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
    to_place: VecDeque<&'a Other>,
    differences: Vec<String>,
    /// The order that the scenario is about, and then the others.
    orders: Vec<String>,
    /// How many deeds were done.
    acted: usize,
}

impl Run<'_> {
    async fn through(&mut self, show: &mut dyn FnMut(&Moved)) -> Result<()> {
        let clock = self.stack.clock();
        let mut watch = Watch::begin(self.stack);
        let mut too_late = self.timer(LONGEST_LIFE);
        let mut at_rest = None;
        // Until all are placed, no wait of theirs may run out.
        let mut placing = (!self.to_place.is_empty()).then(|| clock.busy("orders to come"));
        self.submit().await?;
        loop {
            let happened = tokio::select! {
                biased;
                happened = watch.next(&self.orders) => happened?,
                () = fired(&mut at_rest) => break,
                _busy = &mut too_late => break,
            };
            if let Happened::Moved(watched, _) = &happened {
                show(&watched.progress.step);
            }
            if placing.is_some() && !self.place_next(&happened).await? {
                placing = None;
            }
            if placing.is_none() {
                self.act(&watch, &happened).await?;
            }
            // The guard in what happened holds the clock until here: nothing leapt
            // past the moment at which somebody acts.
            at_rest = self.is_over().await?.then(|| self.timer(QUIET));
        }
        for action in &self.pending {
            self.differences.push(format!("never came to be due: {action:?}"));
        }
        Ok(())
    }

    fn timer(&self, after: SignedDuration) -> Timer {
        let clock = self.stack.clock();
        Box::pin(clock.sleep_until(clock.now().saturating_add(after).unwrap_or(Timestamp::MAX)))
    }

    /// Sends the order as often as the scenario says; each answer must name the same order.
    async fn submit(&mut self) -> Result<()> {
        let _busy = self.stack.clock().busy("a scenario's order");
        let before = self.all_orders().await?;
        let order = self.order_to_send()?;
        let key = format!("scenario-{}", self.scenario.name);
        let submit = self.scenario.submit;
        let replies = if submit.concurrently {
            self.at_once(&order, &key).await
        } else {
            let mut replies = Vec::new();
            for _ in 0..submit.times {
                replies.push(self.client.place(&order, &key).await);
            }
            replies
        };
        for reply in replies {
            self.check_placed(reply?)?;
        }
        let mut placed = self.all_orders().await?;
        placed.retain(|id| !before.contains(id));
        if placed.len() > 1 {
            self.differences.push(format!("one request became {} orders", placed.len()));
        }
        self.orders.extend(placed.pop());
        if self.orders.is_empty() {
            bail!("no order came of the request");
        }
        Ok(())
    }

    fn order_to_send(&self) -> Result<Value> {
        let mut order = self.scenario.order.clone();
        if let Some(after) = self.scenario.scheduled_in {
            let at = self.stack.clock().now().saturating_add(after)?;
            order["scheduledFor"] = json!(format!("{at:.3}"));
        }
        Ok(order)
    }

    async fn at_once(&self, order: &Value, key: &str) -> Vec<Result<Reply>> {
        let mut requests = JoinSet::new();
        for _ in 0..self.scenario.submit.times {
            let (client, order, key) = (self.client.clone(), order.clone(), key.to_owned());
            requests.spawn(async move { client.place(&order, &key).await });
        }
        requests.join_all().await
    }

    fn check_placed(&mut self, reply: Reply) -> Result<()> {
        match self.scenario.submit.answer {
            None => reply.accepted("the order").map(drop),
            Some(code) => {
                if reply.status != code {
                    let answered = reply.status;
                    self.differences.push(format!("the order was answered {answered}, not {code}"));
                }
                Ok(())
            }
        }
    }

    async fn all_orders(&self) -> Result<Vec<String>> {
        let rows = self.stack.rows("Orders").await?;
        Ok(rows.iter().map(|row| text(row, "orderId").to_owned()).collect())
    }

    /// Places the next of the other orders, if the last one waits; whether any is
    /// still to come.
    async fn place_next(&mut self, happened: &Happened) -> Result<bool> {
        match happened {
            Happened::Moved(watched, order)
                if watched.progress.step == Moved::Waiting && *order + 1 == self.orders.len() => {}
            _ => return Ok(true),
        }
        let Some(other) = self.to_place.pop_front() else { return Ok(false) };
        let key = format!("scenario-{}-{}", self.scenario.name, self.orders.len());
        let placed = self.client.place(&other.order, &key).await?.accepted("another order")?;
        let id = placed["orderId"].as_str().context("the answer names no order")?;
        self.orders.push(id.to_owned());
        Ok(true)
    }

    /// Does whatever is due now.
    async fn act(&mut self, watch: &Watch, happened: &Happened) -> Result<()> {
        while let Some(action) = self.pending.front() {
            if !self.is_due(&action.when, watch, happened).await? {
                break;
            }
            let action = self.pending.pop_front().context("there is a first one")?;
            let row = self.row(&self.orders[0]).await?;
            let actor = Actor {
                stack: self.stack,
                client: &self.client,
                order: &self.orders[0],
                row: &row,
                nth: self.acted,
            };
            if let Err(wrong) = actor.perform(&action).await {
                self.differences.push(format!("{:?}: {wrong:#}", action.deed));
            }
            self.acted += 1;
            // One move serves one action: the next waits for the next entry, or wait.
            let next = self.pending.front().map(|action| &action.when);
            if matches!(next, Some(When::State(_) | When::Waits(_))) {
                break;
            }
        }
        Ok(())
    }

    async fn is_due(&self, when: &When, watch: &Watch, happened: &Happened) -> Result<bool> {
        match when {
            When::State(state) => return Ok(happened.enters(state)),
            When::Waits(state) => return Ok(watch.waits(state, happened)),
            When::Status(status) if WAITS.contains(&status.as_str()) => {
                if !happened.may_have_begun_a_wait() {
                    return Ok(false);
                }
            }
            When::Status(_) | When::Timeline(_) => {}
        }
        if !happened.may_have_changed_the_record() {
            return Ok(false);
        }
        let row = self.row(&self.orders[0]).await?;
        Ok(match when {
            When::Status(status) => text(&row, "status") == status,
            When::Timeline(word) => timeline(&row).contains(word),
            When::State(_) | When::Waits(_) => false,
        })
    }

    /// The order as it is in the table.
    async fn row(&self, order: &str) -> Result<Value> {
        let key = json!({"orderId": {"S": order}});
        let get = json!({"TableName": "Orders", "Key": key, "ConsistentRead": true});
        let mut read = self.stack.dynamodb().look("GetItem", get).await?;
        Ok(read["Item"].take())
    }

    /// Whether every order is where it is to end, and nothing of them runs any more.
    async fn is_over(&self) -> Result<bool> {
        if !self.pending.is_empty() || !self.to_place.is_empty() {
            return Ok(false);
        }
        for order in &self.orders {
            if !self.rests(order).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn rests(&self, order: &str) -> Result<bool> {
        let row = self.row(order).await?;
        if text(&row, "status") == STUCK {
            return Ok(self.scenario.expect.status == STUCK && order == self.orders[0]);
        }
        // The reconciler takes an order out of this index when it is closed and there
        // is nothing left to see to.
        if !row["open"].is_null() {
            return Ok(false);
        }
        for arn in self.executions(order).await? {
            if self.describe(&arn).await?["status"] == "RUNNING" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The ARNs of all executions of an order, the first one first.
    async fn executions(&self, order: &str) -> Result<Vec<String>> {
        let machine = self.stack.step_functions().state_machine_arn();
        let body = json!({"stateMachineArn": machine, "maxResults": 1000});
        let listed = self.client.states("ListExecutions", &body).await?;
        let mut mine: Vec<(String, String)> = listed["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| Some((e["name"].as_str()?, e["executionArn"].as_str()?)))
            .filter(|(name, _)| owner(name, &self.orders).is_some_and(|n| self.orders[n] == order))
            .map(|(name, arn)| (name.to_owned(), arn.to_owned()))
            .collect();
        mine.sort();
        Ok(mine.into_iter().map(|(_, arn)| arn).collect())
    }

    async fn describe(&self, arn: &str) -> Result<Value> {
        self.client.states("DescribeExecution", &json!({ "executionArn": arn })).await
    }

    async fn report(mut self) -> Result<Report> {
        let order_id = self.orders[0].clone();
        let row = self.row(&order_id).await?;
        let after = shelves(self.stack).await?;
        let mut report = Report {
            name: self.scenario.name.clone(),
            ok: false,
            status: text(&row, "status").to_owned(),
            error: None,
            states: Vec::new(),
            ledger: self.client.ledger(&order_id).await?,
            taken: taken(&self.before, &after),
            stock: self.shelves_of_order(after),
            counts: self.stack.counters().of(&order_id),
            timeline: timeline(&row),
            attention: row["attention"]["S"].as_str().map(str::to_owned),
            transcript: String::new(),
            differences: std::mem::take(&mut self.differences),
            order_id,
        };
        self.tell_executions(&mut report).await?;
        self.judge_others(&mut report).await?;
        report.judge(&self.scenario.expect);
        Ok(report)
    }

    /// All executions: what the states were, how the last one ended, and the trees.
    async fn tell_executions(&self, report: &mut Report) -> Result<()> {
        for (number, arn) in self.executions(&self.orders[0]).await?.iter().enumerate() {
            report.error = self.describe(arn).await?["error"].as_str().map(str::to_owned);
            let history = self.stack.step_functions().history(arn).await?;
            report.states.extend(trace::states_entered(&history));
            if number > 0 {
                write!(report.transcript, "\ntaken over by r{number}: ")?;
            }
            report.transcript.push_str(&trace::render(&history));
        }
        for (number, order) in self.orders.iter().enumerate().skip(1) {
            for arn in self.executions(order).await? {
                let history = self.stack.step_functions().history(&arn).await?;
                write!(report.transcript, "\norder {}: ", number + 1)?;
                report.transcript.push_str(&trace::render(&history));
            }
        }
        Ok(())
    }

    async fn judge_others(&self, report: &mut Report) -> Result<()> {
        for (other, order) in self.scenario.others.iter().zip(self.orders.iter().skip(1)) {
            let row = self.row(order).await?;
            let status = text(&row, "status");
            if status != other.status {
                let expected = &other.status;
                report.differences.push(format!("{order}: expected {expected}, saw {status}"));
            }
        }
        Ok(())
    }

    fn shelves_of_order(&self, shelves: Vec<Shelf>) -> Vec<Shelf> {
        let items = self.scenario.order["items"].as_array();
        let mine = |sku: &str| items.into_iter().flatten().any(|item| item["sku"] == *sku);
        shelves.into_iter().filter(|shelf| mine(&shelf.sku)).collect()
    }
}

const STUCK: &str = "NEEDS_ATTENTION";

/// The statuses in which an order waits for somebody.
const WAITS: [&str; 3] = ["IN_REVIEW", "BACKORDERED", STUCK];

/// The words in an order's timeline, in order.
fn timeline(row: &Value) -> Vec<String> {
    let entries = row["timeline"]["L"].as_array().into_iter().flatten();
    let details = entries.filter_map(|entry| entry["M"]["detail"]["S"].as_str());
    details.map(str::to_owned).collect()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name]["S"].as_str().unwrap_or_default()
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
