//! The shipment of an order: what is on record, what the shipping provider offers, and
//! which rate is chosen ([`choose_rate`]).
//!
//! A shipment without a label costs nothing. A label that is bought is live until it is
//! refunded.

use serde::{Deserialize, Serialize};

use crate::policy::PostageCeiling;
use crate::{Currency, ErrorName, Money, Private, RateId, ShipmentId, StepError, Timestamp};

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
    /// The service that the carrier refused to sell before. The chosen rate is the second
    /// and last one that is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_service: Option<String>,
    /// The times at which a rejected refund of the label was submitted again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refund_resubmissions: Vec<Timestamp>,
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
    /// The carrier does not charge for a label that is never used: there is nothing to
    /// refund.
    #[strum(serialize = "NONE")]
    NotApplicable,
    /// An operator had the label kept: the shop bears the postage.
    Kept,
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
    /// Its label, if one was bought.
    pub bought: Option<BoughtLabel>,
    /// The refund of the label.
    pub refund: LabelRefundState,
    /// Where the parcel is, once the carrier says so.
    pub tracking: Option<Tracking>,
}

/// A bought label, as the shipping provider shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoughtLabel {
    /// The tracking code. A carrier may assign it some time after the purchase.
    pub tracking_code: Option<String>,
    /// The carrier's tracking page.
    pub tracking_url: Option<String>,
}

/// Where a parcel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// The provider's word. Examples: `in_transit`, `delivered`, `return_to_sender`.
    pub word: String,
    /// Whether the parcel comes back or cannot be delivered.
    pub is_failed: bool,
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
    /// Rejected. It may be submitted again.
    Rejected,
    /// Nothing is refunded, because nothing is charged for an unused label.
    NotApplicable,
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
    /// The price.
    pub price: Money,
    /// The days until delivery, if known.
    pub delivery_days: Option<u32>,
}

/// The maximum days until delivery of an express parcel.
const EXPRESS_DAYS: u32 = 2;

impl ShippingService {
    /// Whether a rate is fast enough.
    fn allows(self, rate: &Rate) -> bool {
        match self {
            Self::Standard => true,
            Self::Express => rate.delivery_days.is_some_and(|days| days <= EXPRESS_DAYS),
        }
    }
}

/// How to choose among the rates on offer.
#[derive(Debug, Clone, Copy)]
pub struct RateChoice<'a> {
    /// The service that the customer chose.
    pub service: ShippingService,
    /// The currency of the order.
    pub currency: Currency,
    /// What postage may cost at most.
    pub ceiling: &'a PostageCeiling,
    /// A service that the carrier refused to sell.
    pub refused_service: Option<&'a str>,
}

/// Chooses the rate to buy: the cheapest that is fast enough; of equal ones, the first.
///
/// Only rates in one currency are compared: in that of the order, or in that of the first
/// rate if none is in the order's.
///
/// # Errors
/// [`ErrorName::ShippingRejected`] if no rate is fast enough, or the cheapest is dearer
/// than the ceiling.
pub fn choose_rate<'a>(choice: &RateChoice<'_>, rates: &'a [Rate]) -> Result<&'a Rate, StepError> {
    let acceptable: Vec<&Rate> = rates
        .iter()
        .filter(|rate| choice.refused_service != Some(rate.service.as_str()))
        .filter(|rate| choice.service.allows(rate))
        .collect();
    let in_order_currency = acceptable.iter().find(|rate| rate.price.currency() == choice.currency);
    let rejected = |why: &str| ErrorName::ShippingRejected.with_detail(why);
    let currency = in_order_currency
        .or(acceptable.first())
        .ok_or_else(|| rejected("the provider offers no rate that is fast enough"))?
        .price
        .currency();
    let comparable = acceptable.into_iter().filter(|rate| rate.price.currency() == currency);
    comparable
        .min_by_key(|rate| rate.price.amount_minor())
        .filter(|rate| choice.ceiling.allows(rate.price))
        .ok_or_else(|| rejected("the cheapest rate is dearer than the postage ceiling"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn rate(id: &str, price_minor: u64, delivery_days: Option<u32>) -> Rate {
        Rate {
            id: RateId::parse(id).unwrap(),
            carrier: "USPS".into(),
            service: id.into(),
            price: Money::new(price_minor, Currency::Usd),
            delivery_days,
        }
    }

    fn in_euro(id: &str, price_minor: u64) -> Rate {
        Rate { price: Money::new(price_minor, Currency::Eur), ..rate(id, 0, Some(1)) }
    }

    /// The service of the rate that is chosen for an order in US dollars.
    fn chosen<'a>(
        service: ShippingService,
        ceiling: &PostageCeiling,
        refused_service: Option<&str>,
        rates: &'a [Rate],
    ) -> Option<&'a str> {
        let choice = RateChoice { service, currency: Currency::Usd, ceiling, refused_service };
        match choose_rate(&choice, rates) {
            Ok(rate) => Some(&rate.service),
            Err(error) => {
                assert_eq!(error.name, ErrorName::ShippingRejected);
                None
            }
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
            assert_eq!(chosen(service, &PostageCeiling::default(), None, rates), expected);
        };
        check(ShippingService::Standard, &rates, Some("unspecified"));
        check(ShippingService::Express, &rates, Some("fast"));
        check(ShippingService::Express, &rates[..1], None);
        check(ShippingService::Standard, &[], None);
    }

    #[test]
    fn a_rate_in_another_currency_is_never_compared_with_one_in_the_orders() {
        let check = |rates: &[Rate], expected| {
            let none = PostageCeiling::default();
            assert_eq!(chosen(ShippingService::Standard, &none, None, rates), expected);
        };
        check(&[in_euro("euro", 1), rate("dollar", 900, None)], Some("dollar"));
        // The shop's wallet may be in another currency than the order.
        check(&[in_euro("dear", 700), in_euro("cheap", 600)], Some("cheap"));
    }

    #[test]
    fn a_rate_above_the_ceiling_or_without_one_in_its_currency_is_rejected() {
        let ceiling = PostageCeiling(BTreeMap::from([(Currency::Usd, 900)]));
        let check = |rates: &[Rate], expected| {
            assert_eq!(chosen(ShippingService::Standard, &ceiling, None, rates), expected);
        };
        check(&[rate("at", 900, None)], Some("at"));
        check(&[rate("above", 901, None)], None);
        check(&[in_euro("euro", 1)], None);
    }

    #[test]
    fn a_service_that_was_refused_is_not_chosen_again() {
        let rates = [rate("first", 500, None), rate("second", 900, None)];
        let none = PostageCeiling::default();
        let again = |rates| chosen(ShippingService::Standard, &none, Some("first"), rates);
        assert_eq!(again(&rates), Some("second"));
        assert_eq!(again(&rates[..1]), None);
    }
}
