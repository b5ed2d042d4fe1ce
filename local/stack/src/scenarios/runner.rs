//! Runs one scenario on a running stack and reports the outcome.
//!
//! [`OrderWatch`] delivers each change of the scenario's orders together with a guard
//! that holds the clock. [`ScenarioRun`] reacts to each change before the guard is
//! dropped, so the clock cannot skip past the moment at which an action is due.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::action_runner;
use super::client::Client;
use super::observer::{Observer, text, timeline};
use super::pending_actions::PendingActions;
use super::placement;
use super::report::Report;
use super::scenario::{AdditionalOrder, Scenario};
use super::stock_levels::{StockLevel, available_changes, stock_levels};
use super::watch::{OrderEvent, OrderWatch, Timer, fired};
use crate::stack::Stack;
use crate::stepfunctions::ProgressEvent;
use crate::trace;

/// The limit of one scenario in real time. A scenario waits for at most a few function
/// timeouts, and none of those is longer.
const REAL_TIME_LIMIT: Duration = Duration::from_mins(4);
/// The limit of one scenario on the stack's clock: a schedule reaches 90 days ahead, and
/// what follows an order's end takes at most a month.
const STACK_TIME_LIMIT: SignedDuration = SignedDuration::from_hours(24 * 130);
/// How long, on the stack's clock, nothing may happen to finalized orders before the
/// scenario ends. A webhook may still arrive until then.
const QUIET_PERIOD: SignedDuration = SignedDuration::from_mins(2);

const NEEDS_ATTENTION: &str = "NEEDS_ATTENTION";

/// Runs the scenario. `on_progress` receives each step of its executions as it happens.
///
/// # Errors
/// The scenario does not end in time, or the stack cannot be reached. Differences from
/// the expected outcome are in the report.
pub async fn run(
    stack: &Stack,
    scenario: &Scenario,
    on_progress: &mut (dyn FnMut(&ProgressEvent) + Send),
) -> Result<Report> {
    if let Some(permissions) = stack.permissions() {
        permissions.begin_scenario(&scenario.name);
    }
    let client = Client::new(stack.urls());
    let mut run = ScenarioRun {
        observer: Observer::new(stack.handle().clone(), client.clone()),
        before: stock_levels(stack).await?,
        pending: PendingActions::new(stack.handle(), &client, &scenario.actions),
        to_place: scenario.additional_orders.iter().collect(),
        differences: Vec::new(),
        order_ids: Vec::new(),
        client,
        stack,
        scenario,
    };
    for step in &scenario.setup {
        action_runner::prepare(stack.handle(), &run.client, step).await?;
    }
    run.client.inject_faults(&scenario.faults, None).await?;
    let ended = tokio::time::timeout(REAL_TIME_LIMIT, run.until_end(on_progress)).await;
    if !scenario.faults.is_empty() {
        run.client.clear_faults().await?;
    }
    ended.with_context(|| format!("{} did not end in {REAL_TIME_LIMIT:?}", scenario.name))??;
    run.report().await
}

struct ScenarioRun<'a> {
    stack: &'a Stack,
    scenario: &'a Scenario,
    client: Client,
    observer: Observer,
    /// The stock levels before the scenario.
    before: Vec<StockLevel>,
    pending: PendingActions,
    to_place: VecDeque<&'a AdditionalOrder>,
    differences: Vec<String>,
    /// The scenario's own order first, then the additional ones.
    order_ids: Vec<String>,
}

impl ScenarioRun<'_> {
    async fn until_end(
        &mut self,
        on_progress: &mut (dyn FnMut(&ProgressEvent) + Send),
    ) -> Result<()> {
        let clock = self.stack.clock();
        let mut watch = OrderWatch::start(self.stack.handle());
        let mut time_limit = self.timer(STACK_TIME_LIMIT);
        let mut quiet_timer = None;
        // No wait of an order may expire before all orders are placed.
        let mut placing = (!self.to_place.is_empty()).then(|| clock.busy("orders to place"));
        self.submit().await?;
        loop {
            let event = tokio::select! {
                biased;
                event = watch.next(&self.order_ids) => event?,
                () = fired(&mut quiet_timer) => break,
                _busy = &mut time_limit => break,
            };
            if let OrderEvent::Moved(watched, _) = &event {
                on_progress(&watched.progress.event);
            }
            if placing.is_some() && !self.place_next(&event).await? {
                placing = None;
            }
            if placing.is_none() {
                self.run_due_actions(&watch, &event).await?;
            }
            // `event` holds the clock until here.
            quiet_timer = self.is_over().await?.then(|| self.timer(QUIET_PERIOD));
        }
        for action in self.pending.iter() {
            self.differences.push(format!("the action was never due: {action:?}"));
        }
        Ok(())
    }

    fn timer(&self, after: SignedDuration) -> Timer {
        let clock = self.stack.clock();
        Box::pin(clock.sleep_until(clock.now().saturating_add(after).unwrap_or(Timestamp::MAX)))
    }

    /// Submits the order; all requests must result in one order.
    async fn submit(&mut self) -> Result<()> {
        let _busy = self.stack.clock().busy("a scenario's order");
        let before = self.observer.order_ids().await?;
        let differences = placement::submit(self.stack, &self.client, self.scenario).await?;
        self.differences.extend(differences);
        let mut placed = self.observer.order_ids().await?;
        placed.retain(|id| !before.contains(id));
        if placed.len() > 1 {
            self.differences.push(format!("one request resulted in {} orders", placed.len()));
        }
        self.order_ids.extend(placed.pop());
        if self.order_ids.is_empty() {
            bail!("the request resulted in no order");
        }
        Ok(())
    }

    /// Places the next additional order if the last one has begun to wait. Returns
    /// whether orders are still to be placed.
    async fn place_next(&mut self, event: &OrderEvent) -> Result<bool> {
        match event {
            OrderEvent::Moved(watched, order)
                if watched.progress.event == ProgressEvent::WaitingForToken
                    && *order + 1 == self.order_ids.len() => {}
            _ => return Ok(true),
        }
        let Some(additional) = self.to_place.pop_front() else { return Ok(false) };
        let key = format!("scenario-{}-{}", self.scenario.name, self.order_ids.len());
        let response = self.client.place_order(&additional.order, &key).await?;
        let placed = response.into_success("placing an additional order")?;
        let id = placed["orderId"].as_str().context("the response has no orderId")?;
        self.order_ids.push(id.to_owned());
        Ok(true)
    }

    async fn run_due_actions(&mut self, watch: &OrderWatch, event: &OrderEvent) -> Result<()> {
        for action in self.pending.run_due(&self.order_ids[0], watch, event).await? {
            if let Err(error) = action.result {
                self.differences.push(format!("{:?}: {error:#}", action.kind));
            }
        }
        Ok(())
    }

    /// Whether no action is pending and every order is at rest.
    async fn is_over(&self) -> Result<bool> {
        if !self.pending.is_empty() || !self.to_place.is_empty() {
            return Ok(false);
        }
        for order_id in &self.order_ids {
            if !self.is_at_rest(order_id).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_at_rest(&self, order_id: &str) -> Result<bool> {
        let item = self.observer.item(order_id).await?;
        if text(&item, "status") == NEEDS_ATTENTION {
            let expected = self.scenario.expected.status == NEEDS_ATTENTION;
            return Ok(expected && order_id == self.order_ids[0]);
        }
        // The reconciler removes `open` when it has finalized a closed order.
        if !item["open"].is_null() {
            return Ok(false);
        }
        for arn in self.observer.executions(order_id).await? {
            if self.observer.describe(&arn).await?["status"] == "RUNNING" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn report(mut self) -> Result<Report> {
        let order_id = self.order_ids[0].clone();
        let item = self.observer.item(&order_id).await?;
        let after = stock_levels(self.stack).await?;
        let mut report = Report {
            name: self.scenario.name.clone(),
            ok: false,
            status: text(&item, "status").to_owned(),
            error: None,
            states: Vec::new(),
            ledger: self.client.ledger(&order_id).await?,
            available_changes: available_changes(&self.before, &after),
            stock: self.levels_of_order(after),
            counts: self.stack.counters().for_order(&order_id),
            timeline: timeline(&item),
            attention: item["attention"]["S"].as_str().map(str::to_owned),
            executions: Vec::new(),
            currency: text(&item["total"]["M"], "currency").to_owned(),
            trace: String::new(),
            differences: std::mem::take(&mut self.differences),
            order_id,
        };
        self.add_executions(&mut report).await?;
        self.compare_additional_orders(&mut report).await?;
        report.compare(&self.scenario.expected);
        Ok(report)
    }

    /// Adds the states and traces of all executions, and the error of the last one.
    async fn add_executions(&self, report: &mut Report) -> Result<()> {
        let step_functions = self.stack.step_functions();
        for (number, arn) in self.observer.executions(&self.order_ids[0]).await?.iter().enumerate()
        {
            report.error = self.observer.describe(arn).await?["error"].as_str().map(str::to_owned);
            let history = step_functions.history(arn).await?;
            let entered = trace::entered_states(&history);
            report.states.extend(entered.iter().map(|state| state.name.clone()));
            report.executions.push(entered);
            if number > 0 {
                write!(report.trace, "\nrestarted as r{number}: ")?;
            }
            report.trace.push_str(&trace::render(&history));
        }
        for (number, order_id) in self.order_ids.iter().enumerate().skip(1) {
            for arn in self.observer.executions(order_id).await? {
                let history = step_functions.history(&arn).await?;
                write!(report.trace, "\norder {}: ", number + 1)?;
                report.trace.push_str(&trace::render(&history));
            }
        }
        Ok(())
    }

    async fn compare_additional_orders(&self, report: &mut Report) -> Result<()> {
        let order_ids = self.order_ids.iter().skip(1);
        for (additional, order_id) in self.scenario.additional_orders.iter().zip(order_ids) {
            let item = self.observer.item(order_id).await?;
            let (expected, status) = (&additional.expected_status, text(&item, "status"));
            if status != expected {
                report.differences.push(format!("{order_id}: expected {expected}, saw {status}"));
            }
        }
        Ok(())
    }

    fn levels_of_order(&self, levels: Vec<StockLevel>) -> Vec<StockLevel> {
        let items = self.scenario.order["items"].as_array();
        let ordered = |sku: &str| items.into_iter().flatten().any(|item| item["sku"] == *sku);
        levels.into_iter().filter(|level| ordered(&level.sku)).collect()
    }
}

/// Waits until the order's first execution has ended, and returns the order's status.
///
/// # Errors
/// The execution does not end in time, or the stack cannot be reached.
pub async fn final_status(stack: &Stack, order_id: &str) -> Result<String> {
    let client = Client::new(stack.urls());
    // Subscribed before the status is read, so that the end cannot be missed.
    let mut progress = stack.step_functions().subscribe();
    let arn = stack.step_functions().execution_arn(order_id);
    let described =
        client.step_functions("DescribeExecution", &json!({ "executionArn": arn })).await?;
    let ended = async {
        if described["status"] != "RUNNING" {
            return anyhow::Ok(());
        }
        loop {
            let progress = progress.recv().await?.progress;
            if progress.execution == order_id
                && matches!(progress.event, ProgressEvent::Ended { .. })
            {
                return Ok(());
            }
        }
    };
    let waited = tokio::time::timeout(REAL_TIME_LIMIT, ended).await;
    waited.with_context(|| format!("{order_id} did not end in {REAL_TIME_LIMIT:?}"))??;
    let order = client.order(order_id).await?;
    Ok(order["status"].as_str().unwrap_or_default().to_owned())
}
