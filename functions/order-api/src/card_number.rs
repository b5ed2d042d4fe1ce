//! Finds card numbers in text.
//!
//! The browser replaces cards with tokens. A card number that arrives here anyway is
//! refused before anything is logged or stored.

use crate::invisible::is_invisible;

/// The maximum number of digits in a card number.
const MAX_DIGITS: usize = 19;
/// The minimum number of digits in a card number.
const MIN_DIGITS: usize = 13;

/// Whether the text contains a card number: 13 to 19 digits of any script that pass the Luhn
/// check, with any spaces, hyphens, dots and invisible characters between them.
///
/// Every sequence of adjacent digit groups is checked, so a card number is found next
/// to another number too.
pub(crate) fn is_in(text: &str) -> bool {
    let text: String = text.chars().map(|c| digit(c).map_or(c, char::from)).collect();
    text.split(|c: char| !c.is_ascii_digit() && !is_separator(c)).any(|run| {
        let groups: Vec<_> = run.split(is_separator).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|start| starts_with_card(groups.iter().skip(start)))
    })
}

/// The digit zero of each script: the nine code points after it are the digits 1 to 9.
/// Source: the Unicode Character Database 14.0.0, general category Nd.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
    0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,
    0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
    0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0,
    0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The ASCII digit of a decimal digit of any script.
fn digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    let zero = ZEROS.iter().rev().find(|zero| **zero <= code)?;
    u8::try_from(code - zero).ok().filter(|value| *value < 10).map(|value| b'0' + value)
}

fn starts_with_card<'a>(groups: impl Iterator<Item = &'a &'a str>) -> bool {
    let mut digits = Vec::with_capacity(MAX_DIGITS);
    for group in groups {
        if digits.len() + group.len() > MAX_DIGITS {
            return false;
        }
        digits.extend(group.bytes().map(|byte| byte - b'0'));
        if digits.len() >= MIN_DIGITS && passes_luhn(&digits) {
            return true;
        }
    }
    false
}

/// Whether the text is a phone number in `+` form: `+` and at most 15 digits
/// (E.164), with spaces, hyphens, dots or parentheses between them.
pub(crate) fn is_international_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else { return false };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (1..=15).contains(&digits)
        && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'(' | b')'))
}

/// Spaces, hyphens and dots of every kind, as people type and paste them, and invisible
/// characters.
fn is_separator(c: char) -> bool {
    let is_hyphen = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}');
    let is_dot = matches!(c, '.' | '\u{b7}' | '\u{2022}' | '\u{2024}' | '\u{3002}' | '\u{ff0e}');
    c.is_whitespace() || is_hyphen || is_dot || is_invisible(c)
}

/// The check of ISO/IEC 7812-1: from the right, every second digit is doubled.
fn passes_luhn(digits: &[u8]) -> bool {
    let weigh = |(place, digit): (usize, &u8)| match (place % 2, digit * 2) {
        (0, _) => u32::from(*digit),
        (_, doubled) if doubled > 9 => u32::from(doubled - 9),
        (_, doubled) => u32::from(doubled),
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_found_in_any_notation() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242  -  4242 4242 - 4242",
            "4242\u{00a0}4242\u{2011}4242\u{2009}4242",
            "4242.4242.4242.4242",
            "4242\u{b7}4242\u{2022}4242\u{ff0e}4242",
            "4242\u{200b}4242\u{2060}4242\u{feff}4242",
            "\u{ff14}\u{ff12}\u{ff14}\u{ff12}\u{ff14}\u{ff12}\u{ff14}\u{ff12}4242 4242",
            "\u{664}\u{662}\u{664}\u{662} \u{664}\u{662}\u{664}\u{662} 4242\u{968}\u{966} 4242 4242 4242 4242",
            "\u{1d7d2}\u{1d7d0}42 4242 4242 4242",
            "my card is 4242424242424242, thanks",
            "pay 3 with 4242 4242 4242 4242 12 26",
            "378282246310005",
            "6011000990139424",
            "4222222222222",
            "6304000000000000000",
        ] {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn other_digits_are_not_a_card_number() {
        for text in [
            "",
            "4242424242424241",
            "424242424242",
            "42424242424242424242",
            "2026-11-23T04:00:00Z",
            "4242,4242,4242,4242",
            "pm_1PqLx42424242abc4242",
            "9400100000000000000000",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn a_phone_number_in_plus_form_has_at_most_15_digits() {
        for phone in ["+14155550123", "+1 (415) 555-0123", "+49 89 1234.5678", "+424242424242424"] {
            assert!(is_international_phone(phone), "{phone}");
        }
        for other in ["14155550123", "+", "+1415555ext1", "+4242424242424242", "+1,2"] {
            assert!(!is_international_phone(other), "{other}");
        }
    }
}
