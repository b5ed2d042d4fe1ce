//! JSON text as AWS's front end reads it, with the front end's complaints.
//!
//! Step Functions parses definitions and inputs with Jackson, and Jackson's
//! sentences, line and column included, reach the caller: in the diagnostic
//! `INVALID_JSON_DESCRIPTION` and in the error `InvalidExecutionInput`. So this
//! reader says what Jackson says. It also remembers what `serde_json` forgets:
//! a field written twice in one object, because two states of one name are an
//! error that the last value alone would hide.
//!
//! It promises to end: every step consumes a character, and nesting is bounded
//! by what the engine's own parser can read.

use serde_json::{Map, Value};

/// `serde_json` refuses the 128th level, and what is let through here must be
/// readable there.
const DEEPEST: usize = 127;

/// Jackson shows this much of the text it complains about.
const SNIPPET: usize = 500;

/// What Jackson lists when it wanted a value.
const ANY_VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A JSON text, read.
#[derive(Debug)]
pub(super) struct Document {
    /// The value; of a repeated field, the last.
    pub(super) value: Value,
    /// The places of fields that their object already had, as `/States/A`.
    pub(super) repeated: Vec<String>,
}

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is nothing but white space.
    Empty,
    /// Deeper than the engine reads.
    TooDeep,
    /// Jackson's complaint.
    Syntax {
        /// The complaint with its location, as one text.
        message: String,
        /// `[Source: (String)"…"; line: 1, column: 4]`.
        location: String,
    },
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Document, Fault> {
    let mut reader = Reader::new(text);
    reader.skip_space();
    if reader.peek().is_none() {
        return Err(Fault::Empty);
    }
    let value = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(Document { value, repeated: reader.repeated }),
        Some(_) => Err(reader.unexpected_value()),
    }
}

#[derive(Clone, Copy)]
struct Mark {
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
    repeated: Vec<String>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let chars = text.chars().peekable();
        Self { text, chars, line: 1, column: 1, steps: Vec::new(), repeated: Vec::new() }
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
            // Jackson counts Java's characters, which are UTF-16 units.
            self.column += next.len_utf16();
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn mark(&self) -> Mark {
        Mark { line: self.line, column: self.column }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        if self.steps.len() > DEEPEST {
            return Err(Fault::TooDeep);
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
            None => Err(self.ended_between()),
        }
    }

    fn object(&mut self) -> Result<Value, Fault> {
        let start = self.mark();
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
            self.keep(&mut fields, value);
            self.skip_space();
            match self.peek() {
                Some(',') => self.next(),
                Some('}') => {
                    self.next();
                    return Ok(Value::Object(fields));
                }
                Some(']') => return Err(self.wrong_close("Object", '}', start)),
                Some(_) => {
                    return Err(self.unexpected("was expecting comma to separate Object entries"));
                }
                None => return Err(self.ended_open("Object", start)),
            };
            self.skip_space();
        }
    }

    fn keep(&mut self, fields: &mut Map<String, Value>, value: Value) {
        if let Some(Step::Field(name)) = self.steps.last()
            && fields.contains_key(name)
            && self.in_states()
        {
            self.repeated.push(self.spelled_path());
        }
        if let Some(Step::Field(name)) = self.steps.pop() {
            fields.insert(name, value);
        }
    }

    fn in_states(&self) -> bool {
        matches!(self.steps.iter().rev().nth(1), Some(Step::Field(parent)) if parent == "States")
    }

    fn spelled_path(&self) -> String {
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

    fn field_name(&mut self, start: Mark, first: bool) -> Result<String, Fault> {
        match self.peek() {
            Some('"') => {
                self.next();
            }
            Some(_) => {
                return Err(self.unexpected("was expecting double-quote to start field name"));
            }
            None if first => return Err(self.ended_open("Object", start)),
            None => return Err(self.ended_between()),
        }
        let name = self.string("name")?;
        self.skip_space();
        match self.peek() {
            Some(':') => {
                self.next();
            }
            Some(_) => {
                let wanted = "was expecting a colon to separate field name and value";
                return Err(self.unexpected(wanted));
            }
            None => return Err(self.ended_between()),
        }
        self.skip_space();
        Ok(name)
    }

    fn array(&mut self) -> Result<Value, Fault> {
        let start = self.mark();
        self.next();
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(']') {
            self.next();
            return Ok(Value::Array(items));
        }
        loop {
            if self.peek().is_none() {
                return Err(self.ended_open("Array", start));
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
                Some('}') => return Err(self.wrong_close("Array", ']', start)),
                Some(_) => {
                    return Err(self.unexpected("was expecting comma to separate Array entries"));
                }
                None => return Err(self.ended_open("Array", start)),
            };
            self.skip_space();
        }
    }

    fn string(&mut self, role: &str) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None if role == "name" => {
                    return Err(self.fault("Unexpected end-of-input in field name"));
                }
                None => {
                    let ended =
                        "Unexpected end-of-input: was expecting closing quote for a string value";
                    return Err(self.fault(ended));
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
                    return Err(self.fault(&format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be \
                         included in {role}",
                        described(control)
                    )));
                }
                Some(other) => {
                    self.next();
                    text.push(other);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let Some(escaped) = self.next() else {
            return Err(self.fault("Unexpected end-of-input in character escape sequence"));
        };
        Ok(match escaped {
            '"' | '\\' | '/' => escaped,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            other => {
                let what = described(other);
                return Err(self.fault(&format!("Unrecognized character escape {what}")));
            }
        })
    }

    /// A half of a surrogate pair that has no other half becomes U+FFFD: Rust's
    /// text cannot hold it, and nothing in a definition can depend on it.
    fn unicode(&mut self) -> Result<char, Fault> {
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

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.next() else {
                return Err(self.fault("Unexpected end-of-input in character escape sequence"));
            };
            let Some(value) = digit.to_digit(16) else {
                return Err(self.fault(&format!(
                    "Unexpected character ({}): expected a hex-digit for character escape sequence",
                    described(digit)
                )));
            };
            code = code * 16 + value;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let mut text = String::new();
        if self.peek() == Some('-') {
            text.extend(self.next());
        }
        let whole = self.digits(&mut text);
        if whole == 0 {
            let wanted = "in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value";
            return Err(self.unexpected_in(wanted));
        }
        if whole > 1 && text.trim_start_matches('-').starts_with('0') {
            return Err(self.fault("Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some('.') {
            text.extend(self.next());
            if self.digits(&mut text) == 0 {
                let wanted = "in numeric value: Decimal point not followed by a digit";
                return Err(self.unexpected_in(wanted));
            }
        }
        if self.peek().is_some_and(|c| matches!(c, 'e' | 'E')) {
            text.extend(self.next());
            if self.peek().is_some_and(|c| matches!(c, '+' | '-')) {
                text.extend(self.next());
            }
            if self.digits(&mut text) == 0 {
                let wanted = "in numeric value: Exponent indicator not followed by a digit";
                return Err(self.unexpected_in(wanted));
            }
        }
        match serde_json::from_str(&text) {
            Ok(number) => Ok(number),
            Err(_) => Err(self.fault(&format!("Invalid numeric value: {text}"))),
        }
    }

    fn digits(&mut self, into: &mut String) -> usize {
        let before = into.len();
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            into.extend(self.next());
        }
        into.len() - before
    }

    fn token(&mut self) -> Result<Value, Fault> {
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
            _ => {
                Err(self.fault(&format!("Unrecognized token '{word}': was expecting {ANY_VALUE}")))
            }
        }
    }

    fn unexpected_value(&mut self) -> Fault {
        if self.peek().is_some_and(char::is_alphabetic) {
            return self
                .token()
                .err()
                .unwrap_or_else(|| self.fault("Trailing token found after value"));
        }
        self.unexpected(&format!("expected a valid value {ANY_VALUE}"))
    }

    fn unexpected(&mut self, wanted: &str) -> Fault {
        let found = self.next().map(described).unwrap_or_default();
        self.fault(&format!("Unexpected character ({found}): {wanted}"))
    }

    fn unexpected_in(&mut self, wanted: &str) -> Fault {
        match self.next() {
            Some(found) => {
                self.fault(&format!("Unexpected character ({}) {wanted}", described(found)))
            }
            None => self.fault("Unexpected end-of-input within numeric value"),
        }
    }

    fn ended_between(&self) -> Fault {
        self.fault("Unexpected end-of-input within/between Object entries")
    }

    fn ended_open(&self, what: &str, start: Mark) -> Fault {
        let at = self.source(start);
        self.fault(&format!(
            "Unexpected end-of-input: expected close marker for {what} (start marker at {at})"
        ))
    }

    fn wrong_close(&mut self, what: &str, wanted: char, start: Mark) -> Fault {
        let found = self.next().unwrap_or_default();
        let at = self.source(start);
        self.fault(&format!(
            "Unexpected close marker '{found}': expected '{wanted}' (for {what} starting at {at})"
        ))
    }

    fn fault(&self, complaint: &str) -> Fault {
        let location = self.source(self.mark());
        Fault::Syntax { message: format!("{complaint}\n at {location}"), location }
    }

    fn source(&self, at: Mark) -> String {
        let shown: String = self.text.chars().take(SNIPPET).collect();
        let left = self.text.chars().skip(SNIPPET).count();
        let cut = if left == 0 { String::new() } else { format!("[truncated {left} chars]") };
        format!("[Source: (String)\"{shown}\"{cut}; line: {}, column: {}]", at.line, at.column)
    }
}

/// A character as Jackson names it.
fn described(c: char) -> String {
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
            Err(Fault::Syntax { message, .. }) => assert_eq!(message, expected, "{text}"),
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn a_text_that_is_not_json_is_refused_in_jacksons_words() {
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
    fn the_place_is_counted_in_lines_and_columns() {
        let Err(Fault::Syntax { location, .. }) = read("{\n \"a\" 1}") else { panic!("read") };
        assert_eq!(location, "[Source: (String)\"{\n \"a\" 1}\"; line: 2, column: 7]");
    }

    #[test]
    fn what_is_json_is_read_as_serde_reads_it() {
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
    fn a_state_written_twice_is_remembered() {
        let read = read(r#"{"States":{"A":1,"B":{"States":{"C":1,"C":2}},"A":3}}"#).expect("JSON");
        assert_eq!(read.repeated, ["/States/B/States/C", "/States/A"]);
    }

    #[test]
    fn white_space_alone_is_empty_and_a_pit_has_a_floor() {
        assert_eq!(read(" \n").err(), Some(Fault::Empty));
        assert_eq!(read(&"[".repeat(100_000)).err(), Some(Fault::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(100_000)).err(), Some(Fault::TooDeep));
    }
}
