//! The escapes of one character that JSON and `JSONata` strings share.

/// The character that a backslash and `escaped` stand for; `None` for `u` and invalid escapes.
pub(super) fn single_character(escaped: char) -> Option<char> {
    Some(match escaped {
        '"' | '\\' | '/' => escaped,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => return None,
    })
}
