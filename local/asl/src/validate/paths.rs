//! Whether a text is a path or a call, as far as AWS asks when a machine is
//! created.
//!
//! The parsers are those that the engine reads with (`crate::paths`,
//! `crate::intrinsics`). Two things differ at creation. What stands in a filter,
//! `[?(…)]`, or in a script, `[(…)]`, is not looked at: machines with filters that
//! cannot be evaluated are deployed, and fail when they run. And a call begins
//! with its first character: no space before it.

use crate::paths::ReferencePath;
use crate::template::PathOrCall;

/// What is written deeper than this could not be read again as JSON.
const DEEPEST: usize = 128;

/// Which roots a reference path may have beside `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Roots {
    /// Only the input: what is written to.
    Input,
    /// The input and variables: `$name`.
    Variables,
    /// The input, variables and the context object: `$$`.
    All,
}

/// Whether a text is a path that is read.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('$') && is_source(text)
}

/// Whether a text is a path that is read, or the call of an intrinsic function.
pub(super) fn is_source(text: &str) -> bool {
    !text.starts_with(char::is_whitespace)
        && (PathOrCall::parse(text).is_ok()
            || without_filters(text).is_some_and(|text| PathOrCall::parse(&text).is_ok()))
}

/// Why a text does not lead to one place, in AWS's words after `Value is not a
/// Reference Path`.
pub(super) fn read_reference(text: &str, roots: Roots) -> Result<(), String> {
    let Some(rest) = text.strip_prefix('$') else {
        return Err(": Reference path didn't start with '$'".to_owned());
    };
    let steps = match rest.strip_prefix('$') {
        Some(steps) if roots == Roots::All => steps,
        Some(_) => return Err(String::new()),
        None => {
            let (name, steps) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            if !name.is_empty() && (roots == Roots::Input || !is_variable_name(name)) {
                return Err(String::new());
            }
            steps
        }
    };
    if roots == Roots::Input && steps.matches(['.', '[']).count() > DEEPEST {
        return Err(format!(": it has more than {DEEPEST} steps"));
    }
    match ReferencePath::parse(&format!("${steps}")) {
        Ok(_) => Ok(()),
        Err(reason) => Err(format!(": {reason}")),
    }
}

/// Whether a variable may have this name: a Unicode identifier of at most 80
/// characters.
pub(super) fn is_variable_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    starts && goes_on && name.chars().count() <= 80
}

/// The text with an index for every filter and script; none if it has none, or
/// one that does not end.
fn without_filters(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    let mut found = false;
    loop {
        let (kept, after) = take_while_unquoted(rest, is_filter);
        plain.push_str(kept);
        if after.is_empty() {
            return found.then_some(plain);
        }
        plain.push_str("[0]");
        found = true;
        rest = end_of_brackets(after)?;
    }
}

fn is_filter(ahead: &str) -> bool {
    ahead.starts_with("[?") || ahead.starts_with("[(")
}

/// Cuts a text where `stop` holds of what lies ahead, outside of quotes.
fn take_while_unquoted(text: &str, stop: impl Fn(&str) -> bool) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        let (kept, ahead) = text.split_at(at);
        if !quoted && stop(ahead) {
            return (kept, ahead);
        }
        quoted ^= c == '\'' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    (text, "")
}

/// What follows the bracket that closes the one at the beginning.
fn end_of_brackets(text: &str) -> Option<&str> {
    let (mut open, mut quoted) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '[' if !quoted => open += 1,
            ']' if !quoted => {
                open -= 1;
                if open == 0 {
                    return text.get(at + 1..);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_path_leads_to_one_place_from_a_root_that_its_field_allows() {
        for (text, roots, expected) in [
            ("$", Roots::Input, true),
            ("$.a.b[0]", Roots::Input, true),
            ("$foo", Roots::Input, false),
            ("$foo.bar", Roots::Variables, true),
            ("$$.Execution.Id", Roots::Variables, false),
            ("$$.Execution.Id", Roots::All, true),
            ("a.b", Roots::All, false),
            ("States.Format('x')", Roots::All, false),
        ] {
            assert_eq!(read_reference(text, roots).is_ok(), expected, "{text} {roots:?}");
        }
    }

    #[test]
    fn what_stands_in_a_filter_is_not_looked_at() {
        for (text, expected) in [
            ("$.a[?(@.b == C)].d", true),
            ("$.a[?(@.b[0] == 'x]')].d[?(@.e == F)]", true),
            ("$[(@.length-1)].bar", true),
            ("States.ArrayGetItem($.a[?(@.b == C)].d, 0)", true),
            ("States.Format('[?({}', $.a)", true),
            ("$.a[?(@.b == C", false),
            (" States.UUID()", false),
            ("ipsum", false),
            ("", false),
        ] {
            assert_eq!(is_source(text), expected, "{text}");
        }
    }
}
