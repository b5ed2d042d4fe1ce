//! The carrier's JSON, as much of it as decides anything.

use domain::Currency;
use domain::shipment::{Address, LabelRefundState, Parcel, ProviderShipment, Rate, ShipFrom};
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use crate::ids::{rate_id, shipment_id};

/// The body that asks for a shipment. What the carrier does not need, it is not
/// told: no e-mail, no contents.
pub(super) fn new_shipment(parcel: &Parcel, from: &ShipFrom) -> Value {
    let to_phone = parcel.to_phone.as_ref().map(|phone| phone.expose().as_str());
    json!({ "shipment": {
        "reference": parcel.reference,
        "from_address": address(&from.name, Some(&from.phone), &from.address),
        "to_address": address(parcel.to_name.expose(), to_phone, parcel.to.expose()),
        "parcel": { "weight": ounces(parcel.weight_grams) },
    }})
}

fn address(name: &str, phone: Option<&str>, address: &Address) -> Value {
    let fields = [
        ("name", Some(name)),
        ("phone", phone),
        ("street1", Some(&address.street1)),
        ("street2", address.street2.as_deref()),
        ("city", Some(&address.city)),
        ("state", address.state.as_deref()),
        ("zip", Some(&address.postal_code)),
        ("country", Some(&address.country)),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
    Value::Object(given.collect::<Map<String, Value>>())
}

/// The weight in ounces, in whole tenths, rounded up and at least one: a parcel
/// that is declared too light is charged again later.
///
/// An ounce is 28.349523125 g, so a tenth of one is 2,834,952,312.5 ng; twice
/// both sides of the division keeps it whole.
pub(super) fn ounces(grams: u64) -> Number {
    let tenths = (u128::from(grams) * 2_000_000_000).div_ceil(5_669_904_625).max(1);
    let written = format!("{}.{}", tenths / 10, tenths % 10);
    // Digits, a point, a digit: always a number.
    written.parse().unwrap_or_else(|_| Number::from(u64::MAX))
}

/// A shipment.
#[derive(Deserialize)]
pub(super) struct WireShipment {
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
    /// The shipment in our words; none for one that makes no sense.
    pub(super) fn parse(self) -> Option<ProviderShipment> {
        let refund = match self.refund_status.as_deref() {
            None => LabelRefundState::NotRequested,
            Some("submitted") => LabelRefundState::Submitted,
            Some("refunded") => LabelRefundState::Refunded,
            // `not_applicable` too: it will not come back, so a person must look.
            Some("rejected" | "not_applicable") => LabelRefundState::Rejected,
            Some(_) => return None,
        };
        let (tracked, url, tracking) = match self.tracker {
            Some(tracker) => {
                (tracker.tracking_code, tracker.public_url, tracker.status.and_then(word))
            }
            None => (None, None, None),
        };
        let bought = match self.postage_label {
            // A label is sold with its tracking code; without one it is not done.
            Some(_label) => Some((self.tracking_code.or(tracked)?, url)),
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

/// Where a parcel is, if it is said and is nothing but a word: it goes into what
/// the customer reads.
fn word(status: String) -> Option<String> {
    let is_word = (1..=32).contains(&status.len())
        && status.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Some(status).filter(|status| is_word && status != "unknown")
}

impl WireRate {
    /// The rate in our words; none for one whose price we cannot read.
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

/// A decimal amount in minor units; what is finer than one is rounded up.
pub(super) fn minor_units(decimal: &str, exponent: u32) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let places = usize::try_from(exponent).ok()?;
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    let finer = fraction.bytes().skip(places).any(|digit| digit != b'0');
    let minor: u64 = format!("{whole}{kept}").parse().ok()?;
    minor.checked_add(u64::from(finer))
}

/// An error: `{"error": {code, message, errors}}`, whose items may be objects or
/// plain strings, or `{"error": "text"}`. Its texts are left out.
#[derive(Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    error: Value,
}

impl ErrorBody {
    /// The carrier's code.
    pub(super) fn code(&self) -> Option<&str> {
        self.error.get("code").and_then(Value::as_str)
    }

    /// What to say about it to an operator: the status and the code.
    pub(super) fn describe(&self, status: u16) -> String {
        let word = |text: &&str| {
            text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'.'))
        };
        match self.code().filter(word) {
            Some(code) => format!("answered {status} {code}"),
            None => format!("answered {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_become_ounces_in_tenths_rounded_up() {
        let check = |grams, expected: &str| assert_eq!(ounces(grams).to_string(), expected);
        check(0, "0.1");
        check(1, "0.1");
        check(2, "0.1");
        check(3, "0.2");
        check(28, "1.0");
        check(29, "1.1");
        check(880, "31.1");
        // 10,000 oz to the last tenth below and above: 283,495.23125 g.
        check(283_495, "10000.0");
        check(283_496, "10000.1");
        check(u64::from(u32::MAX) * 50 * 999, "7567450621279.2");
    }

    #[test]
    fn prices_are_read_without_floats_and_never_rounded_down() {
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
