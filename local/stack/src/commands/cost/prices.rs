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
enum Item {
    Transition,
    Invocation,
    MegabyteMs,
    WriteUnit,
    ReadUnit,
    ApiCall,
    LogByte,
}

/// `usd` for `per` units of an item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    #[cfg_attr(not(test), expect(dead_code, reason = "documentation in the file"))]
    of: String,
    usd: Dollars,
    per: u64,
    #[cfg_attr(not(test), expect(dead_code, reason = "documentation in the file"))]
    source: String,
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

    fn price(&self, item: Item) -> Result<&Price> {
        let price = self.prices.get(&item).filter(|price| price.per > 0);
        price.with_context(|| format!("prices.json has no price for {item:?}"))
    }

    /// The cost of `count` units, rounded up to a picodollar.
    fn cost(&self, item: Item, count: u64) -> Result<Dollars> {
        let price = self.price(item)?;
        let exact = u128::from(count) * u128::from(price.usd.picodollars());
        let cost = exact.div_ceil(u128::from(price.per));
        let picodollars = u64::try_from(cost).context("the cost is too large")?;
        Ok(Dollars::from_picodollars(picodollars))
    }

    /// The bill for this usage.
    pub(super) fn bill(&self, usage: &Usage) -> Result<Bill> {
        Ok(Bill {
            transitions: self.cost(Item::Transition, usage.transitions)?,
            invocations: self.cost(Item::Invocation, usage.invocations)?,
            duration: self.cost(Item::MegabyteMs, usage.megabyte_ms)?,
            table_writes: self.cost(Item::WriteUnit, usage.write_units)?,
            index_writes: self.cost(Item::WriteUnit, usage.index_write_units)?,
            reads: self.cost(Item::ReadUnit, usage.read_units)?,
            api: self.cost(Item::ApiCall, usage.api_calls)?,
            logs: self.cost(Item::LogByte, usage.log_bytes)?,
        })
    }
}

/// What a usage costs, by item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bill {
    pub(super) transitions: Dollars,
    pub(super) invocations: Dollars,
    pub(super) duration: Dollars,
    pub(super) table_writes: Dollars,
    pub(super) index_writes: Dollars,
    pub(super) reads: Dollars,
    pub(super) api: Dollars,
    pub(super) logs: Dollars,
}

impl Bill {
    /// The positions with their names in JSON.
    pub(super) const fn positions(&self) -> [(&'static str, Dollars); 8] {
        [
            ("transitions", self.transitions),
            ("invocations", self.invocations),
            ("duration", self.duration),
            ("tableWrites", self.table_writes),
            ("indexWrites", self.index_writes),
            ("reads", self.reads),
            ("api", self.api),
            ("logs", self.logs),
        ]
    }

    pub(super) fn total(&self) -> Dollars {
        self.positions().into_iter().map(|(_, cost)| cost).sum()
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
            write_units: 24,                               // × 0.625 µ$
            index_write_units: 16,                         // × 0.625 µ$
            read_units: 6,                                 // × 0.125 µ$
            api_calls: 1,                                  // × 1 µ$
            log_bytes: 1024 * 1024 * 1024 / 1_000_000 + 1, // a millionth of a GB, rounded up
        };
        let bill = list.bill(&shipped).unwrap();
        let costs = bill.positions().map(|(_, cost)| cost.to_string());
        assert_eq!(
            costs,
            [
                "0.000175000",
                "0.000001000",
                "0.000016667",
                "0.000015000",
                "0.000010000",
                "0.000000750",
                "0.000001000",
                "0.000000500",
            ]
        );
        let exact = 175_000_000 + 1_000_000 + 16_666_700 + 15_000_000 + 10_000_000 + 750_000;
        assert_eq!(bill.total().picodollars() - bill.logs.picodollars(), exact + 1_000_000);

        // A compensated order has seven more transitions and nothing else.
        let compensated = Usage { transitions: 14, ..shipped };
        let compensated = list.bill(&compensated).unwrap().total().picodollars();
        assert_eq!(compensated - bill.total().picodollars(), 7 * 25_000_000);
        assert_eq!(list.bill(&Usage::default()).unwrap().total(), Dollars::default());
    }

    #[test]
    fn a_cost_is_rounded_up_to_a_picodollar() {
        let list = PriceList::read().unwrap();
        let usage = Usage { megabyte_ms: 1, ..Usage::default() };
        // 16.27…
        assert_eq!(list.bill(&usage).unwrap().duration, Dollars::from_picodollars(17));
    }
}
