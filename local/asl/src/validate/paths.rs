//! Checks whether a string is a path or a call, as strictly as AWS does at creation.
//!
//! It uses the parsers of the engine (`crate::paths`, `crate::intrinsics`), with two differences.
//! AWS does not check the contents of filters, `[?(…)]`, and scripts, `[(…)]`, at creation: a state
//! machine with an invalid filter is created and fails when it runs. And no space may precede a
//! call.

use crate::paths::ReferencePath;
use crate::template::PathOrCall;

/// The maximum number of steps of a `ResultPath`; deeper data could not be parsed again.
const MAX_STEPS: usize = 128;

/// The roots that a reference path may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllowedRoots {
    /// Only the input: for paths that are written.
    Input,
    /// The input and variables: `$name`.
    Variables,
    /// The input, variables and the context object: `$$`.
    All,
}

/// Whether a string is a path.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('$') && is_path_or_call(text)
}

/// Whether a string is a path or a call of an intrinsic function.
pub(super) fn is_path_or_call(text: &str) -> bool {
    !text.starts_with(char::is_whitespace)
        && (PathOrCall::parse(text).is_ok()
            || without_filters(text).is_some_and(|text| PathOrCall::parse(&text).is_ok()))
}

/// Checks a reference path. The error is the rest of AWS's message after `Value is not a Reference
/// Path`.
pub(super) fn check_reference(text: &str, roots: AllowedRoots) -> Result<(), String> {
    let Some(rest) = text.strip_prefix('$') else {
        return Err(": Reference path didn't start with '$'".to_owned());
    };
    let steps = match rest.strip_prefix('$') {
        Some(steps) if roots == AllowedRoots::All => steps,
        Some(_) => return Err(String::new()),
        None => {
            let (name, steps) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            if !name.is_empty() && (roots == AllowedRoots::Input || !is_variable_name(name)) {
                return Err(String::new());
            }
            steps
        }
    };
    if roots == AllowedRoots::Input && steps.matches(['.', '[']).count() > MAX_STEPS {
        return Err(format!(": it has more than {MAX_STEPS} steps"));
    }
    match ReferencePath::parse(&format!("${steps}")) {
        Ok(_) => Ok(()),
        Err(reason) => Err(format!(": {reason}")),
    }
}

/// Whether a string is a variable name: a Unicode identifier of at most 80 characters.
pub(super) fn is_variable_name(name: &str) -> bool {
    let first_is_valid = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let rest_is_valid = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    first_is_valid && rest_is_valid && name.chars().count() <= 80
}

/// The string with filters and scripts replaced by an index. `None` if there are none or one is not
/// closed.
fn without_filters(text: &str) -> Option<String> {
    let mut replaced = String::new();
    let mut rest = text;
    let mut found = false;
    loop {
        let (before, after) = take_while_unquoted(rest, is_filter);
        replaced.push_str(before);
        if after.is_empty() {
            return found.then_some(replaced);
        }
        replaced.push_str("[0]");
        found = true;
        rest = end_of_brackets(after)?;
    }
}

fn is_filter(rest: &str) -> bool {
    rest.starts_with("[?") || rest.starts_with("[(")
}

/// Splits a string at the first unquoted position where `stop` holds.
fn take_while_unquoted(text: &str, stop: impl Fn(&str) -> bool) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        let (before, rest) = text.split_at(at);
        if !quoted && stop(rest) {
            return (before, rest);
        }
        quoted ^= c == '\'' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    (text, "")
}

/// The rest of a string after the bracket that closes the first one.
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
    fn a_reference_path_has_names_indexes_and_an_allowed_root() {
        for (text, roots, expected) in [
            ("$", AllowedRoots::Input, true),
            ("$.a.b[0]", AllowedRoots::Input, true),
            ("$foo", AllowedRoots::Input, false),
            ("$foo.bar", AllowedRoots::Variables, true),
            ("$$.Execution.Id", AllowedRoots::Variables, false),
            ("$$.Execution.Id", AllowedRoots::All, true),
            ("a.b", AllowedRoots::All, false),
            ("States.Format('x')", AllowedRoots::All, false),
        ] {
            assert_eq!(check_reference(text, roots).is_ok(), expected, "{text} {roots:?}");
        }
    }

    #[test]
    fn the_contents_of_filters_are_not_checked() {
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
            assert_eq!(is_path_or_call(text), expected, "{text}");
        }
    }
}
