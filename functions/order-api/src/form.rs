//! The fields of a body: each asked for by name, read by a rule, and named when
//! it is wrong. Whatever nobody asked for is refused.
//!
//! All that is wrong is collected, up to a screenful, so that a client mends it
//! in one go. No value is ever quoted.

use domain::{Currency, Money, Quantity, Sku, Timestamp};

use crate::body::{Node, join};
use crate::problem::{FieldError, Kind, Problem};
use crate::schema::MOST_MONEY;

/// No more than this many errors are listed.
const MOST_ERRORS: usize = 20;

/// What is wrong with a value, in words that follow its field's name.
pub type Wrong = String;

/// Reads a body as an object.
///
/// `read` asks the form for its fields; what it could not read it gives up with
/// `None`, and the problem lists why.
pub fn read<T>(body: &Node, read: impl FnOnce(&mut Form<'_>) -> Option<T>) -> Result<T, Problem> {
    let mut errors = Vec::new();
    let value = object(body, "", &mut errors, read);
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => {
            errors.truncate(MOST_ERRORS);
            Err(Problem::fields(Kind::Invalid, errors))
        }
    }
}

/// An object of the body while it is read.
#[derive(Debug)]
pub struct Form<'a> {
    path: String,
    fields: &'a [(String, Node)],
    asked: Vec<&'static str>,
    errors: &'a mut Vec<FieldError>,
}

fn object<T>(
    node: &Node,
    path: &str,
    errors: &mut Vec<FieldError>,
    read: impl FnOnce(&mut Form<'_>) -> Option<T>,
) -> Option<T> {
    let Node::Object(fields) = node else {
        let field = if path.is_empty() { "(body)" } else { path };
        errors.push(FieldError::new(field, "must be an object"));
        return None;
    };
    let mut form = Form { path: path.to_owned(), fields, asked: vec![], errors };
    let value = read(&mut form);
    form.refuse_the_rest();
    value
}

impl<'a> Form<'a> {
    /// A field that there must be, read by a rule.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.find(name) {
            Some(node) => self.judge(name, rule(node)),
            None => self.wrong(name, "is required"),
        }
    }

    /// A field that there may be. The outer `None` says that it is wrong. `null`
    /// is a value, and a wrong one: a field that is not there is left out.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&Node) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        match self.find(name) {
            Some(node) => self.judge(name, rule(node)).map(Some),
            None => Some(None),
        }
    }

    /// An object that there must be.
    pub fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Form<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.find(name) {
            Some(node) => object(node, &join(&self.path, name), self.errors, read),
            None => self.wrong(name, "is required"),
        }
    }

    /// An object that there may be, as [`Form::optional`].
    pub fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Form<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.find(name).is_none() {
            return Some(None);
        }
        self.object(name, read).map(Some)
    }

    /// A list of objects that there must be, of a length from 1 to `most`.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&mut Form<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(node) = self.find(name) else { return self.wrong(name, "is required") };
        let Node::List(items) = node else { return self.wrong(name, "must be an array") };
        if items.is_empty() || items.len() > most {
            return self.wrong(name, &format!("must hold 1 to {most} entries"));
        }
        let path = join(&self.path, name);
        let read_all = items
            .iter()
            .enumerate()
            .map(|(index, item)| object(item, &format!("{path}[{index}]"), self.errors, &read));
        // Every entry is read, so that all that is wrong is listed.
        let entries: Vec<Option<T>> = read_all.collect();
        entries.into_iter().collect()
    }

    /// Says what is wrong with a field that was read already.
    pub fn wrong<T>(&mut self, name: &str, detail: &str) -> Option<T> {
        self.errors.push(FieldError::new(join(&self.path, name), detail));
        None
    }

    fn find(&mut self, name: &'static str) -> Option<&'a Node> {
        self.asked.push(name);
        let fields = self.fields;
        fields.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn judge<T>(&mut self, name: &'static str, judged: Result<T, Wrong>) -> Option<T> {
        match judged {
            Ok(value) => Some(value),
            Err(detail) => self.wrong(name, &detail),
        }
    }

    fn refuse_the_rest(&mut self) {
        for (index, (key, _)) in self.fields.iter().enumerate() {
            if self.fields.iter().take(index).any(|(earlier, _)| earlier == key) {
                self.wrong::<()>(key, "is given twice");
            } else if !self.asked.contains(&key.as_str()) {
                self.wrong::<()>(key, "is not a field of this");
            }
            if self.errors.len() >= MOST_ERRORS {
                return;
            }
        }
    }
}

/// A string of 1 to `most` characters, none of them a control character, with
/// no space at either end.
pub fn text(most: usize) -> impl Fn(&Node) -> Result<String, Wrong> {
    move |node| {
        let text = string(node)?;
        let length = text.chars().count();
        if length == 0 || length > most {
            return Err(format!("must have 1 to {most} characters"));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err("must be plain text without control characters or outer spaces".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// A string that this parser takes; its error says what it must be.
pub fn parsed<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&Node) -> Result<T, Wrong> {
    move |node| parse(string(node)?).map_err(|error| error.to_string())
}

/// One of these words.
pub fn word<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&Node) -> Result<T, Wrong> {
    move |node| {
        let text = string(node)?;
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("must be {}", names.join(" or "))
        })
    }
}

/// `true` or `false`.
pub fn flag(node: &Node) -> Result<bool, Wrong> {
    match node {
        Node::Bool(value) => Ok(*value),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A whole number from `least` to `most`.
pub fn whole(least: u64, most: u64) -> impl Fn(&Node) -> Result<u64, Wrong> {
    move |node| {
        // `2.0` is a whole number, too, as JSON Schema has it: without a fraction.
        let number = match node {
            Node::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").unwrap_or(&text).parse::<u64>().ok()
            }
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    }
}

/// A SKU.
pub fn sku(node: &Node) -> Result<Sku, Wrong> {
    parsed(|text| Sku::parse(text))(node)
}

/// How many of a thing.
pub fn quantity(node: &Node) -> Result<Quantity, Wrong> {
    let number = whole(1, Quantity::MAX.into())(node)?;
    u32::try_from(number)
        .ok()
        .and_then(|number| Quantity::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from 1 to {}", Quantity::MAX))
}

/// A date and time in RFC 3339.
pub fn moment(node: &Node) -> Result<Timestamp, Wrong> {
    parsed(|text| text.parse::<Timestamp>().map_err(|error| format!("is {error}")))(node)
}

/// An amount of money: `{amount, currency}`, in one of these currencies.
pub fn money(taken: &[Currency]) -> impl Fn(&mut Form<'_>) -> Option<Money> {
    move |form| {
        let amount = form.required("amount", whole(0, MOST_MONEY));
        let currency = form.required("currency", |node| {
            let code = string(node)?;
            Currency::from_code(code)
                .filter(|currency| taken.contains(currency))
                .ok_or_else(|| "is not a currency that the shop takes".to_owned())
        });
        Some(Money::new(amount?, currency?))
    }
}

fn string(node: &Node) -> Result<&str, Wrong> {
    match node {
        Node::Text(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}
