//! Non-negative decimal numbers without floating point, for `BackoffRate`, percentages, and
//! integers that a definition may write as `2.0`.

/// A non-negative decimal number with six decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal {
    millionths: u128,
}

impl Decimal {
    /// The default `BackoffRate`.
    pub(crate) const TWO: Decimal = Decimal { millionths: 2_000_000 };

    /// The largest percentage.
    pub(crate) const HUNDRED: Decimal = Decimal { millionths: 100_000_000 };

    /// Parses a non-negative JSON number: `2`, `1.5`, `1e2`.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(6)?;
        let power = 10u128.checked_pow(scale.unsigned_abs());
        let millionths = match (scale >= 0, power) {
            (true, Some(power)) => digits.checked_mul(power)?,
            (true, None) => return (digits == 0).then_some(Decimal { millionths: 0 }),
            (false, power) => power.map_or(0, |power| digits / power),
        };
        Some(Decimal { millionths })
    }

    /// The number, if it is an integer.
    pub(crate) fn to_integer(self) -> Option<u64> {
        let whole = self.millionths.is_multiple_of(1_000_000);
        whole.then(|| u64::try_from(self.millionths / 1_000_000).ok()).flatten()
    }

    pub(crate) fn multiply(self, number: u64) -> u64 {
        let product = self.millionths.saturating_mul(u128::from(number)) / 1_000_000;
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// This percentage of a number, rounded down.
    pub(crate) fn percent_of(self, number: usize) -> usize {
        let share = self.millionths.saturating_mul(number as u128) / 100_000_000;
        usize::try_from(share).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_parsed_exactly() {
        let check = |text: &str, expected: Option<u128>| {
            assert_eq!(Decimal::parse(text).map(|decimal| decimal.millionths), expected, "{text}");
        };
        check("2", Some(2_000_000));
        check("1.5", Some(1_500_000));
        check("1e2", Some(100_000_000));
        check("1e-9", Some(0));
        check("0e99", Some(0));
        check("1e99", None);
        check("-1", None);
        check("\"2\"", None);
    }
}
