//! From the text of a call to its parts.
//!
//! AWS refuses a definition for an escape other than `\'`, `\{`, `\}` and `\\`, for
//! an unknown function, and for a wrong number of arguments; so does this parser.

use serde_json::Value;

use super::functions::Function;
use super::{Argument, Call, ExpressionSyntaxError};
use crate::paths::Path;

/// AWS nests up to ten functions.
const MAX_DEPTH: usize = 10;

/// A whole call, with nothing after it.
pub(super) fn call(text: &str) -> Result<Call, ExpressionSyntaxError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0 };
    let call = parser.call(1)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(call),
        Some(c) => Err(wrong(format!("unexpected '{c}' after the call"))),
    }
}

/// The text that a literal stands for.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    text
}

fn wrong(message: impl Into<String>) -> ExpressionSyntaxError {
    ExpressionSyntaxError { message: message.into() }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn expect(&mut self, sign: char) -> Result<(), ExpressionSyntaxError> {
        self.skip_blanks();
        if self.peek() == Some(sign) {
            self.at += 1;
            return Ok(());
        }
        Err(wrong(format!("'{sign}' is missing at position {}", self.at)))
    }

    fn word(&mut self) -> String {
        let part = |c: &&char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let word: String = self.chars[self.at..].iter().take_while(part).collect();
        self.at += word.chars().count();
        word
    }

    fn call(&mut self, depth: usize) -> Result<Call, ExpressionSyntaxError> {
        self.skip_blanks();
        let word = self.word();
        let name = word.strip_prefix("States.").and_then(Function::named);
        let function = name.ok_or_else(|| wrong(format!("'{word}' is no intrinsic function")))?;
        if depth > MAX_DEPTH {
            return Err(wrong("intrinsic functions are nested too deeply"));
        }
        let arguments = self.arguments(depth)?;
        if !function.takes(arguments.len()) {
            let count = arguments.len();
            return Err(wrong(format!("States.{function} does not take {count} arguments")));
        }
        Ok(Call { function, arguments })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, ExpressionSyntaxError> {
        self.expect('(')?;
        self.skip_blanks();
        let mut arguments = Vec::new();
        if self.peek() == Some(')') {
            self.at += 1;
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument(depth)?);
            self.skip_blanks();
            if self.peek() != Some(',') {
                self.expect(')')?;
                return Ok(arguments);
            }
            self.at += 1;
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, ExpressionSyntaxError> {
        self.skip_blanks();
        match self.peek() {
            Some('\'') => self.text(),
            Some('$') => self.path(),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            _ => self.literal(),
        }
    }

    fn text(&mut self) -> Result<Argument, ExpressionSyntaxError> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match (self.peek(), self.chars.get(self.at + 1)) {
                (None, _) => return Err(wrong("a ' is not closed")),
                (Some('\''), _) => break,
                (Some('\\'), Some('\'' | '{' | '}' | '\\')) => self.at += 2,
                (Some('\\'), _) => return Err(wrong("an escape is none of \\' \\{ \\} \\\\")),
                _ => self.at += 1,
            }
        }
        let raw = self.chars[start..self.at].iter().collect();
        self.at += 1;
        Ok(Argument::Text(raw))
    }

    /// A path ends at a comma or a closing bracket that is not within its own brackets.
    fn path(&mut self) -> Result<Argument, ExpressionSyntaxError> {
        let start = self.at;
        let (mut depth, mut quote) = (0_usize, None);
        while let Some(c) = self.peek() {
            match (quote, c) {
                (Some(_), '\\') => self.at += 1,
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') if depth > 0 => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') if depth > 0 => depth -= 1,
                (None, ',' | ')') if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        let end = self.at.min(self.chars.len());
        let text: String = self.chars[start..end].iter().collect();
        Path::parse(text.trim()).map(Argument::Path).map_err(|syntax| wrong(syntax.message))
    }

    fn literal(&mut self) -> Result<Argument, ExpressionSyntaxError> {
        let word = self.word();
        match serde_json::from_str::<Value>(&word) {
            Ok(value) => Ok(Argument::Literal(value)),
            Err(why) => Err(wrong(format!("'{word}' is no argument: {why}"))),
        }
    }
}
