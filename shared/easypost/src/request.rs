//! EasyPost's request bodies.
//!
//! A request contains only what EasyPost needs to ship: no email address and no contents
//! of the parcel. Source: <https://docs.easypost.com/docs/shipments>.

use domain::shipment::{Address, Parcel, ShipFrom};
use serde_json::{Map, Number, Value, json};

/// The body that creates a shipment.
pub(crate) fn create_shipment(parcel: &Parcel, ship_from: &ShipFrom) -> Value {
    let to_phone = parcel.to_phone.as_ref().map(|phone| phone.expose().as_str());
    json!({ "shipment": {
        "reference": parcel.reference,
        "from_address": address(&ship_from.name, Some(&ship_from.phone), &ship_from.address),
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

/// The weight in ounces, in tenths, rounded up, at least 0.1. A parcel that is declared
/// too light is charged again later.
///
/// An ounce is 28.349523125 g, so a tenth is 2,834,952,312.5 ng. Doubling both sides of
/// the division keeps them whole.
fn ounces(grams: u64) -> Number {
    let tenths = (u128::from(grams) * 2_000_000_000).div_ceil(5_669_904_625).max(1);
    let decimal = format!("{}.{}", tenths / 10, tenths % 10);
    // Digits, a point and a digit are always a number.
    decimal.parse().unwrap_or_else(|_| Number::from(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_become_tenths_of_an_ounce_rounded_up() {
        let check = |grams, expected: &str| assert_eq!(ounces(grams).to_string(), expected);
        check(0, "0.1");
        check(1, "0.1");
        check(2, "0.1");
        check(3, "0.2");
        check(28, "1.0");
        check(29, "1.1");
        check(880, "31.1");
        // 10,000 oz are 283,495.23125 g.
        check(283_495, "10000.0");
        check(283_496, "10000.1");
        check(u64::from(u32::MAX) * 50 * 999, "7567450621279.2");
    }
}
