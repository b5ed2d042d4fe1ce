//! Compares, rounds and prints numbers as Step Functions, a Java program, does.
//!
//! Integers are not converted to doubles, except to compare an integer with a double.

use std::cmp::Ordering;

use serde_json::Number;

/// Compares two numbers of any kind.
pub(crate) fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The nearest integer, halves upward: Java's `Math.round`.
pub(crate) fn round(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().map(round_half_up))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "Math.round saturates where a long cannot hold the value, as this cast does"
)]
fn round_half_up(value: f64) -> i64 {
    // `f64::round` rounds halves away from zero; Java rounds them up.
    let rounded = value.round() as i64;
    let negative_half = value.fract().to_bits() == (-0.5_f64).to_bits();
    if negative_half { rounded + 1 } else { rounded }
}

/// The number as Java prints it: `1`, `1.5`, `1.0E10`.
pub(crate) fn text(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(value) => double(value),
        None => number.to_string(),
    }
}

/// Java's `Double.toString`: plain between 0.001 and ten million, otherwise with an exponent.
fn double(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn halves_are_rounded_up_on_both_sides_of_zero() {
        let check = |text: &str, expected: i64| assert_eq!(round(&number(text)), Some(expected));
        check("1.49", 1);
        check("1.5", 2);
        check("2.5", 3);
        check("-0.5", 0);
        check("-1.5", -1);
        check("-1.51", -2);
        check("-2.5", -2);
        check("0.49999999999999994", 0);
        check("1e300", i64::MAX);
        check("7", 7);
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        let check = |json: &str, expected: &str| assert_eq!(text(&number(json)), expected);
        check("1", "1");
        check("1.0", "1.0");
        check("-1.25", "-1.25");
        check("0.001", "0.001");
        check("0.0001", "1.0E-4");
        check("12345678.5", "1.23456785E7");
        check("1e21", "1.0E21");
        check("9999999.0", "9999999.0");
    }

    #[test]
    fn an_integer_equals_the_double_of_the_same_value() {
        let check = |left: &str, right: &str, expected: Ordering| {
            assert_eq!(compare(&number(left), &number(right)), Some(expected));
        };
        check("1", "1.0", Ordering::Equal);
        check("0", "-0.0", Ordering::Equal);
        check("9007199254740993", "9007199254740992", Ordering::Greater);
        check("-1", "18446744073709551615", Ordering::Less);
        check("1.5", "2", Ordering::Less);
    }
}
