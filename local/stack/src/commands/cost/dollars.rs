//! Amounts in whole picodollars. One order costs millionths of a dollar, so cents are too
//! coarse.

use std::fmt;
use std::iter::Sum;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize, Serializer};

/// An amount in picodollars: 10⁻¹² dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Dollars(u64);

/// The decimals of a dollar in picodollars.
const DECIMALS: usize = 12;

impl Dollars {
    pub(super) const fn from_picodollars(picodollars: u64) -> Self {
        Self(picodollars)
    }

    pub(super) const fn picodollars(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Dollars {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || !is_number(whole)
            || !is_number(decimals)
            || decimals.len() > DECIMALS
        {
            bail!("`{text}` is not an amount of dollars with at most {DECIMALS} decimals");
        }
        let digits = format!("{whole}{decimals:0<DECIMALS$}");
        digits.parse().map(Self).with_context(|| format!("{text} dollars are too many"))
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Sum for Dollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl Dollars {
    /// Dollars and cents, rounded up to a cent.
    pub(super) fn in_cents(self) -> String {
        const PICODOLLARS_PER_CENT: u64 = 10_000_000_000;
        let cents = self.0.div_ceil(PICODOLLARS_PER_CENT);
        format!("${}.{:02}", cents / 100, cents % 100)
    }
}

impl fmt::Display for Dollars {
    /// Writes dollars with nine decimals, rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NANODOLLARS_PER_DOLLAR: u64 = 1_000_000_000;
        let nanodollars = self.0.saturating_add(500) / 1_000;
        let (whole, decimals) =
            (nanodollars / NANODOLLARS_PER_DOLLAR, nanodollars % NANODOLLARS_PER_DOLLAR);
        f.pad(&format!("{whole}.{decimals:09}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(text: &str) -> Dollars {
        Dollars::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn an_amount_is_parsed_exactly() {
        let check =
            |text: &str, expected: u64| assert_eq!(dollars(text).picodollars(), expected, "{text}");
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
        assert_eq!(dollars("12.501").in_cents(), "$12.51");
        assert_eq!(dollars("0.4").in_cents(), "$0.40");
    }
}
