//! The price list, and what an order's use comes to by it: in picodollars, whole
//! ones, because the parts of an order cost millionths of a dollar.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What AWS asks, as of a date.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceList {
    /// What the list is.
    #[expect(dead_code, reason = "for whoever reads the file")]
    about: String,
    /// When it was put together.
    pub(super) date: String,
    /// Where these prices hold.
    pub(super) region: String,
    /// What they are in.
    pub(super) currency: String,
    prices: BTreeMap<Item, Price>,
    /// What cannot be counted here.
    pub(super) assumptions: Assumptions,
}

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Item {
    Transition,
    Invocation,
    MegabyteMs,
    WriteUnit,
    ReadUnit,
    ApiCall,
    LogByte,
}

/// The price of so many of a thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file"))]
    of: String,
    usd: Dollars,
    per: u64,
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file"))]
    source: String,
}

/// What is taken for granted about what takes time elsewhere.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Assumptions {
    about: String,
    /// How long a function works for itself and its tables, in ms.
    pub(super) invocation_ms: u64,
    /// How long the gateway takes for a call, in ms.
    pub(super) gateway_call_ms: u64,
    /// How long the carrier takes for a call, in ms.
    pub(super) carrier_call_ms: u64,
    /// What Lambda itself logs of an invocation, in bytes.
    pub(super) platform_log_bytes: u64,
    /// What one look of the reconciler reads when nothing is due.
    pub(super) read_units_of_a_look: u64,
}

/// An amount in picodollars: millionths of a millionth of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Dollars(u64);

/// Digits after the point that a picodollar is.
const DIGITS: usize = 12;

impl TryFrom<String> for Dollars {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (whole, parts) = text.split_once('.').unwrap_or((&text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(parts) || parts.len() > DIGITS {
            bail!("{text} is no amount of dollars, or finer than a picodollar");
        }
        let digits = format!("{whole}{parts:0<DIGITS$}");
        digits.parse().map(Self).with_context(|| format!("{text} is too many dollars"))
    }
}

impl Dollars {
    /// In picodollars.
    pub(super) const fn pico(self) -> u64 {
        self.0
    }
}

impl std::iter::Sum for Dollars {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        Self(parts.map(|part| part.0).sum())
    }
}

impl std::fmt::Display for Dollars {
    /// In dollars, to a billionth.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NANO: u64 = 1_000_000_000;
        let nano = self.0.saturating_add(500) / 1_000;
        f.pad(&format!("{}.{:09}", nano / NANO, nano % NANO))
    }
}

impl PriceList {
    /// The list that comes with the program.
    pub(super) fn read() -> Result<Self> {
        let list: Self = serde_json::from_str(include_str!("../../../prices.json"))
            .context("prices.json is not as it should be")?;
        for item in Item::ALL {
            list.price(item)?;
        }
        Ok(list)
    }

    fn price(&self, item: Item) -> Result<&Price> {
        let price = self.prices.get(&item).filter(|price| price.per > 0);
        price.with_context(|| format!("prices.json has no price of {item:?}"))
    }

    /// What so many of a thing cost; a part of a picodollar counts as a whole one.
    fn cost(&self, item: Item, count: u64) -> Result<Dollars> {
        let price = self.price(item)?;
        let exact = u128::from(count) * u128::from(price.usd.0);
        let cost = exact.div_ceil(u128::from(price.per));
        u64::try_from(cost).map(Dollars).context("more than there are dollars")
    }

    /// What this use comes to.
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

impl Item {
    const ALL: [Self; 7] = [
        Self::Transition,
        Self::Invocation,
        Self::MegabyteMs,
        Self::WriteUnit,
        Self::ReadUnit,
        Self::ApiCall,
        Self::LogByte,
    ];
}

/// What an order used.
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

/// What it comes to.
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
    /// Its parts, by name.
    pub(super) const fn parts(&self) -> [(&'static str, Dollars); 8] {
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

    /// All of it.
    pub(super) fn total(&self) -> Dollars {
        self.parts().into_iter().map(|(_, part)| part).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(text: &str) -> Dollars {
        Dollars::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn every_price_says_of_what_and_where_it_was_found_and_the_list_when() {
        let list = PriceList::read().unwrap();
        assert!(list.date.parse::<jiff::civil::Date>().is_ok(), "{}", list.date);
        assert_eq!((list.region.as_str(), list.currency.as_str()), ("us-east-1", "USD"));
        assert_eq!(list.prices.keys().copied().collect::<Vec<_>>(), Item::ALL);
        for (item, price) in &list.prices {
            assert!(price.source.starts_with("https://aws.amazon.com/"), "{item:?}");
            assert!(!price.of.is_empty() && price.usd > Dollars(0) && price.per > 0, "{item:?}");
        }
    }

    #[test]
    fn an_order_costs_its_counts_times_the_prices() {
        let list = PriceList::read().unwrap();
        let happy = Usage {
            transitions: 7,                                // × 25 µ$
            invocations: 5,                                // × 0.2 µ$
            megabyte_ms: 512 * 2_000,                      // one GB-second: 16.6667 µ$
            write_units: 24,                               // × 0.625 µ$
            index_write_units: 16,                         // × 0.625 µ$
            read_units: 6,                                 // × 0.125 µ$
            api_calls: 1,                                  // × 1 µ$
            log_bytes: 1024 * 1024 * 1024 / 1_000_000 + 1, // a millionth of a GB, rounded up
        };
        let bill = list.bill(&happy).unwrap();
        let parts = bill.parts().map(|(_, part)| part.to_string());
        assert_eq!(
            parts,
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
        assert_eq!(bill.total().pico() - bill.logs.pico(), exact + 1_000_000);

        // One that turned round: seven transitions more, and nothing else.
        let undone = Usage { transitions: 14, ..happy };
        let more = list.bill(&undone).unwrap().total().pico() - bill.total().pico();
        assert_eq!(more, 7 * 25_000_000);
        assert_eq!(list.bill(&Usage::default()).unwrap().total(), Dollars(0));
    }

    #[test]
    fn an_amount_is_read_digit_by_digit() {
        let check = |text: &str, pico: u64| assert_eq!(dollars(text).pico(), pico, "{text}");
        check("1.00", 1_000_000_000_000);
        check("0.0000166667", 16_666_700);
        check("0.000000000001", 1);
        check("3", 3_000_000_000_000);
        for text in ["", ".5", "+1", "1.2.3", "-1", "1e3", "0.0000000000001", "0.1 "] {
            assert!(Dollars::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(dollars("0.0000000014").to_string(), "0.000000001");
        assert_eq!(dollars("0.0000000015").to_string(), "0.000000002");
        assert_eq!(dollars("12.5").to_string(), "12.500000000");
    }

    #[test]
    fn a_part_of_a_picodollar_counts_as_a_whole_one() {
        let list = PriceList::read().unwrap();
        let one = Usage { megabyte_ms: 1, ..Usage::default() };
        assert_eq!(list.bill(&one).unwrap().duration, Dollars(17)); // 16.27…
    }
}
