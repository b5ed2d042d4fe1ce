//! The parcel: what is on record, what the carrier offers, and which rate is chosen.

use serde::{Deserialize, Serialize};

use crate::{Private, RateId, ShipmentId, Timestamp};

/// How fast the customer wants the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShippingService {
    /// The cheapest rate.
    Standard,
    /// The cheapest rate that delivers within two days.
    Express,
}

/// An address that a label can be printed for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// First line of the street.
    pub street1: String,
    /// Second line of the street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street2: Option<String>,
    /// City.
    pub city: String,
    /// State or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 code of two letters.
    pub country: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[address]")
    }
}

/// Where parcels are sent from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipFrom {
    /// The shop's name on the label.
    pub name: String,
    /// How the carrier can call the shop.
    pub phone: String,
    /// The shop's address.
    pub address: Address,
}

/// What is on record about the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    /// The one shipment of this order, stored before its label is bought.
    pub shipment_id: ShipmentId,
    /// The rate that was chosen.
    pub rate_id: RateId,
    /// Who carries it.
    pub carrier: String,
    /// By which service.
    pub service: String,
    /// The label, once it is bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What came of giving the label back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<LabelRefund>,
    /// Where the parcel was last seen, in the carrier's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

impl Shipment {
    /// Whether a label was bought and not given back.
    pub const fn is_live(&self) -> bool {
        self.label.is_some() && self.refund.is_none()
    }
}

/// A label that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The carrier's number, for the customer.
    pub tracking_code: String,
    /// The carrier's page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
    /// When we recorded it.
    pub at: Timestamp,
}

/// What came of giving the label back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelRefund {
    /// The carrier has taken the request; the money comes later.
    Submitted,
    /// There was no label to give back.
    None,
    /// The carrier will not take it back: a person must look.
    Refused,
}

impl LabelRefund {
    /// The word in the function's output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::None => "NONE",
            Self::Refused => "REFUSED",
        }
    }
}

/// What the carrier needs to know of a parcel.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The reference by which we find it again: the order id.
    pub reference: crate::OrderId,
    /// Who gets it.
    pub to_name: Private<String>,
    /// How the carrier can call them.
    pub to_phone: Option<Private<String>>,
    /// Where it goes.
    pub to: Private<Address>,
    /// What it weighs, in grams.
    pub weight_grams: u64,
}

/// A shipment as the carrier shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderShipment {
    /// Its id.
    pub id: ShipmentId,
    /// What it can be sent by.
    pub rates: Vec<Rate>,
    /// The label, if one was bought: tracking code and page.
    pub bought: Option<(String, Option<String>)>,
    /// How far the refund of the label is.
    pub refund: LabelRefundState,
    /// Where the parcel is, in the carrier's word, once it says anything:
    /// `in_transit`, `delivered`, `return_to_sender`…
    pub tracking: Option<String>,
}

/// How far the carrier's refund of a label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelRefundState {
    /// None was asked for.
    NotRequested,
    /// Asked for, and not decided.
    Submitted,
    /// The price of the label is back.
    Refunded,
    /// Refused.
    Rejected,
}

/// A price at which the carrier takes a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Its id.
    pub id: RateId,
    /// Who carries it.
    pub carrier: String,
    /// By which service.
    pub service: String,
    /// The price in minor units of the carrier's currency.
    pub price_minor: u64,
    /// Within how many days it is delivered, if the carrier says.
    pub delivery_days: Option<u32>,
}

/// An express parcel is there within this many days.
const EXPRESS_DAYS: u32 = 2;

/// The rate to buy: the cheapest that is fast enough; of equal ones, the first offered.
pub fn choose_rate(service: ShippingService, rates: &[Rate]) -> Option<&Rate> {
    rates
        .iter()
        .filter(|rate| match service {
            ShippingService::Standard => true,
            ShippingService::Express => rate.delivery_days.is_some_and(|d| d <= EXPRESS_DAYS),
        })
        .min_by_key(|rate| rate.price_minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(id: &str, price_minor: u64, delivery_days: Option<u32>) -> Rate {
        Rate {
            id: RateId::parse(id).unwrap(),
            carrier: "USPS".into(),
            service: id.into(),
            price_minor,
            delivery_days,
        }
    }

    #[test]
    fn standard_takes_the_cheapest_and_express_the_cheapest_that_is_fast() {
        let rates = [
            rate("rate_slow", 500, Some(5)),
            rate("rate_fast", 900, Some(2)),
            rate("rate_faster", 2500, Some(1)),
            rate("rate_silent", 100, None),
        ];
        let check = |service, rates: &[Rate], expected: Option<&str>| {
            assert_eq!(choose_rate(service, rates).map(|r| r.service.as_str()), expected);
        };
        check(ShippingService::Standard, &rates, Some("rate_silent"));
        check(ShippingService::Express, &rates, Some("rate_fast"));
        check(ShippingService::Express, &rates[..1], None);
        check(ShippingService::Standard, &[], None);
    }
}
