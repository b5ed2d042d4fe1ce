//! What a deployment costs in a month without any order, counted from the template and the
//! declared metrics.

use ::aws::metrics::MetricName;
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::dollars::Dollars;
use super::prices::{Item, PriceList};
use super::usage::{Basis, Usage};
use crate::counters::RECONCILER;
use crate::template::Template;

/// The sweeps of the reconciler in a month of 30 days, one each minute.
const SWEEPS: u64 = 30 * 24 * 60;
/// A sweep takes its lease and returns it.
const LEASE_WRITES: u64 = 2;
/// How often a process that is in use reads each of its secrets in a month: every 5 minutes.
const READS_OF_A_SECRET: u64 = SWEEPS / 5;

/// One line of the standing cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    pub(super) what: &'static str,
    pub(super) number: u64,
    #[serde(rename = "usd")]
    pub(super) cost: Dollars,
}

/// The lines of the standing cost of a month.
pub(super) fn standing_costs(
    prices: &PriceList,
    template: &Template,
    basis: &Basis<'_>,
) -> Result<Vec<Standing>> {
    let counts = [
        ("custom metrics", Item::CustomMetric, custom_metrics()),
        ("metrics that alarms watch", Item::AlarmMetric, alarm_metrics(template)),
        ("composite alarms", Item::CompositeAlarm, count(template, COMPOSITE_ALARM)),
        ("dashboard", Item::Dashboard, count(template, "AWS::CloudWatch::Dashboard")),
        ("secrets", Item::Secret, count(template, "AWS::SecretsManager::Secret")),
        ("reads of secrets", Item::SecretCall, reconciler_secrets(template)? * READS_OF_A_SECRET),
    ];
    let mut lines = Vec::new();
    for (what, item, number) in counts {
        lines.push(Standing { what, number, cost: prices.cost(item, number)? });
    }
    let cost = prices.bill(&monthly_sweeps(basis)?)?.total();
    lines.push(Standing { what: "sweeps of the reconciler", number: SWEEPS, cost });
    Ok(lines)
}

const COMPOSITE_ALARM: &str = "AWS::CloudWatch::CompositeAlarm";

/// The metrics that the functions declare, each with every value of its dimension.
fn custom_metrics() -> u64 {
    let billed = MetricName::ALL.iter().map(|name| name.billed()).sum::<usize>();
    u64::try_from(billed).unwrap_or(u64::MAX)
}

fn properties<'a>(template: &'a Template, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let resources = template.as_json()["Resources"].as_object().into_iter().flatten();
    resources
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(_, resource)| &resource["Properties"])
}

fn count(template: &Template, kind: &str) -> u64 {
    u64::try_from(properties(template, kind).count()).unwrap_or(u64::MAX)
}

/// An alarm on an expression is billed for each metric that the expression reads.
fn alarm_metrics(template: &Template) -> u64 {
    let metrics = |alarm: &Value| match alarm["Metrics"].as_array() {
        Some(several) => several.iter().filter(|one| one["MetricStat"].is_object()).count(),
        None => 1,
    };
    let counted: usize = properties(template, "AWS::CloudWatch::Alarm").map(metrics).sum();
    u64::try_from(counted).unwrap_or(u64::MAX)
}

/// The secrets that the reconciler reads. The other functions have no invocations.
fn reconciler_secrets(template: &Template) -> Result<u64> {
    let secrets: Vec<_> = template.secrets()?.into_iter().map(|secret| secret.arn).collect();
    let functions = template.functions()?;
    let reconciler = functions.iter().filter(|function| function.binary == RECONCILER);
    let values = reconciler.flat_map(|function| function.environment.values());
    Ok(u64::try_from(values.filter(|value| secrets.contains(value)).count()).unwrap_or(u64::MAX))
}

/// A process that is invoked each minute stays, so none of the sweeps is a cold start.
fn monthly_sweeps(basis: &Basis<'_>) -> Result<Usage> {
    let warm = Basis { cold_start_percent: 0, ..*basis };
    let reads = Usage {
        read_units: SWEEPS * basis.assumptions.sweep_read_units,
        write_units: SWEEPS * LEASE_WRITES,
        traces: SWEEPS,
        ..Usage::default()
    };
    Ok([warm.invocations(RECONCILER, SWEEPS, 0)?, reads].into_iter().sum())
}
