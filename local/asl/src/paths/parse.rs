//! Parses the text of a path with the grammar of Jayway: dots and brackets in any combination,
//! including `.[0]` and `$['a']b`, because AWS accepts them.

use super::error::PathSyntaxError;
use super::syntax::{Filter, Root, Step};
use crate::cursor::Cursor;

/// The maximum nesting of filters, so that recursion cannot overflow the stack.
const MAX_DEPTH: usize = 16;

/// Parses a path of a definition into its root and steps.
pub(super) fn path(text: &str) -> Result<(Root, Vec<Step>), PathSyntaxError> {
    let chars: Vec<char> = text.trim().chars().collect();
    let (root, start) = root(&chars, text)?;
    let steps = Parser { cursor: Cursor::new(&chars, start), depth: 0 }.steps()?;
    Ok((root, steps))
}

/// Parses the steps after the `@` or `$` of a filter.
pub(super) fn steps_in_filter(chars: &[char], depth: usize) -> Result<Vec<Step>, PathSyntaxError> {
    Parser { cursor: Cursor::new(chars, 0), depth }.steps()
}

pub(super) fn syntax_error(message: impl Into<String>) -> PathSyntaxError {
    PathSyntaxError { message: message.into() }
}

fn root(chars: &[char], text: &str) -> Result<(Root, usize), PathSyntaxError> {
    match chars {
        ['$', '$', ..] => Ok((Root::Context, 2)),
        ['$', first, ..] if is_name_start(*first) => {
            let name: String = chars.iter().skip(1).take_while(|c| is_name_part(**c)).collect();
            let end = name.chars().count() + 1;
            Ok((Root::Variable(name), end))
        }
        ['$', ..] => Ok((Root::Input, 1)),
        _ => Err(syntax_error(format!("'{text}' does not begin with '$'"))),
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn steps(mut self) -> Result<Vec<Step>, PathSyntaxError> {
        let mut steps = Vec::new();
        if let Some(c) = self.cursor.peek()
            && c != '.'
            && c != '['
        {
            return Err(self.unexpected(c));
        }
        if self.cursor.chars.len() > self.cursor.position && self.cursor.chars.last() == Some(&'.')
        {
            return Err(syntax_error("a path must not end with a '.'"));
        }
        while let Some(c) = self.cursor.peek() {
            match c {
                '.' => self.dots(&mut steps)?,
                _ => steps.push(self.step()?),
            }
        }
        Ok(steps)
    }

    fn unexpected(&self, c: char) -> PathSyntaxError {
        syntax_error(format!("unexpected '{c}' at position {}", self.cursor.position))
    }

    /// `.` before a step, or `..`.
    fn dots(&mut self, steps: &mut Vec<Step>) -> Result<(), PathSyntaxError> {
        self.cursor.position += 1;
        if self.cursor.peek() == Some('.') {
            self.cursor.position += 1;
            steps.push(Step::Descent);
        }
        match self.cursor.peek() {
            None => Err(syntax_error("a path must not end with a '.'")),
            Some('.') => Err(self.unexpected('.')),
            Some(_) => {
                steps.push(self.step()?);
                Ok(())
            }
        }
    }

    fn step(&mut self) -> Result<Step, PathSyntaxError> {
        match self.cursor.peek() {
            Some('[') => self.bracket(),
            Some('*') => {
                self.cursor.position += 1;
                Ok(Step::Wildcard)
            }
            _ => self.bare_name(),
        }
    }

    /// Parentheses are part of a name: `$.list.length()` is a path to a field, not a function call.
    fn bare_name(&mut self) -> Result<Step, PathSyntaxError> {
        let is_name_char = |c: &&char| !matches!(c, '.' | '[' | ' ');
        let name: String = self.cursor.rest().iter().take_while(is_name_char).collect();
        self.cursor.position += name.chars().count();
        match self.cursor.peek() {
            Some(' ') => {
                Err(syntax_error("a name with blanks in it must be in brackets: ['my name']"))
            }
            _ if name.is_empty() => {
                Err(syntax_error(format!("a name is missing at position {}", self.cursor.position)))
            }
            _ => Ok(Step::Names(vec![name])),
        }
    }

    fn bracket(&mut self) -> Result<Step, PathSyntaxError> {
        self.cursor.position += 1;
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some('\'') => self.names(),
            Some('(') => self.index_from_end(),
            Some('*') => {
                self.cursor.position += 1;
                self.close()?;
                Ok(Step::Wildcard)
            }
            Some('?') => self.filter(),
            Some(c) if c.is_ascii_digit() || c == '-' || c == ':' => self.numbers(),
            Some(c) => Err(self.unexpected(c)),
            None => Err(syntax_error("a '[' is not closed")),
        }
    }

    fn close(&mut self) -> Result<(), PathSyntaxError> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some(']') => {
                self.cursor.position += 1;
                Ok(())
            }
            Some(c) => Err(self.unexpected(c)),
            None => Err(syntax_error("a '[' is not closed")),
        }
    }

    fn names(&mut self) -> Result<Step, PathSyntaxError> {
        let mut names = Vec::new();
        loop {
            self.cursor.skip_blanks();
            if self.cursor.peek() != Some('\'') {
                return Err(syntax_error(format!(
                    "a name in ' is missing at position {}",
                    self.cursor.position
                )));
            }
            self.cursor.position += 1;
            let end = self.find('\'').ok_or_else(|| syntax_error("a ' is not closed"))?;
            names.push(self.cursor.chars[self.cursor.position..end].iter().collect());
            self.cursor.position = end + 1;
            self.cursor.skip_blanks();
            if self.cursor.peek() != Some(',') {
                self.close()?;
                return Ok(Step::Names(names));
            }
            self.cursor.position += 1;
        }
    }

    /// `[(@.length-1)]`, which Jayway introduced before negative indexes.
    fn index_from_end(&mut self) -> Result<Step, PathSyntaxError> {
        let end = self.find(']').ok_or_else(|| syntax_error("a '[' is not closed"))?;
        let inner: String =
            self.cursor.chars[self.cursor.position..end].iter().filter(|c| **c != ' ').collect();
        self.cursor.position = end + 1;
        let call = inner.strip_prefix("(@.").and_then(|rest| rest.strip_suffix(')'));
        let distance = call
            .and_then(|call| call.strip_prefix("length-").or_else(|| call.strip_prefix("size()-")));
        match distance.map(str::parse::<u32>) {
            Some(Ok(distance)) => Ok(Step::IndexFromEnd(distance)),
            _ => Err(syntax_error(format!("[{inner}] is not [(@.length-1)]"))),
        }
    }

    fn numbers(&mut self) -> Result<Step, PathSyntaxError> {
        let end = self.find(']').ok_or_else(|| syntax_error("a '[' is not closed"))?;
        let inner: String = self.cursor.chars[self.cursor.position..end].iter().collect();
        self.cursor.position = end + 1;
        if let Some((from, to)) = inner.split_once(':') {
            // Jayway has no slice steps and ignores a third number.
            let to = to.split_once(':').map_or(to, |(to, _)| to);
            return slice(&inner, from, to);
        }
        let indexes = inner.split(',').map(|index| number(index, &inner));
        Ok(Step::Indexes(indexes.collect::<Result<_, _>>()?))
    }

    fn find(&self, expected: char) -> Option<usize> {
        (self.cursor.position..self.cursor.chars.len())
            .find(|index| self.cursor.chars[*index] == expected)
    }

    fn filter(&mut self) -> Result<Step, PathSyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(syntax_error("filters are nested too deeply"));
        }
        self.cursor.position += 1;
        self.cursor.skip_blanks();
        if self.cursor.peek() != Some('(') {
            return Err(syntax_error("a filter is written [?(…)]"));
        }
        let end = closing_parenthesis(self.cursor.chars, self.cursor.position)
            .ok_or_else(|| syntax_error("a '(' is not closed"))?;
        let filter =
            Filter::parse(&self.cursor.chars[self.cursor.position + 1..end], self.depth + 1)?;
        self.cursor.position = end + 1;
        self.close()?;
        Ok(Step::Filter(filter))
    }
}

/// The quoted string that starts at `start`, and the position after it. A backslash escapes the
/// quote only inside a filter.
pub(super) fn quoted(chars: &[char], start: usize) -> Result<(String, usize), PathSyntaxError> {
    let quote = chars[start];
    let (mut text, mut position) = (String::new(), start + 1);
    loop {
        match (chars.get(position).copied(), chars.get(position + 1).copied()) {
            (None, _) => return Err(syntax_error(format!("a {quote} is not closed"))),
            (Some(c), _) if c == quote => return Ok((text, position + 1)),
            (Some('\\'), Some(c)) if c == quote => {
                text.push(quote);
                position += 2;
            }
            (Some(c), _) => {
                text.push(c);
                position += 1;
            }
        }
    }
}

/// The position of the `)` that closes the `(` at `open`; quoted text is skipped.
fn closing_parenthesis(chars: &[char], open: usize) -> Option<usize> {
    let (mut depth, mut position) = (0_usize, open);
    while position < chars.len() {
        match chars[position] {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' => position = quoted(chars, position).ok()?.1 - 1,
            _ => {}
        }
        if depth == 0 {
            return Some(position);
        }
        position += 1;
    }
    None
}

fn slice(whole: &str, from: &str, to: &str) -> Result<Step, PathSyntaxError> {
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => number(text, whole).map(Some),
    };
    match (bound(from)?, bound(to)?) {
        (None, None) => Err(syntax_error(format!("the slice [{whole}] has no bounds"))),
        (from, to) => Ok(Step::Slice(from, to)),
    }
}

fn number(text: &str, whole: &str) -> Result<i64, PathSyntaxError> {
    let number = text.trim().parse::<i32>().map(i64::from);
    number.map_err(|error| syntax_error(format!("[{whole}] is not an index: {error}")))
}
