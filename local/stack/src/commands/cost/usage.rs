//! What one order uses of AWS: computed from the counts of the stack, and from
//! assumptions where the stack cannot count.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::counters::{Counts, RECONCILER};
use crate::template::Template;

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
    /// What Lambda itself logs for an invocation, in bytes.
    pub(super) platform_log_bytes: u64,
    /// The read units of a sweep of the reconciler when no order is due.
    #[serde(rename = "readUnitsOfALook")]
    pub(super) sweep_read_units: u64,
}

/// The units that AWS bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) transitions: u64,
    pub(super) invocations: u64,
    pub(super) megabyte_ms: u64,
    pub(super) write_units: u64,
    pub(super) index_write_units: u64,
    pub(super) read_units: u64,
    pub(super) api_calls: u64,
    pub(super) log_bytes: u64,
}

/// What an order used: for itself, and when the reconciler finalized it. The latter
/// varies with the number of sweeps in which the order was due.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct OrderUsage {
    pub(super) order: Usage,
    #[serde(rename = "settling")]
    pub(super) finalization: Usage,
}

/// The memory of each function, in MB, by the template.
pub(super) struct FunctionMemory(Vec<(String, u64)>);

impl FunctionMemory {
    pub(super) fn read(template: &Template) -> Result<Self> {
        let functions = template.functions()?.into_iter();
        Ok(Self(functions.map(|one| (one.binary, u64::from(one.memory_mb))).collect()))
    }

    fn megabytes(&self, function: &str) -> Result<u64> {
        let found = self.0.iter().find(|(name, _)| name == function).map(|(_, memory)| *memory);
        found.with_context(|| format!("the template has no function {function}"))
    }
}

/// What was observed of one order.
pub(super) struct Observed<'a> {
    pub(super) counts: &'a Counts,
    /// The number of `POST /orders` requests.
    pub(super) requests: u64,
    /// The number of order lines, each of which is priced in each request.
    pub(super) lines: usize,
    pub(super) executions: u64,
    /// What the functions logged, in bytes.
    pub(super) log_bytes: u64,
}

impl Observed<'_> {
    /// The usage of the order.
    pub(super) fn usage(
        &self,
        assumptions: &Assumptions,
        memory: &FunctionMemory,
    ) -> Result<OrderUsage> {
        let counts = self.counts;
        let by_state_machine = counts.invocations_by_function.iter();
        let by_state_machine = by_state_machine.map(|(name, count)| (name.as_str(), *count));
        let (mut invocations, mut megabyte_ms) = (0, 0);
        for (name, count) in by_state_machine.chain([("order-api", self.requests)]) {
            let provider_ms = match name {
                "process-payment" => counts.payment_calls * assumptions.payment_call_ms,
                "initiate-shipping" => counts.shipping_calls * assumptions.shipping_call_ms,
                _ => 0,
            };
            invocations += count;
            megabyte_ms +=
                (count * assumptions.invocation_ms + provider_ms) * memory.megabytes(name)?;
        }
        let lines = u64::try_from(self.lines).unwrap_or(u64::MAX);
        let order = Usage {
            transitions: counts.transitions,
            invocations,
            megabyte_ms,
            write_units: counts.units.writes,
            index_write_units: counts.units.index_writes,
            read_units: counts.units.reads + self.requests * lines,
            api_calls: self.requests,
            log_bytes: self.log_bytes + invocations * assumptions.platform_log_bytes,
        };
        Ok(OrderUsage { order, finalization: self.finalization(assumptions, memory)? })
    }

    /// The end of each execution invokes the reconciler.
    fn finalization(&self, assumptions: &Assumptions, memory: &FunctionMemory) -> Result<Usage> {
        let units = self.counts.reconciler_units;
        let milliseconds = self.executions * assumptions.invocation_ms;
        Ok(Usage {
            invocations: self.executions,
            megabyte_ms: milliseconds * memory.megabytes(RECONCILER)?,
            write_units: units.writes,
            index_write_units: units.index_writes,
            read_units: units.reads,
            log_bytes: self.executions * assumptions.platform_log_bytes,
            ..Usage::default()
        })
    }
}

/// The usage of the reconciler's sweeps in a month of 30 days, without any order.
pub(super) fn monthly_sweeps(assumptions: &Assumptions, memory: &FunctionMemory) -> Result<Usage> {
    const SWEEPS: u64 = 30 * 24 * 60;
    Ok(Usage {
        invocations: SWEEPS,
        megabyte_ms: SWEEPS * assumptions.invocation_ms * memory.megabytes(RECONCILER)?,
        read_units: SWEEPS * assumptions.sweep_read_units,
        log_bytes: SWEEPS * assumptions.platform_log_bytes,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Units;

    fn memory() -> FunctionMemory {
        let functions =
            ["process-payment", "initiate-shipping", "order-api", "reconcile-orders"].into_iter();
        FunctionMemory(functions.map(|name| (name.to_owned(), 512)).collect())
    }

    fn assumptions() -> Assumptions {
        Assumptions {
            about: String::new(),
            invocation_ms: 25,
            payment_call_ms: 600,
            shipping_call_ms: 1500,
            platform_log_bytes: 600,
            sweep_read_units: 5,
        }
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
        let observed =
            Observed { counts: &counts, requests: 8, lines: 2, executions: 2, log_bytes: 1_000 };
        let usage = observed.usage(&assumptions(), &memory()).unwrap();
        let order = Usage {
            transitions: 7,
            invocations: 2 + 1 + 8,
            megabyte_ms: (11 * 25 + 3 * 600 + 2 * 1500) * 512,
            write_units: 20,
            index_write_units: 9,
            read_units: 4 + 8 * 2,
            api_calls: 8,
            log_bytes: 1_000 + 11 * 600,
        };
        let finalization = Usage {
            invocations: 2,
            megabyte_ms: 2 * 25 * 512,
            write_units: 3,
            index_write_units: 2,
            read_units: 1,
            log_bytes: 2 * 600,
            ..Usage::default()
        };
        assert_eq!(usage, OrderUsage { order, finalization });
    }

    #[test]
    fn a_function_that_the_template_does_not_have_is_an_error() {
        let counts = Counts {
            invocations_by_function: [("another".to_owned(), 1)].into(),
            ..Counts::default()
        };
        let observed =
            Observed { counts: &counts, requests: 1, lines: 1, executions: 1, log_bytes: 0 };
        assert!(observed.usage(&assumptions(), &memory()).is_err());
    }
}
