//! The costs as tables and as JSON.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::dollars::Dollars;
use super::measure::{Costs, OrderCost};
use super::prices::{Bill, Position};

/// What the columns of one order add up.
const COLUMNS: [(&str, &[Position]); 8] = [
    ("transitions", &[Position::Transitions]),
    ("functions", &[Position::Invocations, Position::Duration]),
    ("cold starts", &[Position::ColdStarts]),
    ("tables", &[Position::TableWrites, Position::Reads]),
    ("indexes", &[Position::IndexWrites]),
    ("API", &[Position::Api]),
    ("logs", &[Position::Logs, Position::LogStorage]),
    ("traces", &[Position::Traces]),
];

/// What is paid for orchestration, in each way.
const ORCHESTRATION: [Position; 4] = [
    Position::Transitions,
    Position::ExpressRequests,
    Position::ExpressDuration,
    Position::DurableOperations,
];

impl OrderCost {
    fn with_finalization(&self, bill: &Bill) -> Dollars {
        [bill.total(), self.finalization].into_iter().sum()
    }

    /// The ways of orchestration: the deployed one first.
    const fn ways(&self) -> [(&'static str, &Bill); 3] {
        [
            ("Standard", &self.bill),
            ("Express", &self.express_nested),
            ("durable", &self.durable_functions),
        ]
    }

    fn to_json(&self) -> Value {
        let way = |(name, bill): (&str, &Bill)| {
            let orchestration = bill.of(&ORCHESTRATION);
            let usd = self.with_finalization(bill);
            (
                name.to_lowercase(),
                json!({"usd": usd, "orchestration": orchestration, "parts": bill}),
            )
        };
        json!({
            "name": self.scenario,
            "ok": self.ok,
            "usd": self.with_finalization(&self.bill),
            "picodollars": self.with_finalization(&self.bill).picodollars(),
            "parts": self.bill,
            "settling": self.finalization,
            "usage": self.usage,
            "orchestrations": self.ways().into_iter().map(way).collect::<serde_json::Map<_, _>>(),
            "alternatives": self.alternatives,
        })
    }
}

impl Costs {
    /// The costs as JSON, with all prices and their sources.
    pub fn to_json(&self) -> Value {
        json!({
            "date": self.prices.date,
            "region": self.prices.region,
            "currency": self.prices.currency,
            "prices": self.prices.prices(),
            "assumptions": self.prices.assumptions,
            "coldStartPercent": self.cold_start_percent,
            "paths": self.orders.iter().map(OrderCost::to_json).collect::<Vec<_>>(),
            "standing": self.standing,
            "standingMonthlyUsd": self.standing_total(),
        })
    }

    fn widest(&self) -> usize {
        self.orders.iter().map(|cost| cost.scenario.len()).max().unwrap_or(0).max("one order".len())
    }

    fn write_orders(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = COLUMNS.map(|(name, _)| name);
        let header = ["total"].into_iter().chain(names).chain(["reconciler"]);
        self.write_row(f, "one order", header)?;
        for cost in &self.orders {
            let columns = COLUMNS.map(|(_, positions)| cost.bill.of(positions));
            let total = cost.with_finalization(&cost.bill);
            self.write_row(
                f,
                &cost.scenario,
                [total].into_iter().chain(columns).chain([cost.finalization]),
            )?;
        }
        Ok(())
    }

    fn write_ways(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = ["Standard", "workflow", "Express", "workflow", "durable", "workflow"];
        self.write_row(f, "same order", names.into_iter())?;
        for cost in &self.orders {
            let cells = cost.ways().into_iter();
            let cells =
                cells.flat_map(|(_, bill)| [cost.with_finalization(bill), bill.of(&ORCHESTRATION)]);
            self.write_row(f, &cost.scenario, cells)?;
        }
        Ok(())
    }

    fn write_row<T: Display>(
        &self,
        f: &mut Formatter<'_>,
        name: &str,
        cells: impl Iterator<Item = T>,
    ) -> fmt::Result {
        write!(f, "{name:width$}", width = self.widest().max("same order".len()))?;
        for cell in cells {
            write!(f, " {cell:>11}")?;
        }
        writeln!(f)
    }

    fn write_standing(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:26} {:>7} {:>9}", "a month without an order", "number", "cost")?;
        for line in &self.standing {
            writeln!(f, "{:26} {:>7} {:>9}", line.what, line.number, line.cost.in_cents())?;
        }
        writeln!(f, "{:26} {:>7} {:>9}", "total", "", self.standing_total().in_cents())
    }
}

impl Display for Costs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_orders(f)?;
        writeln!(f)?;
        self.write_ways(f)?;
        writeln!(f)?;
        self.write_standing(f)?;
        let assumptions = &self.prices.assumptions;
        write!(
            f,
            "\nUS dollars at the list prices of {} in {} (local/stack/prices.json names the source\n\
             of each), without free tiers.\n\
             Counted: the order's requests, its executions, their logs for as long as they are kept.\n\
             The column `reconciler` is the finalization of the order; it varies with the number of\n\
             sweeps in which the order was due.\n\
             Assumed: {} ms for an invocation, {} ms for a call to the payment provider, {} ms for a\n\
             call to the shipping provider; {} of 100 invocations start a process, which takes {} ms.\n\
             The same order, with the orchestration's part of the total: Express is a Standard\n\
             workflow that waits and an Express workflow for the rest; durable is one durable\n\
             function. Pauses between attempts (Express) and the data kept (durable) are not counted.\n\
             Not counted: webhooks and reads of orders (each one API call and one invocation), storage\n\
             and backups of the tables, a KMS key of your own ({} a month), data transfer.\n",
            self.prices.date,
            self.prices.region,
            assumptions.invocation_ms,
            assumptions.payment_call_ms,
            assumptions.shipping_call_ms,
            self.cold_start_percent,
            assumptions.cold_start_ms,
            self.key.in_cents(),
        )
    }
}
