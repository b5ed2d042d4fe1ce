//! Parses the text of a call.
//!
//! Like AWS, the parser rejects unknown functions, wrong numbers of arguments, and escapes other
//! than `\'`, `\{`, `\}` and `\\`.

use serde_json::Value;

use super::error::IntrinsicSyntaxError;
use super::syntax::{Argument, Call, Function};
use crate::cursor::Cursor;
use crate::paths::Path;

/// AWS allows ten levels of nested functions.
const MAX_DEPTH: usize = 10;

/// Parses a call with nothing after it.
pub(super) fn call(text: &str) -> Result<Call, IntrinsicSyntaxError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { cursor: Cursor::new(&chars, 0) };
    let call = parser.call(1)?;
    parser.cursor.skip_blanks();
    match parser.cursor.peek() {
        None => Ok(call),
        Some(c) => Err(syntax_error(format!("unexpected '{c}' after the call"))),
    }
}

/// The text of a literal without its escapes.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    text
}

fn syntax_error(message: impl Into<String>) -> IntrinsicSyntaxError {
    IntrinsicSyntaxError { message: message.into() }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
}

impl Parser<'_> {
    fn expect(&mut self, token: char) -> Result<(), IntrinsicSyntaxError> {
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(token) {
            self.cursor.position += 1;
            return Ok(());
        }
        Err(syntax_error(format!("'{token}' is missing at position {}", self.cursor.position)))
    }

    fn word(&mut self) -> String {
        let part = |c: &&char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let word: String = self.cursor.rest().iter().take_while(part).collect();
        self.cursor.position += word.chars().count();
        word
    }

    fn call(&mut self, depth: usize) -> Result<Call, IntrinsicSyntaxError> {
        self.cursor.skip_blanks();
        let word = self.word();
        let name = word.strip_prefix("States.").and_then(|name| name.parse::<Function>().ok());
        let function =
            name.ok_or_else(|| syntax_error(format!("'{word}' is not an intrinsic function")))?;
        if depth > MAX_DEPTH {
            return Err(syntax_error("intrinsic functions are nested too deeply"));
        }
        let arguments = self.arguments(depth)?;
        if !function.accepts(arguments.len()) {
            let count = arguments.len();
            return Err(syntax_error(format!("States.{function} does not take {count} arguments")));
        }
        Ok(Call { function, arguments })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, IntrinsicSyntaxError> {
        self.expect('(')?;
        self.cursor.skip_blanks();
        let mut arguments = Vec::new();
        if self.cursor.peek() == Some(')') {
            self.cursor.position += 1;
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument(depth)?);
            self.cursor.skip_blanks();
            if self.cursor.peek() != Some(',') {
                self.expect(')')?;
                return Ok(arguments);
            }
            self.cursor.position += 1;
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, IntrinsicSyntaxError> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some('\'') => self.text(),
            Some('$') => self.path(),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            _ => self.literal(),
        }
    }

    fn text(&mut self) -> Result<Argument, IntrinsicSyntaxError> {
        let start = self.cursor.position + 1;
        self.cursor.position = start;
        loop {
            match (self.cursor.peek(), self.cursor.chars.get(self.cursor.position + 1)) {
                (None, _) => return Err(syntax_error("a ' is not closed")),
                (Some('\''), _) => break,
                (Some('\\'), Some('\'' | '{' | '}' | '\\')) => self.cursor.position += 2,
                (Some('\\'), _) => {
                    return Err(syntax_error("an escape must be one of \\' \\{ \\} \\\\"));
                }
                _ => self.cursor.position += 1,
            }
        }
        let raw = self.cursor.chars[start..self.cursor.position].iter().collect();
        self.cursor.position += 1;
        Ok(Argument::Text(raw))
    }

    /// A path ends at a comma or closing parenthesis outside its own brackets.
    fn path(&mut self) -> Result<Argument, IntrinsicSyntaxError> {
        let start = self.cursor.position;
        let (mut depth, mut quote) = (0_usize, None);
        while let Some(c) = self.cursor.peek() {
            match (quote, c) {
                (Some(_), '\\') => self.cursor.position += 1,
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') if depth > 0 => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') if depth > 0 => depth -= 1,
                (None, ',' | ')') if depth == 0 => break,
                _ => {}
            }
            self.cursor.position += 1;
        }
        let end = self.cursor.position.min(self.cursor.chars.len());
        let text: String = self.cursor.chars[start..end].iter().collect();
        Path::parse(text.trim()).map(Argument::Path).map_err(|error| syntax_error(error.message))
    }

    fn literal(&mut self) -> Result<Argument, IntrinsicSyntaxError> {
        let word = self.word();
        match serde_json::from_str::<Value>(&word) {
            Ok(value) => Ok(Argument::Literal(value)),
            Err(error) => Err(syntax_error(format!("'{word}' is not an argument: {error}"))),
        }
    }
}
