//! Parses JSON text and reports errors as AWS does.
//!
//! Step Functions parses definitions and inputs with Jackson, and Jackson's messages with line and
//! column reach the caller: in `INVALID_JSON_DESCRIPTION` diagnostics and `InvalidExecutionInput`
//! errors. This parser produces the same messages. It also records duplicate state names, which
//! `serde_json` would drop silently.
//!
//! It always ends: each step consumes a character, and nesting is limited.

use serde_json::{Map, Value};

use super::escape::single_character;

/// The maximum depth. `serde_json`, which parses the same text later, rejects level 128.
const MAX_DEPTH: usize = 127;

/// The number of characters of the text that Jackson shows in a message.
const MAX_SNIPPET_CHARS: usize = 500;

/// What Jackson lists if it expected a value.
const ANY_VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A parsed JSON text.
#[derive(Debug)]
pub(super) struct Document {
    /// The value. Of a duplicate field, the last one.
    pub(super) value: Value,
    /// The locations of duplicate states, such as `/States/A`.
    pub(super) duplicate_states: Vec<String>,
}

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JsonError {
    /// The text is blank.
    Empty,
    /// The text is nested too deeply.
    TooDeep,
    /// A syntax error.
    Syntax {
        /// Jackson's message with the location.
        message: String,
        /// `[Source: (String)"…"; line: 1, column: 4]`.
        location: String,
    },
}

/// Parses a text.
pub(super) fn read(text: &str) -> Result<Document, JsonError> {
    let mut reader = Reader::new(text);
    reader.skip_space();
    if reader.peek().is_none() {
        return Err(JsonError::Empty);
    }
    let value = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(Document { value, duplicate_states: reader.duplicate_states }),
        Some(_) => Err(reader.unexpected_value()),
    }
}

#[derive(Clone, Copy)]
struct Position {
    line: usize,
    column: usize,
}

enum Step {
    Field(String),
    Item(usize),
}

struct Reader<'t> {
    text: &'t str,
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
    column: usize,
    steps: Vec<Step>,
    duplicate_states: Vec<String>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let chars = text.chars().peekable();
        Self { text, chars, line: 1, column: 1, steps: Vec::new(), duplicate_states: Vec::new() }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            // Jackson counts UTF-16 units.
            self.column += next.len_utf16();
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        if self.steps.len() > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => {
                self.next();
                self.string("a string value").map(Value::String)
            }
            Some('-' | '0'..='9') => self.number(),
            Some(_) => self.token(),
            None => Err(self.unexpected_end_in_object()),
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let start = self.position();
        self.next();
        let mut fields = Map::new();
        self.skip_space();
        if self.peek() == Some('}') {
            self.next();
            return Ok(Value::Object(fields));
        }
        loop {
            let name = self.field_name(start, fields.is_empty())?;
            self.steps.push(Step::Field(name));
            let value = self.value()?;
            self.insert(&mut fields, value);
            self.skip_space();
            match self.peek() {
                Some(',') => self.next(),
                Some('}') => {
                    self.next();
                    return Ok(Value::Object(fields));
                }
                Some(']') => return Err(self.mismatched_close("Object", '}', start)),
                Some(_) => {
                    return Err(self.unexpected("was expecting comma to separate Object entries"));
                }
                None => return Err(self.unclosed("Object", start)),
            };
            self.skip_space();
        }
    }

    fn insert(&mut self, fields: &mut Map<String, Value>, value: Value) {
        if let Some(Step::Field(name)) = self.steps.last()
            && fields.contains_key(name)
            && self.is_state_name()
        {
            self.duplicate_states.push(self.location());
        }
        if let Some(Step::Field(name)) = self.steps.pop() {
            fields.insert(name, value);
        }
    }

    fn is_state_name(&self) -> bool {
        matches!(self.steps.iter().rev().nth(1), Some(Step::Field(parent)) if parent == "States")
    }

    fn location(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Field(name) => {
                    path.push('/');
                    path.push_str(name);
                }
                Step::Item(index) => {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                }
            }
        }
        path
    }

    fn field_name(&mut self, start: Position, first: bool) -> Result<String, JsonError> {
        match self.peek() {
            Some('"') => {
                self.next();
            }
            Some(_) => {
                return Err(self.unexpected("was expecting double-quote to start field name"));
            }
            None if first => return Err(self.unclosed("Object", start)),
            None => return Err(self.unexpected_end_in_object()),
        }
        let name = self.string("name")?;
        self.skip_space();
        match self.peek() {
            Some(':') => {
                self.next();
            }
            Some(_) => {
                let expected = "was expecting a colon to separate field name and value";
                return Err(self.unexpected(expected));
            }
            None => return Err(self.unexpected_end_in_object()),
        }
        self.skip_space();
        Ok(name)
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let start = self.position();
        self.next();
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(']') {
            self.next();
            return Ok(Value::Array(items));
        }
        loop {
            if self.peek().is_none() {
                return Err(self.unclosed("Array", start));
            }
            self.steps.push(Step::Item(items.len()));
            items.push(self.value()?);
            self.steps.pop();
            self.skip_space();
            match self.peek() {
                Some(',') => self.next(),
                Some(']') => {
                    self.next();
                    return Ok(Value::Array(items));
                }
                Some('}') => return Err(self.mismatched_close("Array", ']', start)),
                Some(_) => {
                    return Err(self.unexpected("was expecting comma to separate Array entries"));
                }
                None => return Err(self.unclosed("Array", start)),
            };
            self.skip_space();
        }
    }

    fn string(&mut self, role: &str) -> Result<String, JsonError> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None if role == "name" => {
                    return Err(self.syntax_error("Unexpected end-of-input in field name"));
                }
                None => {
                    let ended =
                        "Unexpected end-of-input: was expecting closing quote for a string value";
                    return Err(self.syntax_error(ended));
                }
                Some('"') => {
                    self.next();
                    return Ok(text);
                }
                Some('\\') => {
                    self.next();
                    text.push(self.escape()?);
                }
                Some(control) if control < ' ' => {
                    self.next();
                    let role = if role == "name" { "name" } else { "string value" };
                    return Err(self.syntax_error(&format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be \
                         included in {role}",
                        describe(control)
                    )));
                }
                Some(other) => {
                    self.next();
                    text.push(other);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(escaped) = self.next() else {
            return Err(self.syntax_error("Unexpected end-of-input in character escape sequence"));
        };
        match (single_character(escaped), escaped) {
            (Some(character), _) => Ok(character),
            (None, 'u') => self.unicode(),
            (None, other) => {
                let character = describe(other);
                Err(self.syntax_error(&format!("Unrecognized character escape {character}")))
            }
        }
    }

    /// Half of a surrogate pair without the other half becomes U+FFFD: a Rust string cannot hold
    /// it, and no definition can depend on it.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.peek() != Some('\\') {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.next();
        if self.peek() != Some('u') {
            return self.escape();
        }
        self.next();
        let low = self.four_digits()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Ok(char::from_u32(low).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let joined = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.next() else {
                return Err(
                    self.syntax_error("Unexpected end-of-input in character escape sequence")
                );
            };
            let Some(value) = digit.to_digit(16) else {
                return Err(self.syntax_error(&format!(
                    "Unexpected character ({}): expected a hex-digit for character escape sequence",
                    describe(digit)
                )));
            };
            code = code * 16 + value;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let mut text = String::new();
        if self.peek() == Some('-') {
            text.extend(self.next());
        }
        let integer_digits = self.digits(&mut text);
        if integer_digits == 0 {
            let expected = "in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value";
            return Err(self.unexpected_in(expected));
        }
        if integer_digits > 1 && text.trim_start_matches('-').starts_with('0') {
            return Err(self.syntax_error("Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some('.') {
            text.extend(self.next());
            if self.digits(&mut text) == 0 {
                let expected = "in numeric value: Decimal point not followed by a digit";
                return Err(self.unexpected_in(expected));
            }
        }
        if self.peek().is_some_and(|c| matches!(c, 'e' | 'E')) {
            text.extend(self.next());
            if self.peek().is_some_and(|c| matches!(c, '+' | '-')) {
                text.extend(self.next());
            }
            if self.digits(&mut text) == 0 {
                let expected = "in numeric value: Exponent indicator not followed by a digit";
                return Err(self.unexpected_in(expected));
            }
        }
        match serde_json::from_str(&text) {
            Ok(number) => Ok(number),
            Err(_) => Err(self.syntax_error(&format!("Invalid numeric value: {text}"))),
        }
    }

    fn digits(&mut self, into: &mut String) -> usize {
        let before = into.len();
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            into.extend(self.next());
        }
        into.len() - before
    }

    fn token(&mut self) -> Result<Value, JsonError> {
        if !self.peek().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$')) {
            return Err(self.unexpected_value());
        }
        let mut word = String::new();
        while word.len() < 256
            && self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
        {
            word.extend(self.next());
        }
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(self
                .syntax_error(&format!("Unrecognized token '{word}': was expecting {ANY_VALUE}"))),
        }
    }

    fn unexpected_value(&mut self) -> JsonError {
        if self.peek().is_some_and(char::is_alphabetic) {
            return self
                .token()
                .err()
                .unwrap_or_else(|| self.syntax_error("Trailing token found after value"));
        }
        self.unexpected(&format!("expected a valid value {ANY_VALUE}"))
    }

    fn unexpected(&mut self, expected: &str) -> JsonError {
        let found = self.next().map(describe).unwrap_or_default();
        self.syntax_error(&format!("Unexpected character ({found}): {expected}"))
    }

    fn unexpected_in(&mut self, expected: &str) -> JsonError {
        match self.next() {
            Some(found) => {
                self.syntax_error(&format!("Unexpected character ({}) {expected}", describe(found)))
            }
            None => self.syntax_error("Unexpected end-of-input within numeric value"),
        }
    }

    fn unexpected_end_in_object(&self) -> JsonError {
        self.syntax_error("Unexpected end-of-input within/between Object entries")
    }

    fn unclosed(&self, container: &str, start: Position) -> JsonError {
        let start_location = self.source(start);
        self.syntax_error(&format!(
            "Unexpected end-of-input: expected close marker for {container} (start marker at {start_location})"
        ))
    }

    fn mismatched_close(&mut self, container: &str, expected: char, start: Position) -> JsonError {
        let found = self.next().unwrap_or_default();
        let start_location = self.source(start);
        self.syntax_error(&format!(
            "Unexpected close marker '{found}': expected '{expected}' (for {container} starting at {start_location})"
        ))
    }

    fn syntax_error(&self, problem: &str) -> JsonError {
        let location = self.source(self.position());
        JsonError::Syntax { message: format!("{problem}\n at {location}"), location }
    }

    fn source(&self, position: Position) -> String {
        let snippet: String = self.text.chars().take(MAX_SNIPPET_CHARS).collect();
        let remaining = self.text.chars().skip(MAX_SNIPPET_CHARS).count();
        let truncation =
            if remaining == 0 { String::new() } else { format!("[truncated {remaining} chars]") };
        format!(
            "[Source: (String)\"{snippet}\"{truncation}; line: {}, column: {}]",
            position.line, position.column
        )
    }
}

/// A character as Jackson names it.
fn describe(c: char) -> String {
    let code = u32::from(c);
    if c.is_control() {
        format!("(CTRL-CHAR, code {code})")
    } else if code > 255 {
        format!("'{c}' (code {code} / 0x{code:x})")
    } else {
        format!("'{c}' (code {code})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        match read(text) {
            Err(JsonError::Syntax { message, .. }) => assert_eq!(message, expected, "{text}"),
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn invalid_json_is_rejected_with_jacksons_message() {
        check(
            "not a definition",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token \
             'null', 'true' or 'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4]",
        );
        check(
            "{\"a\":}",
            "Unexpected character ('}' (code 125)): expected a valid value (JSON String, Number, \
             Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"{\"a\":}\"; \
             line: 1, column: 7]",
        );
        check(
            "{\"a\": 1",
            "Unexpected end-of-input: expected close marker for Object (start marker at [Source: \
             (String)\"{\"a\": 1\"; line: 1, column: 1])\n at [Source: (String)\"{\"a\": 1\"; line: 1, \
             column: 8]",
        );
        check(
            "{\"a\": 1,}",
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name\n \
             at [Source: (String)\"{\"a\": 1,}\"; line: 1, column: 10]",
        );
    }

    #[test]
    fn the_location_has_line_and_column() {
        let Err(JsonError::Syntax { location, .. }) = read("{\n \"a\" 1}") else { panic!("read") };
        assert_eq!(location, "[Source: (String)\"{\n \"a\" 1}\"; line: 2, column: 7]");
    }

    #[test]
    fn valid_json_parses_as_in_serde_json() {
        for text in [
            "null",
            " [1, -2.5e3, 0] ",
            r#"{"a":{"b":[true,false,null]},"c":"x\n\"\u00e9\ud83c\udd97"}"#,
            "{}",
            "[]",
        ] {
            let expected: Value = serde_json::from_str(text).expect("the test's own JSON");
            assert_eq!(read(text).expect("JSON").value, expected, "{text}");
        }
    }

    #[test]
    fn duplicate_state_names_are_recorded() {
        let read = read(r#"{"States":{"A":1,"B":{"States":{"C":1,"C":2}},"A":3}}"#).expect("JSON");
        assert_eq!(read.duplicate_states, ["/States/B/States/C", "/States/A"]);
    }

    #[test]
    fn blank_text_is_empty_and_deep_nesting_is_rejected() {
        assert_eq!(read(" \n").err(), Some(JsonError::Empty));
        assert_eq!(read(&"[".repeat(100_000)).err(), Some(JsonError::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(100_000)).err(), Some(JsonError::TooDeep));
    }
}
