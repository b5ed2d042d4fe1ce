//! From text to steps, with Jayway's grammar: dots and brackets in any mixture,
//! `.[0]` and `$['a']b` included, because AWS takes them.

use super::filter::Filter;
use super::{PathSyntax, Root, Step};

/// How deep filters may nest in filters: far beyond need, well within the stack.
const MAX_DEPTH: usize = 16;

/// The root and the steps of a path as it stands in a definition.
pub(super) fn path(text: &str) -> Result<(Root, Vec<Step>), PathSyntax> {
    let chars: Vec<char> = text.trim().chars().collect();
    let (root, start) = root(&chars, text)?;
    let steps = Parser { chars: &chars, at: start, depth: 0 }.steps()?;
    Ok((root, steps))
}

/// The steps after a filter's `@` or `$`.
pub(super) fn steps_in_filter(chars: &[char], depth: usize) -> Result<Vec<Step>, PathSyntax> {
    Parser { chars, at: 0, depth }.steps()
}

pub(super) fn wrong(message: impl Into<String>) -> PathSyntax {
    PathSyntax { message: message.into() }
}

fn root(chars: &[char], text: &str) -> Result<(Root, usize), PathSyntax> {
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
    fn steps(mut self) -> Result<Vec<Step>, PathSyntax> {
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

    fn unexpected(&self, c: char) -> PathSyntax {
        wrong(format!("unexpected '{c}' at position {}", self.at))
    }

    /// `.` before a step, or `..`.
    fn dots(&mut self, steps: &mut Vec<Step>) -> Result<(), PathSyntax> {
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

    fn step(&mut self) -> Result<Step, PathSyntax> {
        match self.peek() {
            Some('[') => self.bracket(),
            Some('*') => {
                self.at += 1;
                Ok(Step::Wildcard)
            }
            _ => self.bare_name(),
        }
    }

    fn bare_name(&mut self) -> Result<Step, PathSyntax> {
        let name: String = self.chars[self.at..]
            .iter()
            .take_while(|c| !matches!(c, '.' | '[' | '(' | ' '))
            .collect();
        self.at += name.chars().count();
        match self.peek() {
            Some(' ') => Err(wrong("a name with blanks in it must be in brackets: ['my name']")),
            Some('(') => {
                Err(wrong(format!("functions such as {name}() are not supported in paths")))
            }
            _ if name.is_empty() => {
                Err(wrong(format!("a name is missing at position {}", self.at)))
            }
            _ => Ok(Step::Names(vec![name])),
        }
    }

    fn bracket(&mut self) -> Result<Step, PathSyntax> {
        self.at += 1;
        self.skip_blanks();
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.names(quote),
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

    fn close(&mut self) -> Result<(), PathSyntax> {
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

    fn names(&mut self, quote: char) -> Result<Step, PathSyntax> {
        let mut names = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() != Some(quote) {
                return Err(wrong(format!("a name in {quote} is missing at position {}", self.at)));
            }
            let after = end_of_quoted(self.chars, self.at)?;
            names.push(self.chars[self.at + 1..after - 1].iter().collect());
            self.at = after;
            self.skip_blanks();
            if self.peek() != Some(',') {
                self.close()?;
                return Ok(Step::Names(names));
            }
            self.at += 1;
        }
    }

    fn numbers(&mut self) -> Result<Step, PathSyntax> {
        let end = self.find(']').ok_or_else(|| wrong("a '[' is not closed"))?;
        let inner: String = self.chars[self.at..end].iter().collect();
        self.at = end + 1;
        match inner.split_once(':') {
            // Jayway knows no steps in slices and passes over a third number.
            Some((from, to)) => slice(&inner, from, to.split_once(':').map_or(to, |(to, _)| to)),
            None => {
                let indexes = inner.split(',').map(|index| number(index, &inner));
                Ok(Step::Indexes(indexes.collect::<Result<_, _>>()?))
            }
        }
    }

    fn find(&self, wanted: char) -> Option<usize> {
        (self.at..self.chars.len()).find(|index| self.chars[*index] == wanted)
    }

    fn filter(&mut self) -> Result<Step, PathSyntax> {
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

/// The place after the text in quotes that begins at `start`. A backslash keeps the
/// next character from closing it; in a name AWS leaves it where it is.
pub(super) fn end_of_quoted(chars: &[char], start: usize) -> Result<usize, PathSyntax> {
    let quote = chars[start];
    let mut at = start + 1;
    while let Some(c) = chars.get(at).copied() {
        match c {
            '\\' => at += 2,
            c if c == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
    Err(wrong(format!("a {quote} is not closed")))
}

/// The text in quotes that begins at `start`, unescaped, and the place after it.
pub(super) fn quoted(chars: &[char], start: usize) -> Result<(String, usize), PathSyntax> {
    let after = end_of_quoted(chars, start)?;
    let (mut text, mut at) = (String::new(), start + 1);
    while at < after - 1 {
        if chars[at] == '\\' {
            let (unescaped, used) = unescape(&chars[at + 1..after - 1])?;
            text.push(unescaped);
            at += 1 + used;
        } else {
            text.push(chars[at]);
            at += 1;
        }
    }
    Ok((text, after))
}

/// What stands after a backslash, as Java's `StringEscapeUtils` reads it.
fn unescape(after: &[char]) -> Result<(char, usize), PathSyntax> {
    match after {
        [] => Err(wrong("nothing follows a backslash")),
        ['u', a, b, c, d, ..] => {
            let code: String = [a, b, c, d].into_iter().collect();
            let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
            code.map(|c| (c, 5)).ok_or_else(|| wrong("an escape is not a character"))
        }
        ['b', ..] => Ok(('\u{8}', 1)),
        ['f', ..] => Ok(('\u{c}', 1)),
        ['n', ..] => Ok(('\n', 1)),
        ['r', ..] => Ok(('\r', 1)),
        ['t', ..] => Ok(('\t', 1)),
        [other, ..] => Ok((*other, 1)),
    }
}

/// The `)` that closes the `(` at `open`, passing over what is in quotes.
fn closing(chars: &[char], open: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, open);
    while at < chars.len() {
        match chars[at] {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' => at = end_of_quoted(chars, at).ok()? - 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn slice(whole: &str, from: &str, to: &str) -> Result<Step, PathSyntax> {
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => number(text, whole).map(Some),
    };
    match (bound(from)?, bound(to)?) {
        (None, None) => Err(wrong(format!("the slice [{whole}] has no bounds"))),
        (from, to) => Ok(Step::Slice(from, to)),
    }
}

fn number(text: &str, whole: &str) -> Result<i64, PathSyntax> {
    let number = text.trim().parse::<i32>().map(i64::from);
    number.map_err(|why| wrong(format!("[{whole}] is no index: {why}")))
}
