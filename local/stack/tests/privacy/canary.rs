//! The marker texts: what the test puts into an order, and how it searches for them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

/// The note of an operator.
pub(crate) const NOTE: &str = "Canaria Quillfeather called: it is a gift for a budgerigar";
/// A card number. The product never accepts one.
pub(crate) const CARD: &str = "4242424242424242";

/// The token of a payment method. The Stripe emulator accepts any token of this form.
pub(crate) const TOKEN: &str = "pm_1CanaryPlumage42";

/// What must never be found: for each private field a word, in lower case, that occurs
/// nowhere else.
const WORDS: [(&str, &str); 13] = [
    ("name", "quillfeather"),
    ("email", "mailbird"),
    ("street", "roostlane"),
    ("second street line", "nestbox"),
    ("city", "birdhaven"),
    ("phone", "4155550177"),
    ("payment method", "canaryplumage"),
    ("test payment method", "pm_card_"),
    ("payment customer", "canarysong"),
    ("note", "budgerigar"),
    ("card number", CARD),
    ("card number with spaces", "4242 4242"),
    ("secret key of the payment provider", "sk_test_"),
];

/// What the record of an order must contain.
pub(crate) const ON_RECORD: [(&str, &str); 9] = [
    ("name", "Quillfeather"),
    ("email", "mailbird"),
    ("street", "Roostlane"),
    ("second street line", "Nestbox"),
    ("city", "Birdhaven"),
    ("phone", "4155550177"),
    ("payment method", "CanaryPlumage"),
    ("payment customer", "canarysong"),
    ("note", "budgerigar"),
];

/// What the providers must have received. Stripe replaces the payment method's name.
pub(crate) const AT_PROVIDERS: [(&str, &str); 5] = [
    ("name", "Quillfeather"),
    ("street", "Roostlane"),
    ("city", "Birdhaven"),
    ("phone", "4155550177"),
    ("payment customer", "canarysong"),
];

/// Puts the markers into an order. A test card with a special outcome stays.
pub(crate) fn put_into(order: &mut Value) {
    order["customer"] = json!({
        "name": "Canaria Quillfeather",
        "email": "canaria.mailbird@example.com",
        "phone": "+14155550177",
    });
    let address = &mut order["shippingAddress"];
    address["street1"] = json!("17 Roostlane");
    address["street2"] = json!("Nestbox 4");
    address["city"] = json!("Birdhaven");
    let plain = ["pm_card_visa", "pm_card_mastercard"];
    if plain.iter().any(|card| order["paymentMethod"] == *card) {
        order["paymentMethod"] = json!(TOKEN);
    }
    order["paymentCustomer"] = json!("cus_canarysong");
}

/// The texts that were searched, and the places in which a marker was found.
#[derive(Default)]
pub(crate) struct Search {
    texts: BTreeMap<String, usize>,
    found: BTreeSet<String>,
}

impl Search {
    /// Searches a text for the markers, in any case, percent-encoded or in base64.
    pub(crate) fn search(&mut self, place: &str, text: &str) {
        *self.texts.entry(place.to_owned()).or_default() += 1;
        let lower = text.to_lowercase();
        for (what, word) in WORDS {
            if let Some(at) = lower.find(word) {
                self.found.insert(format!("{what} in {place}: …{}…", around(&lower, at)));
            }
        }
        for (what, encoded) in in_base64() {
            if text.contains(&encoded) {
                self.found.insert(format!("{what} in base64 in {place}"));
            }
        }
    }

    /// Fails if a marker was found.
    pub(crate) fn assert_clean(&self) {
        println!("searched: {:?}", self.texts);
        let found: Vec<_> = self.found.iter().map(String::as_str).collect();
        assert!(found.is_empty(), "markers were found:\n{}", found.join("\n"));
    }

    /// Fails if fewer texts than expected were searched in a place.
    pub(crate) fn assert_searched(&self, place: &str, min_texts: usize) {
        let searched = self.texts.get(place).copied().unwrap_or(0);
        assert!(searched >= min_texts, "only {searched} of {min_texts} texts in {place}");
    }
}

/// Returns the text around an offset.
fn around(text: &str, at: usize) -> String {
    let from = text.char_indices().map(|(i, _)| i).rfind(|i| *i + 60 <= at).unwrap_or(0);
    text.get(from..).unwrap_or_default().chars().take(140).collect()
}

/// Encodes each marker in base64. A marker may begin at any of three offsets of a base64
/// group; of each, only the characters that do not depend on the neighboring text are kept.
fn in_base64() -> Vec<(&'static str, String)> {
    let mut encoded = Vec::new();
    for (what, word) in ON_RECORD {
        for shift in 0..3 {
            let text = format!("{}{word}", " ".repeat(shift));
            let code = STANDARD_NO_PAD.encode(text);
            let inner = code.get(4 * usize::from(shift > 0)..code.len() - 2).unwrap_or_default();
            if inner.len() >= 6 {
                encoded.push((what, inner.to_owned()));
            }
        }
    }
    encoded
}

#[test]
fn a_marker_is_found_in_every_encoding() {
    let check = |text: &str, expected: bool| {
        let mut search = Search::default();
        search.search("a place", text);
        assert_eq!(!search.found.is_empty(), expected, "{text}");
    };
    check("no marker: Ada Lovelace, pm_, 94107, 4242", false);
    check("name: CANARIA QUILLFEATHER", true);
    check("?q=Canaria%20Quillfeather", true);
    check("{\"email\":\"canaria.mailbird@example.com\"}", true);
    check("paid with 4242 4242 4242 4242", true);
    for before in ["", "a", "ab"] {
        check(&STANDARD_NO_PAD.encode(format!("{before} at 17 Roostlane, Birdhaven")), true);
    }
}
