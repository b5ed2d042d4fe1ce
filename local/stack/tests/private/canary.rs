//! The canary: what is put into an order, and how it is looked for.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

/// What an operator writes about an order.
pub(crate) const NOTE: &str = "Canaria Quillfeather called: it is a gift for a budgerigar";
/// A card number that must never come here, as it is.
pub(crate) const CARD: &str = "4242424242424242";

/// The token of a card: the gateway takes any of this form for a plain one.
pub(crate) const TOKEN: &str = "pm_1CanaryPlumage42";

/// What must never be found, each by a word that stands nowhere else, in lower case.
const WORDS: [(&str, &str); 13] = [
    ("name", "quillfeather"),
    ("e-mail", "mailbird"),
    ("street", "roostlane"),
    ("second line of the street", "nestbox"),
    ("city", "birdhaven"),
    ("phone", "4155550177"),
    ("card's token", "canaryplumage"),
    ("test card's token", "pm_card_"),
    ("gateway's customer", "canarysong"),
    ("note", "budgerigar"),
    ("card number", CARD),
    ("card number with spaces", "4242 4242"),
    ("secret key of the gateway", "sk_test_"),
];

/// What must be in the record of an order.
pub(crate) const ON_RECORD: [(&str, &str); 9] = [
    ("name", "Quillfeather"),
    ("e-mail", "mailbird"),
    ("street", "Roostlane"),
    ("second line of the street", "Nestbox"),
    ("city", "Birdhaven"),
    ("phone", "4155550177"),
    ("card's token", "CanaryPlumage"),
    ("gateway's customer", "canarysong"),
    ("note", "budgerigar"),
];

/// What the providers must have been told; the gateway keeps its own name of the card.
pub(crate) const AT_PROVIDERS: [(&str, &str); 5] = [
    ("name", "Quillfeather"),
    ("street", "Roostlane"),
    ("city", "Birdhaven"),
    ("phone", "4155550177"),
    ("gateway's customer", "canarysong"),
];

/// Makes an order that of the canary. A card that does something of its own stays.
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

/// What was read, and where the canary was found in it.
#[derive(Default)]
pub(crate) struct Searched {
    texts: BTreeMap<String, usize>,
    found: BTreeSet<String>,
}

impl Searched {
    /// Looks for the canary in a text, as it is, in any case, percent-encoded or in
    /// base 64.
    pub(crate) fn read(&mut self, place: &str, text: &str) {
        *self.texts.entry(place.to_owned()).or_default() += 1;
        let lower = text.to_lowercase();
        for (what, word) in WORDS {
            if let Some(at) = lower.find(word) {
                self.found.insert(format!("{what} in {place}: …{}…", around(&lower, at)));
            }
        }
        for (what, coded) in in_base64() {
            if text.contains(&coded) {
                self.found.insert(format!("{what} in base 64 in {place}"));
            }
        }
    }

    /// Fails if the canary was found anywhere, or if less was read than must be there.
    pub(crate) fn judge(&self, least: &[(&str, usize)]) {
        println!("read: {:?}", self.texts);
        let found: Vec<_> = self.found.iter().map(String::as_str).collect();
        assert!(found.is_empty(), "the canary was found:\n{}", found.join("\n"));
        for (place, expected) in least {
            let read = self.texts.get(*place).copied().unwrap_or(0);
            assert!(read >= *expected, "only {read} of {expected} texts in {place}");
        }
    }
}

/// What stands around a place.
fn around(text: &str, at: usize) -> String {
    let from = text.char_indices().map(|(i, _)| i).rfind(|i| *i + 60 <= at).unwrap_or(0);
    text.get(from..).unwrap_or_default().chars().take(140).collect()
}

/// What each word, as it is written in an order, is part of in base 64: for each of the
/// three places at which it may begin, what does not depend on its neighbours.
fn in_base64() -> Vec<(&'static str, String)> {
    let mut coded = Vec::new();
    for (what, word) in ON_RECORD {
        for shift in 0..3 {
            let text = format!("{}{word}", " ".repeat(shift));
            let code = STANDARD_NO_PAD.encode(text);
            let inner = code.get(4 * usize::from(shift > 0)..code.len() - 2).unwrap_or_default();
            if inner.len() >= 6 {
                coded.push((what, inner.to_owned()));
            }
        }
    }
    coded
}

#[test]
fn the_canary_is_found_however_it_is_written() {
    let check = |text: &str, expected: bool| {
        let mut searched = Searched::default();
        searched.read("a place", text);
        assert_eq!(!searched.found.is_empty(), expected, "{text}");
    };
    check("nothing of it: Ada Lovelace, pm_, 94107, 4242", false);
    check("name: CANARIA QUILLFEATHER", true);
    check("?q=Canaria%20Quillfeather", true);
    check("{\"email\":\"canaria.mailbird@example.com\"}", true);
    check("paid with 4242 4242 4242 4242", true);
    for before in ["", "a", "ab"] {
        check(&STANDARD_NO_PAD.encode(format!("{before} at 17 Roostlane, Birdhaven")), true);
    }
}
