//! What one order uses of AWS: computed from the counts of the stack, and from
//! assumptions where the stack cannot count.

use std::iter::Sum;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::counters::{Counts, RECONCILER};
use crate::template::Template;
use crate::trace::EnteredState;

/// The assumptions of `prices.json`: times that depend on the network and the providers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Assumptions {
    about: String,
    /// The duration of an invocation without calls to providers, in ms.
    pub(super) invocation_ms: u64,
    /// The duration of a call to the payment provider, in ms.
    #[serde(rename = "gatewayCallMs")]
    pub(super) payment_call_ms: u64,
    /// The duration of a call to the shipping provider, in ms.
    #[serde(rename = "carrierCallMs")]
    pub(super) shipping_call_ms: u64,
    /// How long a process starts until it takes its first event, in ms. Lambda bills it.
    pub(super) cold_start_ms: u64,
    /// What Lambda itself logs for an invocation, in bytes.
    pub(super) platform_log_bytes: u64,
    /// The read units of a sweep of the reconciler when no order is due.
    #[serde(rename = "readUnitsOfALook")]
    pub(super) sweep_read_units: u64,
    /// The memory that an Express workflow is billed for, in MB: 50 and its definition and
    /// data, in steps of 64.
    pub(super) express_megabytes: u64,
}

/// The units that AWS bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) transitions: u64,
    pub(super) express_requests: u64,
    pub(super) express_megabyte_ms: u64,
    pub(super) durable_operations: u64,
    pub(super) invocations: u64,
    pub(super) megabyte_ms: u64,
    pub(super) cold_megabyte_ms: u64,
    pub(super) write_units: u64,
    pub(super) index_write_units: u64,
    pub(super) read_units: u64,
    pub(super) api_calls: u64,
    pub(super) log_bytes: u64,
    pub(super) log_byte_days: u64,
    pub(super) traces: u64,
}

/// What an order used: for itself, and when the reconciler finalized it. The latter
/// varies with the number of sweeps in which the order was due.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct OrderUsage {
    pub(super) order: Usage,
    #[serde(rename = "settling")]
    pub(super) finalization: Usage,
}

/// What the template says about the functions and their logs.
pub(super) struct Deployment {
    /// The memory of each function, in MB.
    memory: Vec<(String, u64)>,
    log_retention_days: u64,
}

impl Deployment {
    pub(super) fn read(template: &Template) -> Result<Self> {
        let functions = template.functions()?.into_iter();
        let days = &template.as_json()["Parameters"]["LogRetentionDays"]["Default"];
        Ok(Self {
            memory: functions.map(|one| (one.binary, u64::from(one.memory_mb))).collect(),
            log_retention_days: days.as_u64().context("LogRetentionDays has no default")?,
        })
    }

    fn megabytes(&self, function: &str) -> Result<u64> {
        let found = self.memory.iter().find(|(name, _)| name == function);
        let found = found.map(|(_, megabytes)| *megabytes);
        found.with_context(|| format!("the template has no function {function}"))
    }
}

/// What the usage of an order is computed from, besides its counts.
pub(super) struct Basis<'a> {
    pub(super) assumptions: &'a Assumptions,
    pub(super) deployment: &'a Deployment,
    /// Of 100 invocations, how many start a process.
    pub(super) cold_start_percent: u64,
}

impl Basis<'_> {
    /// The usage of invocations of a function that wait `provider_ms` for providers, all
    /// together.
    pub(super) fn invocations(
        &self,
        function: &str,
        count: u64,
        provider_ms: u64,
    ) -> Result<Usage> {
        let assumptions = self.assumptions;
        let megabytes = self.deployment.megabytes(function)?;
        let cold_ms_percent = count * assumptions.cold_start_ms * self.cold_start_percent;
        let log_bytes = count * assumptions.platform_log_bytes;
        Ok(Usage {
            invocations: count,
            megabyte_ms: (count * assumptions.invocation_ms + provider_ms) * megabytes,
            cold_megabyte_ms: (cold_ms_percent * megabytes).div_ceil(100),
            log_bytes,
            log_byte_days: log_bytes * self.deployment.log_retention_days,
            ..Usage::default()
        })
    }

    /// The usage of logs of this size, kept as long as the template says.
    fn logs(&self, bytes: u64) -> Usage {
        let log_byte_days = bytes * self.deployment.log_retention_days;
        Usage { log_bytes: bytes, log_byte_days, ..Usage::default() }
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, one| Self {
            transitions: sum.transitions + one.transitions,
            express_requests: sum.express_requests + one.express_requests,
            express_megabyte_ms: sum.express_megabyte_ms + one.express_megabyte_ms,
            durable_operations: sum.durable_operations + one.durable_operations,
            invocations: sum.invocations + one.invocations,
            megabyte_ms: sum.megabyte_ms + one.megabyte_ms,
            cold_megabyte_ms: sum.cold_megabyte_ms + one.cold_megabyte_ms,
            write_units: sum.write_units + one.write_units,
            index_write_units: sum.index_write_units + one.index_write_units,
            read_units: sum.read_units + one.read_units,
            api_calls: sum.api_calls + one.api_calls,
            log_bytes: sum.log_bytes + one.log_bytes,
            log_byte_days: sum.log_byte_days + one.log_byte_days,
            traces: sum.traces + one.traces,
        })
    }
}

/// What was observed of one order.
pub(super) struct Observed<'a> {
    pub(super) counts: &'a Counts,
    /// The number of `POST /orders` requests.
    pub(super) requests: u64,
    /// The number of order lines, each of which is priced in each request.
    pub(super) lines: usize,
    /// The states that each of its executions entered.
    pub(super) executions: &'a [Vec<EnteredState>],
    /// What the functions logged, in bytes.
    pub(super) log_bytes: u64,
}

impl Observed<'_> {
    /// The usage of the order as it is deployed.
    pub(super) fn usage(&self, basis: &Basis<'_>) -> Result<OrderUsage> {
        let counts = self.counts;
        let mut tasks = Vec::new();
        for (function, count) in &counts.invocations_by_function {
            let provider_ms = self.provider_ms(basis, function);
            tasks.push(basis.invocations(function, *count, provider_ms)?);
        }
        let transitions = Usage { transitions: counts.transitions, ..Usage::default() };
        let parts = [self.request(basis)?, transitions].into_iter().chain(tasks);
        Ok(OrderUsage { order: parts.sum(), finalization: self.finalization(basis)? })
    }

    /// What does not depend on how the order is orchestrated: its requests, its reads and
    /// writes, its logs.
    pub(super) fn request(&self, basis: &Basis<'_>) -> Result<Usage> {
        let units = self.counts.units;
        let lines = u64::try_from(self.lines).unwrap_or(u64::MAX);
        let order = Usage {
            write_units: units.writes,
            index_write_units: units.index_writes,
            read_units: units.reads + self.requests * lines,
            api_calls: self.requests,
            traces: self.requests + self.executions(),
            ..Usage::default()
        };
        let api = basis.invocations("order-api", self.requests, 0)?;
        Ok([order, api, basis.logs(self.log_bytes)].into_iter().sum())
    }

    /// How long the calls of a function to its provider take, in ms.
    pub(super) fn provider_ms(&self, basis: &Basis<'_>, function: &str) -> u64 {
        match function {
            "process-payment" => self.counts.payment_calls * basis.assumptions.payment_call_ms,
            "initiate-shipping" => self.counts.shipping_calls * basis.assumptions.shipping_call_ms,
            _ => 0,
        }
    }

    pub(super) fn executions(&self) -> u64 {
        u64::try_from(self.executions.len()).unwrap_or(u64::MAX)
    }

    /// The end of each execution invokes the reconciler.
    fn finalization(&self, basis: &Basis<'_>) -> Result<Usage> {
        let units = self.counts.reconciler_units;
        let order = Usage {
            write_units: units.writes,
            index_write_units: units.index_writes,
            read_units: units.reads,
            traces: self.executions(),
            ..Usage::default()
        };
        let invocations = basis.invocations(RECONCILER, self.executions(), 0)?;
        Ok([order, invocations].into_iter().sum())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::counters::Units;

    pub(in crate::commands::cost) fn deployment() -> Deployment {
        let functions =
            ["process-payment", "initiate-shipping", "order-api", "reconcile-orders"].into_iter();
        let memory = functions.map(|name| (name.to_owned(), 512)).collect();
        Deployment { memory, log_retention_days: 30 }
    }

    pub(in crate::commands::cost) fn assumptions() -> Assumptions {
        Assumptions {
            about: String::new(),
            invocation_ms: 25,
            payment_call_ms: 600,
            shipping_call_ms: 1500,
            cold_start_ms: 200,
            platform_log_bytes: 600,
            sweep_read_units: 5,
            express_megabytes: 64,
        }
    }

    pub(in crate::commands::cost) fn entered(states: &[&str]) -> Vec<EnteredState> {
        let entered =
            |name: &&str| EnteredState { name: (*name).to_owned(), state_type: String::new() };
        states.iter().map(entered).collect()
    }

    #[test]
    fn the_request_the_executions_and_the_finalization_are_used() {
        let counts = Counts {
            transitions: 7,
            invocations_by_function: [
                ("process-payment".to_owned(), 2),
                ("initiate-shipping".to_owned(), 1),
            ]
            .into(),
            payment_calls: 3,
            shipping_calls: 2,
            units: Units { reads: 4, writes: 20, index_writes: 9 },
            reconciler_units: Units { reads: 1, writes: 3, index_writes: 2 },
            ..Counts::default()
        };
        let executions = [entered(&[]), entered(&[])];
        let observed = Observed {
            counts: &counts,
            requests: 8,
            lines: 2,
            executions: &executions,
            log_bytes: 1_000,
        };
        let (assumptions, deployment) = (assumptions(), deployment());
        let basis =
            Basis { assumptions: &assumptions, deployment: &deployment, cold_start_percent: 10 };
        let usage = observed.usage(&basis).unwrap();
        let order = Usage {
            transitions: 7,
            invocations: 2 + 1 + 8,
            megabyte_ms: (11 * 25 + 3 * 600 + 2 * 1500) * 512,
            cold_megabyte_ms: 11 * 20 * 512,
            write_units: 20,
            index_write_units: 9,
            read_units: 4 + 8 * 2,
            api_calls: 8,
            log_bytes: 1_000 + 11 * 600,
            log_byte_days: (1_000 + 11 * 600) * 30,
            traces: 8 + 2,
            ..Usage::default()
        };
        let finalization = Usage {
            invocations: 2,
            megabyte_ms: 2 * 25 * 512,
            cold_megabyte_ms: 2 * 20 * 512,
            write_units: 3,
            index_write_units: 2,
            read_units: 1,
            log_bytes: 2 * 600,
            log_byte_days: 2 * 600 * 30,
            traces: 2,
            ..Usage::default()
        };
        assert_eq!(usage, OrderUsage { order, finalization });
    }

    #[test]
    fn a_function_that_the_template_does_not_have_is_an_error() {
        let (assumptions, deployment) = (assumptions(), deployment());
        let basis =
            Basis { assumptions: &assumptions, deployment: &deployment, cold_start_percent: 0 };
        assert!(basis.invocations("another", 1, 0).is_err());
    }
}
