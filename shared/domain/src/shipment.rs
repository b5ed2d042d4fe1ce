//! The shipment of an order: what is on record, what the shipping provider offers, and
//! which rate is chosen ([`choose_rate`]).
//!
//! A shipment without a label costs nothing. A label that is bought is live until it is
//! refunded.

use serde::{Deserialize, Serialize};

use crate::{Private, RateId, ShipmentId, Timestamp};

/// The shipping service that the customer chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShippingService {
    /// The cheapest rate.
    Standard,
    /// The cheapest rate that delivers within two days.
    Express,
}

/// A postal address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// The first line of the street address.
    pub street1: String,
    /// The second line of the street address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street2: Option<String>,
    /// The city.
    pub city: String,
    /// The state or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The postal code.
    pub postal_code: String,
    /// The ISO 3166-1 alpha-2 code of the country.
    pub country: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[address]")
    }
}

/// The sender of every parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipFrom {
    /// The shop's name on the label.
    pub name: String,
    /// The shop's phone number, for the carrier.
    pub phone: String,
    /// The shop's address.
    pub address: Address,
}

/// The shipment on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    /// The only shipment of this order, stored before its label is bought.
    pub shipment_id: ShipmentId,
    /// The chosen rate.
    pub rate_id: RateId,
    /// The carrier, such as `USPS`.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The label, once bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The refund of the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<LabelRefund>,
    /// The tracking status, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

impl Shipment {
    /// Whether a label was bought and not refunded.
    pub const fn is_live(&self) -> bool {
        self.label.is_some() && self.refund.is_none()
    }
}

/// A label that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The tracking code, for the customer.
    pub tracking_code: String,
    /// The carrier's tracking page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The result of refunding a label, on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelRefund {
    /// The shipping provider accepted the request; the money comes later.
    Submitted,
    /// There was no label to refund.
    None,
    /// The shipping provider rejected the refund: an operator must act.
    Refused,
}

impl LabelRefund {
    /// The name in the function's output.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A parcel to ship.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The reference by which the shop finds the shipment: the order id.
    pub reference: crate::OrderId,
    /// The recipient.
    pub to_name: Private<String>,
    /// The recipient's phone number, for the carrier.
    pub to_phone: Option<Private<String>>,
    /// The recipient's address.
    pub to: Private<Address>,
    /// The weight, in grams.
    pub weight_grams: u64,
}

/// A shipment, as the shipping provider shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderShipment {
    /// Its id.
    pub id: ShipmentId,
    /// The rates on offer.
    pub rates: Vec<Rate>,
    /// The tracking code and tracking page of its label, if one was bought.
    pub bought: Option<(String, Option<String>)>,
    /// The refund of the label.
    pub refund: LabelRefundState,
    /// The tracking status in the provider's word, once there is one. Examples:
    /// `in_transit`, `delivered`, `return_to_sender`.
    pub tracking: Option<String>,
}

/// The state of the refund of a label at the shipping provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelRefundState {
    /// No refund was requested.
    NotRequested,
    /// Requested and not decided.
    Submitted,
    /// The label is refunded.
    Refunded,
    /// Rejected.
    Rejected,
}

/// A price for which a carrier takes a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Its id.
    pub id: RateId,
    /// The carrier, such as `USPS`.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The price, in minor units of its currency.
    pub price_minor: u64,
    /// The days until delivery, if known.
    pub delivery_days: Option<u32>,
}

/// The maximum days until delivery of an express parcel.
const EXPRESS_DAYS: u32 = 2;

/// Chooses the rate to buy: the cheapest that is fast enough; of equal ones, the first.
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
    fn standard_takes_the_cheapest_rate_and_express_the_cheapest_fast_one() {
        let rates = [
            rate("slow", 500, Some(5)),
            rate("fast", 900, Some(2)),
            rate("faster", 2500, Some(1)),
            rate("unspecified", 100, None),
        ];
        let check = |service, rates: &[Rate], expected: Option<&str>| {
            assert_eq!(choose_rate(service, rates).map(|r| r.service.as_str()), expected);
        };
        check(ShippingService::Standard, &rates, Some("unspecified"));
        check(ShippingService::Express, &rates, Some("fast"));
        check(ShippingService::Express, &rates[..1], None);
        check(ShippingService::Standard, &[], None);
    }
}
