//! A position in a text, shared by the parsers of paths, filters and intrinsic functions.

/// A position in a text.
pub(crate) struct Cursor<'a> {
    pub(crate) chars: &'a [char],
    pub(crate) position: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at this position.
    pub(crate) fn new(chars: &'a [char], position: usize) -> Self {
        Self { chars, position }
    }

    /// The next character.
    pub(crate) fn peek(&self) -> Option<char> {
        self.chars.get(self.position).copied()
    }

    /// The rest of the text.
    pub(crate) fn rest(&self) -> &'a [char] {
        &self.chars[self.position..]
    }

    /// Skips white space.
    pub(crate) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.position += 1;
        }
    }
}
