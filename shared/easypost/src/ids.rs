//! The ids of EasyPost's objects, by their prefix
//! ([the API's objects](https://docs.easypost.com/docs/shipments)).
//!
//! To the domain an id is opaque. Here an id of another object in a response or an
//! event is rejected, so that it is never stored and never becomes part of a request.

use domain::{RateId, ShipmentId};

/// The id of a shipment: `shp_…`. None for any other text.
pub(crate) fn shipment_id(text: String) -> Option<ShipmentId> {
    text.strip_prefix("shp_").filter(|rest| !rest.is_empty())?;
    ShipmentId::parse(text).ok()
}

/// The id of a rate: `rate_…`. None for any other text.
pub(crate) fn rate_id(text: String) -> Option<RateId> {
    text.strip_prefix("rate_").filter(|rest| !rest.is_empty())?;
    RateId::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_of_a_shipment_or_a_rate_is_one() {
        let check = |text: &str, is_shipment: bool, is_rate: bool| {
            assert_eq!(shipment_id(text.to_owned()).is_some(), is_shipment, "{text}");
            assert_eq!(rate_id(text.to_owned()).is_some(), is_rate, "{text}");
        };
        check("shp_24c6dfe0b0e24f4d8e8ca1c6c3e5b5f1", true, false);
        check("rate_24c6dfe0b0e24f4d8e8ca1c6c3e5b5f1", false, true);
        check("shp_", false, false);
        check("rate_", false, false);
        check("pi_1", false, false);
        check("shp_1/../buy", false, false);
        check("", false, false);
    }
}
