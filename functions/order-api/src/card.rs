//! Card numbers, wherever they stand: cards become tokens in the browser, and a
//! number that comes here all the same is refused before anything is logged.

/// The longest card number.
const LONGEST: usize = 19;

/// Whether a text holds a card number: 13 to 19 digits, spaces and hyphens
/// between them taken away, that pass the Luhn check.
///
/// Looked for in every row of neighbouring groups of digits, so that a number
/// is found also when another number stands before or after it.
pub fn is_in(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && !separates(c)).any(|run| {
        let groups: Vec<_> = run.split(separates).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|from| begin_a_card(groups.iter().skip(from)))
    })
}

fn begin_a_card<'a>(groups: impl Iterator<Item = &'a &'a str>) -> bool {
    let mut digits = Vec::with_capacity(LONGEST);
    for group in groups {
        if digits.len() + group.len() > LONGEST {
            return false;
        }
        digits.extend(group.bytes().map(|byte| byte - b'0'));
        if digits.len() >= 13 && passes_luhn(&digits) {
            return true;
        }
    }
    false
}

/// Whether a text is a phone number in `+` form: `+` and at most 15 digits
/// (E.164), with spaces, hyphens, dots or brackets between them.
pub fn is_plus_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else { return false };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (1..=15).contains(&digits)
        && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'(' | b')'))
}

/// Spaces and hyphens, as they are typed and as they are pasted.
fn separates(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{00ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The check of ISO/IEC 7812-1: from the right, every second digit doubled.
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
    fn a_card_number_is_found_however_it_is_written() {
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
    fn other_digits_are_no_card_number() {
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
            assert!(is_plus_phone(phone), "{phone}");
        }
        for other in ["14155550123", "+", "+1415555ext1", "+4242424242424242", "+1,2"] {
            assert!(!is_plus_phone(other), "{other}");
        }
    }
}
