//! Money in whole minor units with a currency, and quantities.
//!
//! There are no floats: arithmetic is checked, and a result that does not fit is an error.

use serde::{Deserialize, Serialize};

/// A currency that the shop can accept.
///
/// The list is closed. Exponents and limits are those that the payment provider
/// publishes (example: <https://docs.stripe.com/currencies>). Configuration chooses which
/// of these currencies a deployment accepts.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Currency {
    /// Australian dollar.
    Aud,
    /// Canadian dollar.
    Cad,
    /// Swiss franc.
    Chf,
    /// Danish krone.
    Dkk,
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// Japanese yen, which has no minor unit.
    Jpy,
    /// Norwegian krone.
    Nok,
    /// Swedish krona.
    Sek,
    /// United States dollar.
    Usd,
}

impl Currency {
    /// Every currency.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The ISO 4217 code, in capitals.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Finds a currency by its ISO 4217 code, in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    /// How many digits of an amount are behind the decimal point.
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Jpy => 0,
            _ => 2,
        }
    }

    /// The minimum amount of a charge, in minor units.
    pub const fn min_amount(self) -> u64 {
        match self {
            Self::Gbp => 30,
            Self::Dkk => 250,
            Self::Nok | Self::Sek => 300,
            _ => 50,
        }
    }

    /// The maximum amount of a charge, in minor units: eight digits.
    pub const fn max_amount(self) -> u64 {
        99_999_999
    }
}

/// An amount in minor units of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    amount: u64,
    currency: Currency,
}

/// Why an amount cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts in two currencies cannot be added.
    #[error("amounts in {} and {} cannot be added", .0.code(), .1.code())]
    MixedCurrencies(Currency, Currency),
    /// The result does not fit into 64 bits.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// An amount in minor units of a currency.
    pub const fn new(amount_minor: u64, currency: Currency) -> Self {
        Self { amount: amount_minor, currency }
    }

    /// The amount in minor units.
    pub const fn amount_minor(self) -> u64 {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge)?;
        Ok(Self::new(amount, self.currency))
    }

    /// The price of a quantity.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn checked_mul(self, quantity: Quantity) -> Result<Self, MoneyError> {
        let amount =
            self.amount.checked_mul(u64::from(quantity.get())).ok_or(MoneyError::TooLarge)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Whether the amount is within the limits of its currency.
    pub fn is_chargeable(self) -> bool {
        (self.currency.min_amount()..=self.currency.max_amount()).contains(&self.amount)
    }
}

impl std::fmt::Display for Money {
    /// With the decimal point of its currency: `12.50 USD`, `1200 JPY`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = 10_u64.pow(self.currency.exponent());
        let (major, minor) = (self.amount / unit, self.amount % unit);
        match self.currency.exponent() {
            0 => write!(f, "{major} {}", self.currency.code()),
            digits => {
                write!(
                    f,
                    "{major}.{minor:0width$} {}",
                    self.currency.code(),
                    width = digits as usize
                )
            }
        }
    }
}

/// The quantity of a line: 1 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(std::num::NonZeroU32);

/// The number is not from 1 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 999")]
pub struct InvalidQuantity;

impl Quantity {
    /// The maximum quantity of a line.
    pub const MAX: u32 = 999;

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(number: u32) -> Result<Self, InvalidQuantity> {
        let number = std::num::NonZeroU32::new(number).ok_or(InvalidQuantity)?;
        if number.get() <= Self::MAX { Ok(Self(number)) } else { Err(InvalidQuantity) }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: u64) -> Money {
        Money::new(amount, Currency::Usd)
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(usd(250).checked_add(usd(50)), Ok(usd(300)));
        assert_eq!(usd(u64::MAX).checked_add(usd(1)), Err(MoneyError::TooLarge));
        assert_eq!(
            usd(1).checked_add(Money::new(1, Currency::Eur)),
            Err(MoneyError::MixedCurrencies(Currency::Usd, Currency::Eur))
        );
        assert_eq!(usd(250).checked_mul(3.try_into().unwrap()), Ok(usd(750)));
        assert_eq!(usd(u64::MAX).checked_mul(2.try_into().unwrap()), Err(MoneyError::TooLarge));
    }

    #[test]
    fn an_amount_within_the_limits_is_chargeable() {
        assert!(!usd(49).is_chargeable());
        assert!(usd(50).is_chargeable());
        assert!(usd(99_999_999).is_chargeable());
        assert!(!usd(100_000_000).is_chargeable());
    }

    #[test]
    fn money_is_written_with_the_decimal_point_of_its_currency() {
        assert_eq!(usd(1205).to_string(), "12.05 USD");
        assert_eq!(Money::new(1200, Currency::Jpy).to_string(), "1200 JPY");
    }

    #[test]
    fn a_quantity_is_from_1_to_999() {
        for bad in [0, 1000, u32::MAX] {
            assert_eq!(Quantity::try_from(bad), Err(InvalidQuantity), "{bad}");
        }
        assert_eq!(Quantity::try_from(999).map(Quantity::get), Ok(999));
    }

    #[test]
    fn a_currency_is_found_by_its_exact_code() {
        for currency in Currency::ALL {
            assert_eq!(Currency::from_code(currency.code()), Some(*currency));
            assert_eq!(serde_json::to_value(currency).unwrap(), currency.code());
        }
        for code in ["usd", "XXX", ""] {
            assert_eq!(Currency::from_code(code), None, "{code}");
        }
    }
}
