//! Finds card numbers in text.
//!
//! The browser replaces cards with tokens. A card number that arrives here anyway is
//! refused before anything is logged or stored.

/// The maximum number of digits in a card number.
const MAX_DIGITS: usize = 19;
/// The minimum number of digits in a card number.
const MIN_DIGITS: usize = 13;

/// Whether the text contains a card number: 13 to 19 digits that pass the Luhn check,
/// with any spaces and hyphens between them.
///
/// Every sequence of adjacent digit groups is checked, so a card number is found next
/// to another number too.
pub(crate) fn is_in(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && !is_separator(c)).any(|run| {
        let groups: Vec<_> = run.split(is_separator).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|start| starts_with_card(groups.iter().skip(start)))
    })
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

/// Spaces and hyphens of every kind, as people type and paste them.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{00ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
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
