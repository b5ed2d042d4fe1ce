//! Amounts of money as people write them.

use domain::{Currency, Money};

/// Formats minor units of a currency, given by its ISO 4217 code: `$44.99`, `¥1200`,
/// `12.50 CHF`. An unknown currency is shown in minor units.
pub(super) fn format_money(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "−" } else { "" };
    let Some(currency) = Currency::from_code(currency) else {
        return format!("{sign}{} {currency}", minor.unsigned_abs());
    };
    // `Money` writes the number by the currency's exponent, then the code.
    let money = Money::new(minor.unsigned_abs(), currency).to_string();
    let number = money.split(' ').next().unwrap_or_default();
    match symbol(currency) {
        Some(symbol) => format!("{sign}{symbol}{number}"),
        None => format!("{sign}{money}"),
    }
}

const fn symbol(currency: Currency) -> Option<&'static str> {
    match currency {
        Currency::Usd => Some("$"),
        Currency::Eur => Some("€"),
        Currency::Gbp => Some("£"),
        Currency::Jpy => Some("¥"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_as_many_decimals_as_its_currency() {
        let check = |minor, currency, expected| assert_eq!(format_money(minor, currency), expected);
        check(4499, "USD", "$44.99");
        check(5, "EUR", "€0.05");
        check(1200, "JPY", "¥1200");
        check(1250, "CHF", "12.50 CHF");
        check(-4499, "USD", "−$44.99");
        check(7, "XXX", "7 XXX");
    }
}
