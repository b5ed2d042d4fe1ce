//! The catalog: what the shop sells, and how an order is priced.
//!
//! The server prices an order once, when it is placed ([`price`]): the client sends SKUs
//! and quantities, never a price. The shop pays the postage.

use serde::{Deserialize, Serialize};

use crate::money::MoneyError;
use crate::{Currency, Money, Quantity, Sku};

/// A product and its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockItem {
    /// The SKU.
    pub sku: Sku,
    /// The title.
    pub title: String,
    /// The price per unit.
    pub unit_price: Money,
    /// The weight per unit, in grams.
    pub weight_grams: u32,
    /// The units that can be reserved now.
    pub available: u64,
    /// The units that were ever received.
    pub received: u64,
}

/// A line of an order, as the server priced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineItem {
    /// The SKU.
    pub sku: Sku,
    /// The title when it was ordered.
    pub title: String,
    /// The quantity.
    pub quantity: Quantity,
    /// The price per unit when it was ordered.
    pub unit_price: Money,
    /// The weight per unit, in grams.
    pub weight_grams: u32,
}

/// Why an order cannot be priced. The number is the index of the line, from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// The catalog has no such SKU.
    #[error("there is no such SKU")]
    UnknownSku(usize),
    /// The line has another currency than the lines before it.
    #[error("all lines must have the same currency")]
    MixedCurrencies(usize),
    /// The shop does not accept this currency.
    #[error("the shop does not accept {}", .1.code())]
    CurrencyNotAccepted(usize, Currency),
    /// The order has no line.
    #[error("an order needs at least one line")]
    Empty,
    /// The total is below the minimum or above the maximum of its currency.
    #[error("the total must be from {} to {}", Money::new(.0.min_amount(), *.0), Money::new(.0.max_amount(), *.0))]
    AmountNotChargeable(Currency),
}

/// Prices an order at the current prices: total = Σ price × quantity.
///
/// `find` looks a SKU up in the catalog. `accepted` are the currencies that this
/// deployment accepts.
///
/// # Errors
/// [`PricingError`] names the line at fault.
pub fn price<'a>(
    requested: &[(Sku, Quantity)],
    find: impl Fn(&Sku) -> Option<&'a StockItem>,
    accepted: &[Currency],
) -> Result<(Vec<LineItem>, Money), PricingError> {
    let mut lines = Vec::with_capacity(requested.len());
    let mut total: Option<Money> = None;
    for (index, (sku, quantity)) in requested.iter().enumerate() {
        let item = find(sku).ok_or(PricingError::UnknownSku(index))?;
        let currency = item.unit_price.currency();
        if !accepted.contains(&currency) {
            return Err(PricingError::CurrencyNotAccepted(index, currency));
        }
        let sum = item.unit_price.checked_mul(*quantity).and_then(|price| match total {
            Some(so_far) => so_far.checked_add(price),
            None => Ok(price),
        });
        total = Some(sum.map_err(|error| match error {
            MoneyError::MixedCurrencies(..) => PricingError::MixedCurrencies(index),
            MoneyError::TooLarge => PricingError::AmountNotChargeable(currency),
        })?);
        lines.push(line(item, *quantity));
    }
    let total = total.ok_or(PricingError::Empty)?;
    if total.is_chargeable() {
        Ok((lines, total))
    } else {
        Err(PricingError::AmountNotChargeable(total.currency()))
    }
}

fn line(item: &StockItem, quantity: Quantity) -> LineItem {
    LineItem {
        sku: item.sku.clone(),
        title: item.title.clone(),
        quantity,
        unit_price: item.unit_price,
        weight_grams: item.weight_grams,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sku: &str, price: Money) -> StockItem {
        StockItem {
            sku: Sku::parse(sku).unwrap(),
            title: sku.to_lowercase(),
            unit_price: price,
            weight_grams: 100,
            available: 5,
            received: 5,
        }
    }

    fn priced(wanted: &[(&str, u32)]) -> Result<u64, PricingError> {
        let catalog = [
            item("MUG", Money::new(1250, Currency::Usd)),
            item("TEE", Money::new(1999, Currency::Usd)),
            item("PIN", Money::new(1, Currency::Usd)),
            item("CAR", Money::new(90_000_000, Currency::Usd)),
            item("MAX", Money::new(u64::MAX, Currency::Usd)),
            item("CUP", Money::new(1250, Currency::Eur)),
            item("FAN", Money::new(1250, Currency::Jpy)),
        ];
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(sku, n)| (Sku::parse(*sku).unwrap(), Quantity::try_from(*n).unwrap()))
            .collect();
        let find = |sku: &Sku| catalog.iter().find(|item| item.sku == *sku);
        price(&wanted, find, &[Currency::Usd, Currency::Eur]).map(|(_, total)| total.amount_minor())
    }

    #[test]
    fn the_total_is_the_sum_of_price_times_quantity() {
        assert_eq!(priced(&[("MUG", 2), ("TEE", 1)]), Ok(4499));
        assert_eq!(priced(&[("MUG", 1), ("MUG", 1)]), Ok(2500));
    }

    #[test]
    fn a_pricing_error_names_its_line() {
        assert_eq!(priced(&[]), Err(PricingError::Empty));
        assert_eq!(priced(&[("MUG", 1), ("NIL", 1)]), Err(PricingError::UnknownSku(1)));
        assert_eq!(priced(&[("MUG", 1), ("CUP", 1)]), Err(PricingError::MixedCurrencies(1)));
        assert_eq!(priced(&[("FAN", 1)]), Err(PricingError::CurrencyNotAccepted(0, Currency::Jpy)));
    }

    #[test]
    fn a_total_outside_the_limits_of_its_currency_is_rejected() {
        for wanted in [[("PIN", 49)], [("CAR", 2)], [("MAX", 2)]] {
            assert_eq!(priced(&wanted), Err(PricingError::AmountNotChargeable(Currency::Usd)));
        }
        assert_eq!(priced(&[("PIN", 50)]), Ok(50));
    }
}
