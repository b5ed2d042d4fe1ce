//! From text to steps, with Jayway's grammar: dots and brackets in any mixture,
//! `.[0]` and `$['a']b` included, because AWS takes them.

use super::filter::Filter;
use super::{PathSyntaxError, Root, Step};

/// How deep filters may nest in filters: far beyond need, well within the stack.
const MAX_DEPTH: usize = 16;

/// The root and the steps of a path as it stands in a definition.
pub(super) fn path(text: &str) -> Result<(Root, Vec<Step>), PathSyntaxError> {
    let chars: Vec<char> = text.trim().chars().collect();
    let (root, start) = root(&chars, text)?;
    let steps = Parser { chars: &chars, at: start, depth: 0 }.steps()?;
    Ok((root, steps))
}

/// The steps after a filter's `@` or `$`.
pub(super) fn steps_in_filter(chars: &[char], depth: usize) -> Result<Vec<Step>, PathSyntaxError> {
    Parser { chars, at: 0, depth }.steps()
}

pub(super) fn wrong(message: impl Into<String>) -> PathSyntaxError {
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
        _ => Err(wrong(format!("'{text}' does not begin with '$'"))),
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn steps(mut self) -> Result<Vec<Step>, PathSyntaxError> {
        let mut steps = Vec::new();
        if let Some(c) = self.peek()
            && c != '.'
            && c != '['
        {
            return Err(self.unexpected(c));
        }
        if self.chars.len() > self.at && self.chars.last() == Some(&'.') {
            return Err(wrong("a path must not end with a '.'"));
        }
        while let Some(c) = self.peek() {
            match c {
                '.' => self.dots(&mut steps)?,
                _ => steps.push(self.step()?),
            }
        }
        Ok(steps)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn unexpected(&self, c: char) -> PathSyntaxError {
        wrong(format!("unexpected '{c}' at position {}", self.at))
    }

    /// `.` before a step, or `..`.
    fn dots(&mut self, steps: &mut Vec<Step>) -> Result<(), PathSyntaxError> {
        self.at += 1;
        if self.peek() == Some('.') {
            self.at += 1;
            steps.push(Step::Descent);
        }
        match self.peek() {
            None => Err(wrong("a path must not end with a '.'")),
            Some('.') => Err(self.unexpected('.')),
            Some(_) => {
                steps.push(self.step()?);
                Ok(())
            }
        }
    }

    fn step(&mut self) -> Result<Step, PathSyntaxError> {
        match self.peek() {
            Some('[') => self.bracket(),
            Some('*') => {
                self.at += 1;
                Ok(Step::Wildcard)
            }
            _ => self.bare_name(),
        }
    }

    /// Brackets are part of a name: `$.list.length()` is a path to a field that no
    /// object has, not the call of a function.
    fn bare_name(&mut self) -> Result<Step, PathSyntaxError> {
        let plain = |c: &&char| !matches!(c, '.' | '[' | ' ');
        let name: String = self.chars[self.at..].iter().take_while(plain).collect();
        self.at += name.chars().count();
        match self.peek() {
            Some(' ') => Err(wrong("a name with blanks in it must be in brackets: ['my name']")),
            _ if name.is_empty() => {
                Err(wrong(format!("a name is missing at position {}", self.at)))
            }
            _ => Ok(Step::Names(vec![name])),
        }
    }

    fn bracket(&mut self) -> Result<Step, PathSyntaxError> {
        self.at += 1;
        self.skip_blanks();
        match self.peek() {
            Some('\'') => self.names(),
            Some('(') => self.counted_from_end(),
            Some('*') => {
                self.at += 1;
                self.close()?;
                Ok(Step::Wildcard)
            }
            Some('?') => self.filter(),
            Some(c) if c.is_ascii_digit() || c == '-' || c == ':' => self.numbers(),
            Some(c) => Err(self.unexpected(c)),
            None => Err(wrong("a '[' is not closed")),
        }
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn close(&mut self) -> Result<(), PathSyntaxError> {
        self.skip_blanks();
        match self.peek() {
            Some(']') => {
                self.at += 1;
                Ok(())
            }
            Some(c) => Err(self.unexpected(c)),
            None => Err(wrong("a '[' is not closed")),
        }
    }

    fn names(&mut self) -> Result<Step, PathSyntaxError> {
        let mut names = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() != Some('\'') {
                return Err(wrong(format!("a name in ' is missing at position {}", self.at)));
            }
            self.at += 1;
            let end = self.find('\'').ok_or_else(|| wrong("a ' is not closed"))?;
            names.push(self.chars[self.at..end].iter().collect());
            self.at = end + 1;
            self.skip_blanks();
            if self.peek() != Some(',') {
                self.close()?;
                return Ok(Step::Names(names));
            }
            self.at += 1;
        }
    }

    /// `[(@.length-1)]`: Jayway's way to count from the end, before it had others.
    fn counted_from_end(&mut self) -> Result<Step, PathSyntaxError> {
        let end = self.find(']').ok_or_else(|| wrong("a '[' is not closed"))?;
        let inner: String = self.chars[self.at..end].iter().filter(|c| **c != ' ').collect();
        self.at = end + 1;
        let call = inner.strip_prefix("(@.").and_then(|rest| rest.strip_suffix(')'));
        let distance = call
            .and_then(|call| call.strip_prefix("length-").or_else(|| call.strip_prefix("size()-")));
        match distance.map(str::parse::<u32>) {
            Some(Ok(distance)) => Ok(Step::FromEnd(distance)),
            _ => Err(wrong(format!("[{inner}] is not [(@.length-1)]"))),
        }
    }

    fn numbers(&mut self) -> Result<Step, PathSyntaxError> {
        let end = self.find(']').ok_or_else(|| wrong("a '[' is not closed"))?;
        let inner: String = self.chars[self.at..end].iter().collect();
        self.at = end + 1;
        if let Some((from, to)) = inner.split_once(':') {
            // Jayway knows no steps in slices and passes over a third number.
            let to = to.split_once(':').map_or(to, |(to, _)| to);
            return slice(&inner, from, to);
        }
        let indexes = inner.split(',').map(|index| number(index, &inner));
        Ok(Step::Indexes(indexes.collect::<Result<_, _>>()?))
    }

    fn find(&self, wanted: char) -> Option<usize> {
        (self.at..self.chars.len()).find(|index| self.chars[*index] == wanted)
    }

    fn filter(&mut self) -> Result<Step, PathSyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(wrong("filters are nested too deeply"));
        }
        self.at += 1;
        self.skip_blanks();
        if self.peek() != Some('(') {
            return Err(wrong("a filter is written [?(…)]"));
        }
        let end = closing(self.chars, self.at).ok_or_else(|| wrong("a '(' is not closed"))?;
        let filter = Filter::parse(&self.chars[self.at + 1..end], self.depth + 1)?;
        self.at = end + 1;
        self.close()?;
        Ok(Step::Filter(filter))
    }
}

/// The text in quotes that begins at `start`, and the place after it. Only in a
/// filter's text does a backslash keep the quote that follows from closing it.
pub(super) fn quoted(chars: &[char], start: usize) -> Result<(String, usize), PathSyntaxError> {
    let quote = chars[start];
    let (mut text, mut at) = (String::new(), start + 1);
    loop {
        match (chars.get(at).copied(), chars.get(at + 1).copied()) {
            (None, _) => return Err(wrong(format!("a {quote} is not closed"))),
            (Some(c), _) if c == quote => return Ok((text, at + 1)),
            (Some('\\'), Some(c)) if c == quote => {
                text.push(quote);
                at += 2;
            }
            (Some(c), _) => {
                text.push(c);
                at += 1;
            }
        }
    }
}

/// The `)` that closes the `(` at `open`, passing over what is in quotes.
fn closing(chars: &[char], open: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, open);
    while at < chars.len() {
        match chars[at] {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' => at = quoted(chars, at).ok()?.1 - 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn slice(whole: &str, from: &str, to: &str) -> Result<Step, PathSyntaxError> {
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => number(text, whole).map(Some),
    };
    match (bound(from)?, bound(to)?) {
        (None, None) => Err(wrong(format!("the slice [{whole}] has no bounds"))),
        (from, to) => Ok(Step::Slice(from, to)),
    }
}

fn number(text: &str, whole: &str) -> Result<i64, PathSyntaxError> {
    let number = text.trim().parse::<i32>().map(i64::from);
    number.map_err(|why| wrong(format!("[{whole}] is no index: {why}")))
}
