//! Address checks of a new shipment: required fields, and addresses that cannot exist.

use serde_json::{Map, Value};

use super::error::ApiError;

/// The states of the United States, its territories, and the armed forces' postal codes.
const STATES: &str = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ \
                      NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP";

/// The lowest ZIP code in use.
const FIRST_ZIP: u32 = 501;

/// Checks an address; `field` is `to_address` or `from_address`.
pub(super) fn check<'a>(value: &'a Value, field: &str) -> Result<&'a Map<String, Value>, ApiError> {
    let address = value
        .as_object()
        .filter(|address| !address.is_empty())
        .ok_or_else(|| ApiError::required(field))?;
    for name in ["street1", "city", "country"] {
        if text(address, name).is_none() {
            return Err(ApiError::required(&format!("{field}.{name}")));
        }
    }
    if text(address, "name").is_none() && text(address, "company").is_none() {
        return Err(ApiError::required(&format!("{field}.name")));
    }
    let country = text(address, "country").unwrap_or("");
    if country.len() != 2 || !country.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(ApiError::address_not_found());
    }
    if country == "US" && !is_us_address(address) {
        return Err(ApiError::address_not_found());
    }
    Ok(address)
}

fn is_us_address(address: &Map<String, Value>) -> bool {
    let state = text(address, "state")
        .is_none_or(|state| STATES.split_whitespace().any(|known| known == state));
    state && text(address, "zip").is_some_and(is_zip)
}

/// A ZIP code: five digits, or nine with a hyphen after the fifth.
fn is_zip(zip: &str) -> bool {
    let (five, four) = zip.split_once('-').map_or((zip, None), |(five, four)| (five, Some(four)));
    let digits =
        |text: &str, count: usize| text.len() == count && text.chars().all(|c| c.is_ascii_digit());
    digits(five, 5)
        && four.is_none_or(|four| digits(four, 4))
        && five.parse().is_ok_and(|number: u32| number >= FIRST_ZIP)
}

/// A field that is present and not blank.
pub(super) fn text<'a>(address: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    address.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}
