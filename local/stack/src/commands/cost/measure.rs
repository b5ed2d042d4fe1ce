//! Runs scenarios and computes what each order costs.

use std::path::Path;

use anyhow::{Context, Result};

use super::dollars::Dollars;
use super::orchestration::Alternatives;
use super::prices::{Bill, Item, PriceList};
use super::standing::{Standing, standing_costs};
use super::usage::{Basis, Deployment, Observed, OrderUsage};
use crate::functions;
use crate::scenarios::stock_levels::load_stock;
use crate::scenarios::{Report, Scenario, runner};
use crate::stack::Stack;

/// What the orders of some scenarios and a deployment cost. Its `Display` is the output of
/// `cargo local cost`.
#[derive(Debug)]
pub struct Costs {
    pub(super) prices: PriceList,
    pub(super) cold_start_percent: u64,
    pub(super) orders: Vec<OrderCost>,
    pub(super) standing: Vec<Standing>,
    /// A customer-managed key for a month, which only some deployments have.
    pub(super) key: Dollars,
}

/// What one order cost.
#[derive(Debug)]
pub(super) struct OrderCost {
    pub(super) scenario: String,
    /// Whether the scenario ended as expected.
    pub(super) ok: bool,
    pub(super) usage: OrderUsage,
    pub(super) alternatives: Alternatives,
    pub(super) bill: Bill,
    pub(super) finalization: Dollars,
    pub(super) express_nested: Bill,
    pub(super) durable_functions: Bill,
}

/// The report of a scenario, and what the functions logged meanwhile.
struct ObservedScenario {
    report: Report,
    log_bytes: u64,
}

impl Costs {
    /// Runs the scenarios on a fresh stack, of which of 100 invocations so many start a
    /// process. Calls `progress` before each scenario with its name, and after it.
    ///
    /// # Errors
    /// A scenario cannot be run, or the template or the price list lacks something.
    pub async fn measure(
        stack: &Stack,
        root: &Path,
        scenarios: &[Scenario],
        cold_start_percent: u64,
        progress: &mut dyn FnMut(Option<&str>),
    ) -> Result<Self> {
        let prices = PriceList::read()?;
        let template = functions::read_template(root)?;
        let deployment = Deployment::read(&template)?;
        let assumptions = &prices.assumptions;
        let basis = Basis { assumptions, deployment: &deployment, cold_start_percent };
        load_stock(stack, root).await?;
        let mut orders = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            progress(Some(&scenario.name));
            let observed = run(stack, scenario).await?;
            orders.push(order_cost(&prices, &basis, scenario, &observed)?);
            progress(None);
        }
        let standing = standing_costs(&prices, &template, &basis)?;
        let key = prices.cost(Item::Key, 1)?;
        Ok(Self { prices, cold_start_percent, orders, standing, key })
    }

    /// The scenarios that did not end as expected.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.orders.iter().filter(|cost| !cost.ok).map(|cost| cost.scenario.as_str())
    }

    pub(super) fn standing_total(&self) -> Dollars {
        self.standing.iter().map(|line| line.cost).sum()
    }
}

async fn run(stack: &Stack, scenario: &Scenario) -> Result<ObservedScenario> {
    let logged_before = logged_bytes(stack);
    let report = runner::run(stack, scenario, &mut |_| {}).await;
    let mut report = report.with_context(|| format!("scenario `{}`", scenario.name))?;
    report.counts = stack.counters().for_order(&report.order_id);
    let log_bytes = logged_bytes(stack).saturating_sub(logged_before);
    Ok(ObservedScenario { report, log_bytes })
}

/// The size of the functions' log.
fn logged_bytes(stack: &Stack) -> u64 {
    std::fs::metadata(stack.folder().join("functions.log")).map_or(0, |file| file.len())
}

fn order_cost(
    prices: &PriceList,
    basis: &Basis<'_>,
    scenario: &Scenario,
    observed: &ObservedScenario,
) -> Result<OrderCost> {
    let report = &observed.report;
    let order = Observed {
        counts: &report.counts,
        requests: u64::from(scenario.submission.times),
        lines: scenario.order["items"].as_array().map_or(0, Vec::len),
        executions: &report.executions,
        log_bytes: observed.log_bytes,
    };
    let usage = order.usage(basis)?;
    let alternatives = Alternatives::of(&order, basis)?;
    Ok(OrderCost {
        scenario: report.name.clone(),
        ok: report.ok,
        bill: prices.bill(&usage.order)?,
        finalization: prices.bill(&usage.finalization)?.total(),
        express_nested: prices.bill(&alternatives.express_nested)?,
        durable_functions: prices.bill(&alternatives.durable_functions)?,
        usage,
        alternatives,
    })
}
