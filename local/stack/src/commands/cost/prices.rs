//! The price list, and the bill for what an order used.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::dollars::Dollars;
use super::usage::{Assumptions, Usage};

/// The list prices of AWS at a date: `prices.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceList {
    #[expect(dead_code, reason = "documentation in the file")]
    about: String,
    /// The date of the prices.
    pub(super) date: String,
    pub(super) region: String,
    pub(super) currency: String,
    prices: BTreeMap<Item, Price>,
    pub(super) assumptions: Assumptions,
}

/// What AWS bills.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, VariantArray,
)]
#[serde(rename_all = "camelCase")]
pub(super) enum Item {
    Transition,
    ExpressRequest,
    ExpressMegabyteMs,
    DurableOperation,
    Invocation,
    MegabyteMs,
    WriteUnit,
    ReadUnit,
    ApiCall,
    LogByte,
    LogByteDay,
    Trace,
    CustomMetric,
    AlarmMetric,
    CompositeAlarm,
    Dashboard,
    Secret,
    SecretCall,
    Key,
}

/// `usd` for `per` units of an item.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Price {
    of: String,
    usd: Dollars,
    per: u64,
    source: String,
    confirmed_by: Option<String>,
}

/// A position of a bill. Its name in JSON begins with a small letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Position {
    Transitions,
    ExpressRequests,
    ExpressDuration,
    DurableOperations,
    Invocations,
    Duration,
    ColdStarts,
    TableWrites,
    IndexWrites,
    Reads,
    Api,
    Logs,
    LogStorage,
    Traces,
}

impl PriceList {
    /// Reads the list that is part of the program; it has a price for every item.
    pub(super) fn read() -> Result<Self> {
        let list: Self = serde_json::from_str(include_str!("../../../prices.json"))
            .context("prices.json is not valid")?;
        for item in Item::VARIANTS {
            list.price(*item)?;
        }
        Ok(list)
    }

    /// All prices.
    pub(super) const fn prices(&self) -> &BTreeMap<Item, Price> {
        &self.prices
    }

    fn price(&self, item: Item) -> Result<&Price> {
        let price = self.prices.get(&item).filter(|price| price.per > 0);
        price.with_context(|| format!("prices.json has no price for {item:?}"))
    }

    /// The cost of `count` units, rounded up to a picodollar.
    pub(super) fn cost(&self, item: Item, count: u64) -> Result<Dollars> {
        let price = self.price(item)?;
        let exact = u128::from(count) * u128::from(price.usd.picodollars());
        let cost = exact.div_ceil(u128::from(price.per));
        let picodollars = u64::try_from(cost).context("the cost is too large")?;
        Ok(Dollars::from_picodollars(picodollars))
    }

    /// The bill for this usage.
    pub(super) fn bill(&self, usage: &Usage) -> Result<Bill> {
        let positions = positions(usage).into_iter();
        let positions =
            positions.map(|(position, item, count)| Ok((position, self.cost(item, count)?)));
        Ok(Bill(positions.collect::<Result<_>>()?))
    }
}

/// What is billed for each unit.
const fn positions(usage: &Usage) -> [(Position, Item, u64); 14] {
    [
        (Position::Transitions, Item::Transition, usage.transitions),
        (Position::ExpressRequests, Item::ExpressRequest, usage.express_requests),
        (Position::ExpressDuration, Item::ExpressMegabyteMs, usage.express_megabyte_ms),
        (Position::DurableOperations, Item::DurableOperation, usage.durable_operations),
        (Position::Invocations, Item::Invocation, usage.invocations),
        (Position::Duration, Item::MegabyteMs, usage.megabyte_ms),
        (Position::ColdStarts, Item::MegabyteMs, usage.cold_megabyte_ms),
        (Position::TableWrites, Item::WriteUnit, usage.write_units),
        (Position::IndexWrites, Item::WriteUnit, usage.index_write_units),
        (Position::Reads, Item::ReadUnit, usage.read_units),
        (Position::Api, Item::ApiCall, usage.api_calls),
        (Position::Logs, Item::LogByte, usage.log_bytes),
        (Position::LogStorage, Item::LogByteDay, usage.log_byte_days),
        (Position::Traces, Item::Trace, usage.traces),
    ]
}

/// What a usage costs, by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bill(BTreeMap<Position, Dollars>);

impl Bill {
    /// The sum of some positions.
    pub(super) fn of(&self, positions: &[Position]) -> Dollars {
        positions.iter().filter_map(|position| self.0.get(position)).copied().sum()
    }

    pub(super) fn total(&self) -> Dollars {
        self.0.values().copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_date_and_each_price_a_description_and_a_source() {
        let list = PriceList::read().unwrap();
        assert!(list.date.parse::<jiff::civil::Date>().is_ok(), "{}", list.date);
        assert_eq!((list.region.as_str(), list.currency.as_str()), ("us-east-1", "USD"));
        assert_eq!(list.prices.keys().copied().collect::<Vec<_>>(), Item::VARIANTS);
        for (item, price) in &list.prices {
            assert!(price.source.starts_with("https://aws.amazon.com/"), "{item:?}");
            assert!(!price.of.is_empty(), "{item:?}");
            assert!(price.usd > Dollars::default() && price.per > 0, "{item:?}");
        }
    }

    #[test]
    fn an_order_costs_its_usage_times_the_prices() {
        let list = PriceList::read().unwrap();
        let shipped = Usage {
            transitions: 7,                                // × 25 µ$
            invocations: 5,                                // × 0.2 µ$
            megabyte_ms: 512 * 2_000,                      // one GB-second: 16.6667 µ$
            cold_megabyte_ms: 512 * 20,                    // a hundredth of one
            write_units: 24,                               // × 0.625 µ$
            index_write_units: 16,                         // × 0.625 µ$
            read_units: 6,                                 // × 0.125 µ$
            api_calls: 1,                                  // × 1 µ$
            log_bytes: 1024 * 1024 * 1024 / 1_000_000 + 1, // a millionth of a GB, rounded up
            log_byte_days: 1024 * 1024 * 30,               // a thousandth of a GB for a month
            traces: 2,                                     // × 5 µ$
            ..Usage::default()
        };
        let bill = list.bill(&shipped).unwrap();
        let check = |position: Position, expected: &str| {
            assert_eq!(bill.of(&[position]).to_string(), expected, "{position:?}");
        };
        check(Position::Transitions, "0.000175000");
        check(Position::Invocations, "0.000001000");
        check(Position::Duration, "0.000016667");
        check(Position::ColdStarts, "0.000000167");
        check(Position::TableWrites, "0.000015000");
        check(Position::IndexWrites, "0.000010000");
        check(Position::Reads, "0.000000750");
        check(Position::Api, "0.000001000");
        check(Position::Logs, "0.000000500");
        check(Position::LogStorage, "0.000029297");
        check(Position::Traces, "0.000010000");
        check(Position::ExpressRequests, "0.000000000");

        // A compensated order has seven more transitions and nothing else.
        let compensated = Usage { transitions: 14, ..shipped };
        let compensated = list.bill(&compensated).unwrap().total().picodollars();
        assert_eq!(compensated - bill.total().picodollars(), 7 * 25_000_000);
        assert_eq!(list.bill(&Usage::default()).unwrap().total(), Dollars::default());
    }

    #[test]
    fn the_other_ways_of_orchestration_are_billed_by_their_units() {
        let list = PriceList::read().unwrap();
        let usage = Usage {
            express_requests: 1,              // × 1 µ$
            express_megabyte_ms: 64 * 16_000, // one GB-second: 16.67 µ$
            durable_operations: 5,            // × 8 µ$
            ..Usage::default()
        };
        let bill = list.bill(&usage).unwrap();
        assert_eq!(bill.of(&[Position::ExpressRequests]).to_string(), "0.000001000");
        assert_eq!(bill.of(&[Position::ExpressDuration]).to_string(), "0.000016670");
        assert_eq!(bill.of(&[Position::DurableOperations]).to_string(), "0.000040000");
        assert_eq!(bill.total().to_string(), "0.000057670");
    }

    #[test]
    fn a_cost_is_rounded_up_to_a_picodollar() {
        let list = PriceList::read().unwrap();
        // 16.27…
        assert_eq!(list.cost(Item::MegabyteMs, 1).unwrap(), Dollars::from_picodollars(17));
    }
}
