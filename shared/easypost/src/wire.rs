//! EasyPost's shipments as JSON: only the fields that the product reads.
//!
//! Sources: <https://docs.easypost.com/docs/shipments>, its pages on rates and on trackers.

use domain::Currency;
use domain::shipment::{LabelRefundState, ProviderShipment, Rate};
use serde::Deserialize;
use serde_json::Value;

use crate::ids::{rate_id, shipment_id};

/// A shipment.
#[derive(Deserialize)]
pub(crate) struct WireShipment {
    id: String,
    #[serde(default)]
    rates: Vec<WireRate>,
    #[serde(default)]
    tracking_code: Option<String>,
    #[serde(default)]
    postage_label: Option<Value>,
    #[serde(default)]
    tracker: Option<WireTracker>,
    #[serde(default)]
    refund_status: Option<String>,
}

#[derive(Deserialize)]
struct WireTracker {
    #[serde(default)]
    tracking_code: Option<String>,
    #[serde(default)]
    public_url: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct WireRate {
    id: String,
    carrier: String,
    service: String,
    rate: String,
    currency: String,
    #[serde(default)]
    delivery_days: Option<u32>,
    #[serde(default)]
    est_delivery_days: Option<u32>,
}

impl WireShipment {
    /// The domain's shipment; `None` if it is malformed.
    pub(crate) fn parse(self) -> Option<ProviderShipment> {
        let refund = match self.refund_status.as_deref() {
            None => LabelRefundState::NotRequested,
            Some("submitted") => LabelRefundState::Submitted,
            Some("refunded") => LabelRefundState::Refunded,
            // `not_applicable` will not be refunded either, so an operator must act.
            Some("rejected" | "not_applicable") => LabelRefundState::Rejected,
            Some(_) => return None,
        };
        let (tracker_code, url, tracking) = match self.tracker {
            Some(tracker) => {
                (tracker.tracking_code, tracker.public_url, tracker.status.and_then(tracking_word))
            }
            None => (None, None, None),
        };
        let bought = match self.postage_label {
            // A label without a tracking code is malformed.
            Some(_label) => Some((self.tracking_code.or(tracker_code)?, url)),
            None => None,
        };
        Some(ProviderShipment {
            id: shipment_id(self.id)?,
            rates: self.rates.into_iter().filter_map(WireRate::parse).collect(),
            bought,
            refund,
            tracking,
        })
    }
}

/// The tracking status, if it is known and a single word: the customer reads it.
fn tracking_word(status: String) -> Option<String> {
    let is_word = (1..=32).contains(&status.len())
        && status.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Some(status).filter(|status| is_word && status != "unknown")
}

impl WireRate {
    /// The domain's rate; `None` if its currency or price is not supported.
    fn parse(self) -> Option<Rate> {
        let currency = Currency::from_code(&self.currency)?;
        Some(Rate {
            id: rate_id(self.id)?,
            carrier: self.carrier,
            service: self.service,
            price_minor: minor_units(&self.rate, currency.exponent())?,
            delivery_days: self.delivery_days.or(self.est_delivery_days),
        })
    }
}

/// A decimal amount in minor units, rounded up.
fn minor_units(decimal: &str, exponent: u32) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let places = usize::try_from(exponent).ok()?;
    let minor_digits: String =
        fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    let has_remainder = fraction.bytes().skip(places).any(|digit| digit != b'0');
    let minor: u64 = format!("{whole}{minor_digits}").parse().ok()?;
    minor.checked_add(u64::from(has_remainder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_parsed_exactly_and_never_rounded_down() {
        let check =
            |text, exponent, expected| assert_eq!(minor_units(text, exponent), expected, "{text}");
        check("34.15", 2, Some(3415));
        check("6.07", 2, Some(607));
        check("6.7", 2, Some(670));
        check("6", 2, Some(600));
        check("0.00000", 2, Some(0));
        check("6.0701", 2, Some(608));
        check("1200", 0, Some(1200));
        check("1200.00", 0, Some(1200));
        check("1200.5", 0, Some(1201));
        check("184467440737095516.16", 2, None);
        for bad in ["", ".", "5.", ".5", "-1.00", "1e3", "1,00", "1.0.0", "٣.00"] {
            check(bad, 2, None);
        }
    }
}
