//! Splits an expression into tokens, as jsonata-js does.
//!
//! Whether `/` divides or starts a regular expression depends on the previous token, so the parser
//! requests one token at a time and says which kind it expects.

use super::error::SyntaxError;
use crate::validate::escape::single_character;

const WHITESPACE: [char; 5] = [' ', '\t', '\n', '\r', '\u{b}'];

/// Operators of two characters.
const LONG_OPERATORS: [&str; 7] = ["..", ":=", "!=", ">=", "<=", "**", "~>"];
/// Operators of one character.
const SHORT_OPERATORS: [&str; 25] = [
    ".", "[", "]", "{", "}", "(", ")", ",", "@", "#", ";", ":", "?", "+", "-", "*", "/", "%", "|",
    "=", "<", ">", "^", "&", "!",
];

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    End,
    Name(String),
    Variable(String),
    Operator(&'static str),
    Text(String),
    Number(String),
    Constant(String),
    Regex,
}

impl Token {
    /// The token as error messages show it: as JSON.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::End => "\"(end)\"".to_owned(),
            Self::Regex => "{}".to_owned(),
            Self::Number(text) | Self::Constant(text) => text.clone(),
            Self::Operator(text) => format!("\"{text}\""),
            Self::Name(text) | Self::Variable(text) | Self::Text(text) => {
                serde_json::Value::from(text.as_str()).to_string()
            }
        }
    }
}

/// The text and the current position.
pub(super) struct Lexer {
    text: Vec<char>,
    position: usize,
}

impl Lexer {
    /// Starts at the beginning of the text.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), position: 0 }
    }

    /// The next token. With `infix`, an operator is expected, so that `/` divides.
    pub(super) fn next(&mut self, infix: bool) -> Result<Token, SyntaxError> {
        self.skip_space_and_comments()?;
        let Some(first) = self.peek(0) else { return Ok(Token::End) };
        if first == '/' && !infix {
            self.position += 1;
            return self.regex();
        }
        if let Some(operator) = self.operator() {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        match first {
            '"' | '\'' => self.text(first),
            '`' => self.quoted_name(),
            '0'..='9' => self.number(),
            _ => Ok(self.word()),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.position + ahead).copied()
    }

    fn skip_space_and_comments(&mut self) -> Result<(), SyntaxError> {
        loop {
            while self.peek(0).is_some_and(|c| WHITESPACE.contains(&c)) {
                self.position += 1;
            }
            if self.peek(0) != Some('/') || self.peek(1) != Some('*') {
                return Ok(());
            }
            self.position += 2;
            while (self.peek(0), self.peek(1)) != (Some('*'), Some('/')) {
                if self.peek(0).is_none() {
                    return Err(SyntaxError("Comment has no closing tag".to_owned()));
                }
                self.position += 1;
            }
            self.position += 2;
        }
    }

    fn operator(&self) -> Option<&'static str> {
        let starts = |operator: &&&str| {
            operator.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c))
        };
        LONG_OPERATORS.iter().chain(SHORT_OPERATORS.iter()).find(starts).copied()
    }

    fn text(&mut self, quote: char) -> Result<Token, SyntaxError> {
        self.position += 1;
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            self.position += 1;
            match c {
                '\\' => text.push(self.escape()?),
                c if c == quote => return Ok(Token::Text(text)),
                c => text.push(c),
            }
        }
        Err(SyntaxError("String literal must be terminated by a matching quote".to_owned()))
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let escaped = self.peek(0).unwrap_or_default();
        self.position += 1;
        match (single_character(escaped), escaped) {
            (Some(character), _) => Ok(character),
            (None, 'u') => self.unicode(),
            (None, other) => {
                Err(SyntaxError(format!("Unsupported escape sequence: \\\"{other}\"")))
            }
        }
    }

    fn unicode(&mut self) -> Result<char, SyntaxError> {
        let digits: Option<String> = (0..4).map(|ahead| self.peek(ahead)).collect();
        let code = digits.and_then(|digits| u32::from_str_radix(&digits, 16).ok());
        let Some(code) = code else {
            let expected = "The escape sequence \\u must be followed by 4 hex digits";
            return Err(SyntaxError(expected.to_owned()));
        };
        self.position += 4;
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn quoted_name(&mut self) -> Result<Token, SyntaxError> {
        self.position += 1;
        let mut name = String::new();
        while let Some(c) = self.peek(0) {
            self.position += 1;
            if c == '`' {
                return Ok(Token::Name(name));
            }
            name.push(c);
        }
        let expected = "Quoted property name must be terminated with a backquote (`)";
        Err(SyntaxError(expected.to_owned()))
    }

    /// As in JSON: no leading zero, and a decimal point only before a digit.
    fn number(&mut self) -> Result<Token, SyntaxError> {
        let mut text = String::new();
        if self.peek(0) == Some('0') {
            self.take(1, &mut text);
        } else {
            self.take_digits(&mut text);
        }
        if self.peek(0) == Some('.') && self.is_digit(1) {
            self.take(1, &mut text);
            self.take_digits(&mut text);
        }
        let sign_length = usize::from(self.peek(1).is_some_and(|c| matches!(c, '+' | '-')));
        if self.peek(0).is_some_and(|c| matches!(c, 'e' | 'E')) && self.is_digit(1 + sign_length) {
            self.take(1 + sign_length, &mut text);
            self.take_digits(&mut text);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(text)),
            _ => Err(SyntaxError(format!("Number out of range: {text}"))),
        }
    }

    fn is_digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|c| c.is_ascii_digit())
    }

    fn take(&mut self, count: usize, into: &mut String) {
        for _ in 0..count {
            into.extend(self.peek(0));
            self.position += 1;
        }
    }

    fn take_digits(&mut self, into: &mut String) {
        while self.is_digit(0) {
            self.take(1, into);
        }
    }

    fn word(&mut self) -> Token {
        let mut word = String::new();
        while let Some(c) = self.peek(0) {
            if WHITESPACE.contains(&c) || (!word.is_empty() && is_operator(c)) {
                break;
            }
            word.push(c);
            self.position += 1;
        }
        if let Some(name) = word.strip_prefix('$') {
            return Token::Variable(name.to_owned());
        }
        match word.as_str() {
            "and" => Token::Operator("and"),
            "or" => Token::Operator("or"),
            "in" => Token::Operator("in"),
            "true" | "false" | "null" => Token::Constant(word),
            _ => Token::Name(word),
        }
    }

    fn regex(&mut self) -> Result<Token, SyntaxError> {
        let (mut depth, mut escaped, mut empty) = (0_i64, false, true);
        while let Some(c) = self.peek(0) {
            self.position += 1;
            match c {
                '/' if depth == 0 && !escaped => {
                    if empty {
                        let expected = "Empty regular expressions are not allowed";
                        return Err(SyntaxError(expected.to_owned()));
                    }
                    while self.peek(0).is_some_and(|c| matches!(c, 'i' | 'm')) {
                        self.position += 1;
                    }
                    return Ok(Token::Regex);
                }
                '(' | '[' | '{' if !escaped => depth += 1,
                ')' | ']' | '}' if !escaped => depth -= 1,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
            empty = false;
        }
        Err(SyntaxError("No terminating / in regular expression".to_owned()))
    }
}

fn is_operator(c: char) -> bool {
    c == '~' || SHORT_OPERATORS.iter().any(|operator| operator.chars().eq([c]))
}
