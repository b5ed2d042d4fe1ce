//! EasyPost's shipments as JSON: only the fields that the product reads.
//!
//! Sources: <https://docs.easypost.com/docs/shipments>, its pages on rates and on trackers.

use domain::shipment::{BoughtLabel, LabelRefundState, ProviderShipment, Rate, Tracking};
use domain::{Currency, Money};
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
    messages: Vec<WireMessage>,
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

/// What a carrier says in place of its rates.
#[derive(Deserialize)]
struct WireMessage {
    #[serde(default, rename = "type")]
    kind: Option<String>,
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
    /// Whether there are no rates because carriers failed to answer.
    pub(crate) fn is_unrated(&self) -> bool {
        let failed = |message: &WireMessage| message.kind.as_deref() == Some("rate_error");
        self.rates.is_empty() && self.messages.iter().any(failed)
    }

    /// The domain's shipment; `None` if it is malformed.
    pub(crate) fn parse(self) -> Option<ProviderShipment> {
        let refund = match self.refund_status.as_deref() {
            None => LabelRefundState::NotRequested,
            Some("submitted") => LabelRefundState::Submitted,
            Some("refunded") => LabelRefundState::Refunded,
            Some("rejected") => LabelRefundState::Rejected,
            Some("not_applicable") => LabelRefundState::NotApplicable,
            Some(_) => return None,
        };
        let (tracker_code, tracking_url, tracking) = match self.tracker {
            Some(tracker) => {
                (tracker.tracking_code, tracker.public_url, tracker.status.and_then(tracking))
            }
            None => (None, None, None),
        };
        let tracking_code = self.tracking_code.or(tracker_code);
        // The code and the printed label may each follow later. Both only exist for a label
        // that was bought.
        let is_bought = self.postage_label.is_some() || tracking_code.is_some();
        let bought = is_bought.then_some(BoughtLabel { tracking_code, tracking_url });
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
fn tracking(status: String) -> Option<Tracking> {
    let is_word = (1..=32).contains(&status.len())
        && status.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_failed = matches!(status.as_str(), "return_to_sender" | "failure");
    (is_word && status != "unknown").then_some(Tracking { word: status, is_failed })
}

impl WireRate {
    /// The domain's rate; `None` if its currency or price is not supported.
    fn parse(self) -> Option<Rate> {
        let currency = Currency::from_code(&self.currency)?;
        Some(Rate {
            id: rate_id(self.id)?,
            carrier: self.carrier,
            service: self.service,
            price: Money::new(minor_units(&self.rate, currency.exponent())?, currency),
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
