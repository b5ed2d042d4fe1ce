//! Parses the text of a filter, between `[?(` and `)]`.

use serde_json::Value;

use super::error::PathSyntaxError;
use super::parse::{quoted, steps_in_filter, syntax_error};
use super::syntax::{Filter, OPERATORS, Operand, Operator};
use crate::cursor::Cursor;

impl Filter {
    /// Parses the text between `[?(` and `)]`.
    ///
    /// `depth` counts the enclosing filters.
    pub(super) fn parse(chars: &[char], depth: usize) -> Result<Self, PathSyntaxError> {
        let mut parser = Parser { cursor: Cursor::new(chars, 0), depth, terms: 0 };
        let filter = parser.or()?;
        parser.cursor.skip_blanks();
        match parser.cursor.peek() {
            None => Ok(filter),
            Some(c) => Err(syntax_error(format!("unexpected '{c}' in a filter"))),
        }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    depth: usize,
    terms: usize,
}

impl Parser<'_> {
    /// Consumes `token` if it is next.
    fn take(&mut self, token: &str) -> bool {
        self.cursor.skip_blanks();
        let length = token.chars().count();
        let next = self.cursor.chars.get(self.cursor.position..self.cursor.position + length);
        let found = next.is_some_and(|next| next.iter().copied().eq(token.chars()));
        if found {
            self.cursor.position += length;
        }
        found
    }

    fn or(&mut self) -> Result<Filter, PathSyntaxError> {
        let mut filters = vec![self.and()?];
        while self.take("||") {
            filters.push(self.and()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Or(filters) })
    }

    fn and(&mut self) -> Result<Filter, PathSyntaxError> {
        let mut filters = vec![self.term()?];
        while self.take("&&") {
            filters.push(self.term()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::And(filters) })
    }

    fn term(&mut self) -> Result<Filter, PathSyntaxError> {
        self.terms += 1;
        if self.terms > 256 {
            return Err(syntax_error("a filter has too many parts"));
        }
        if self.take("!") {
            self.cursor.skip_blanks();
            return match self.cursor.peek() {
                Some('@' | '$') => Ok(Filter::Exists(self.path()?, false)),
                _ => self.term().map(|filter| Filter::Not(Box::new(filter))),
            };
        }
        if self.take("(") {
            let filter = self.or()?;
            return if self.take(")") {
                Ok(filter)
            } else {
                Err(syntax_error("a '(' is not closed"))
            };
        }
        self.expression()
    }

    fn expression(&mut self) -> Result<Filter, PathSyntaxError> {
        let left = self.operand()?;
        let after_left = self.cursor.position;
        match self.operator() {
            Some(operator) => Ok(Filter::Compare(left, operator, self.operand()?)),
            None if matches!(left, Operand::Path(..)) => {
                self.cursor.position = after_left;
                Ok(Filter::Exists(left, true))
            }
            None => Err(syntax_error("a filter compares something with a path")),
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        self.cursor.skip_blanks();
        let symbol = |c: &char| matches!(c, '<' | '>' | '=' | '~' | '!');
        let rest = self.cursor.rest();
        let length = match rest.first() {
            Some(first) if symbol(first) => rest.iter().take_while(|c| symbol(c)).count(),
            _ => rest.iter().take_while(|c| c.is_alphabetic()).count(),
        };
        let name = rest[..length].iter().collect::<String>().to_uppercase();
        let (_, operator) = OPERATORS.iter().find(|(token, _)| *token == name)?;
        self.cursor.position += length;
        Some(*operator)
    }

    fn operand(&mut self) -> Result<Operand, PathSyntaxError> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some('@' | '$') => self.path(),
            Some('\'' | '"') => {
                let (text, end) = quoted(self.cursor.chars, self.cursor.position)?;
                self.cursor.position = end;
                Ok(Operand::Literal(Value::String(text)))
            }
            Some('[' | '{') => self.json(),
            Some(_) => self.unquoted(),
            None => Err(syntax_error("a filter ends too early")),
        }
    }

    /// A path ends before an operator, a blank or a closing bracket.
    fn path(&mut self) -> Result<Operand, PathSyntaxError> {
        let current = self.cursor.peek() == Some('@');
        self.cursor.position += 1;
        let start = self.cursor.position;
        while let Some(c) = self.cursor.peek() {
            match c {
                '[' => {
                    self.cursor.position =
                        closing_bracket(self.cursor.chars, self.cursor.position)? + 1;
                }
                '<' | '>' | '=' | '~' | '!' | ')' | '&' | '|' | ',' => break,
                c if c.is_whitespace() => break,
                _ => self.cursor.position += 1,
            }
        }
        let steps = steps_in_filter(&self.cursor.chars[start..self.cursor.position], self.depth)?;
        Ok(Operand::Path(current, steps))
    }

    /// An array or object, in JSON or with single quotes.
    fn json(&mut self) -> Result<Operand, PathSyntaxError> {
        let end = closing_bracket(self.cursor.chars, self.cursor.position)? + 1;
        let text: String = self.cursor.chars[self.cursor.position..end].iter().collect();
        self.cursor.position = end;
        let json = serde_json::from_str(&text);
        let json = json.or_else(|_| serde_json::from_str(&text.replace('\'', "\"")));
        json.map(Operand::Literal)
            .map_err(|error| syntax_error(format!("{text} in a filter: {error}")))
    }

    /// A number, `true`, `false`, `null` or an unquoted string.
    fn unquoted(&mut self) -> Result<Operand, PathSyntaxError> {
        let is_unquoted_char = |c: &&char| c.is_alphanumeric() || "-+._:/#".contains(**c);
        let unquoted: String = self.cursor.rest().iter().take_while(is_unquoted_char).collect();
        self.cursor.position += unquoted.chars().count();
        if unquoted.is_empty() {
            return Err(syntax_error(format!(
                "a value is missing at position {} of a filter",
                self.cursor.position
            )));
        }
        Ok(Operand::Literal(serde_json::from_str(&unquoted).unwrap_or(Value::String(unquoted))))
    }
}

/// The position of the bracket that closes the one at `open`; quoted text is skipped.
fn closing_bracket(chars: &[char], open: usize) -> Result<usize, PathSyntaxError> {
    let (mut depth, mut position) = (0_usize, open);
    while position < chars.len() {
        match chars[position] {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            '\'' | '"' => position = quoted(chars, position)?.1 - 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(position);
        }
        position += 1;
    }
    Err(syntax_error("a bracket in a filter is not closed"))
}
