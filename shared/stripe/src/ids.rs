//! The ids of Stripe's objects, by their prefix
//! ([the API's objects](https://docs.stripe.com/api/payment_intents/object)).
//!
//! To the domain an id is opaque. Here an id of another object is rejected, so that it
//! never becomes part of a request.

use domain::PaymentIntentId;

/// The id of a payment intent: `pi_…`. None for any other text.
pub(crate) fn payment_intent_id(text: String) -> Option<PaymentIntentId> {
    text.strip_prefix("pi_").filter(|rest| !rest.is_empty())?;
    PaymentIntentId::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_of_a_payment_intent_is_one() {
        let check = |text: &str, expected: bool| {
            assert_eq!(payment_intent_id(text.to_owned()).is_some(), expected, "{text}");
        };
        check("pi_3PgafyB7WZ01zgkW", true);
        check("pi_", false);
        check("shp_1", false);
        check("ch_1", false);
        check("pi_1/../cancel", false);
        check("pi_1 ", false);
        check("", false);
    }
}
