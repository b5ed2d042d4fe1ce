//! The parsed form of paths and filters, and how it prints.

use std::fmt;

use serde_json::Value;

/// The root of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `$`: the input.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a workflow variable.
    Variable(String),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// `.a`, `['a']`, `['a','b']`.
    Names(Vec<String>),
    /// `[0]`, `[0,2]`; a negative index finds nothing.
    Indexes(Vec<i64>),
    /// `[(@.length-1)]`.
    IndexFromEnd(u32),
    /// `[1:]`, `[:2]`, `[1:2]`.
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`.
    Wildcard,
    /// `..`: every descendant, for the next step.
    Descent,
    /// `[?(…)]`.
    Filter(Filter),
}

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// `a || b`.
    Or(Vec<Filter>),
    /// `a && b`.
    And(Vec<Filter>),
    /// `!(a)`.
    Not(Box<Filter>),
    /// `@.a`, and `!@.a` with `false`.
    Exists(Operand, bool),
    /// `@.a > 1`.
    Compare(Operand, Operator, Operand),
}

/// An operand of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// A path from `@` (`true`) or `$` (`false`).
    Path(bool, Vec<Step>),
    /// A literal.
    Literal(Value),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    All,
}

pub(super) const OPERATORS: [(&str, Operator); 12] = [
    ("==", Operator::Eq),
    ("!=", Operator::Ne),
    ("<", Operator::Lt),
    ("<=", Operator::Le),
    (">", Operator::Gt),
    (">=", Operator::Ge),
    ("IN", Operator::In),
    ("NIN", Operator::NotIn),
    ("CONTAINS", Operator::Contains),
    ("SIZE", Operator::Size),
    ("EMPTY", Operator::Empty),
    ("ALL", Operator::All),
];

pub(super) fn write_steps(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    steps.iter().try_for_each(|step| write!(f, "{step}"))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A name in dot notation may contain a quote.
            Self::Names(names) if names.iter().any(|name| name.contains('\'')) => {
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Self::Names(names) => write_list(f, names.iter().map(|name| format!("'{name}'"))),
            Self::IndexFromEnd(distance) => write!(f, "[(@.length-{distance})]"),
            Self::Indexes(indexes) => write_list(f, indexes.iter()),
            Self::Slice(from, to) => {
                f.write_str("[")?;
                from.map_or(Ok(()), |from| write!(f, "{from}"))?;
                f.write_str(":")?;
                to.map_or(Ok(()), |to| write!(f, "{to}"))?;
                f.write_str("]")
            }
            Self::Wildcard => f.write_str("[*]"),
            Self::Descent => f.write_str(".."),
            Self::Filter(filter) => write!(f, "[?({filter})]"),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, filters: &[Self], sign: &str| {
            filters.iter().enumerate().try_for_each(|(index, filter)| {
                f.write_str(if index == 0 { "" } else { sign })?;
                write!(f, "({filter})")
            })
        };
        match self {
            Self::Or(filters) => join(f, filters, " || "),
            Self::And(filters) => join(f, filters, " && "),
            Self::Not(filter) => write!(f, "!({filter})"),
            Self::Exists(operand, expected) => {
                write!(f, "{}{operand}", if *expected { "" } else { "!" })
            }
            Self::Compare(left, operator, right) => write!(f, "{left} {operator} {right}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(current, steps) => {
                f.write_str(if *current { "@" } else { "$" })?;
                write_steps(f, steps)
            }
            Self::Literal(Value::String(text)) => write!(f, "{}", Quoted(text)),
            Self::Literal(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = OPERATORS.iter().find(|(_, operator)| operator == self);
        f.write_str(name.map_or("", |(sign, _)| sign))
    }
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        write!(f, "{}{item}", if index == 0 { "[" } else { "," })?;
    }
    f.write_str("]")
}

/// A string in single quotes, escaped so that it parses to itself.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'")?;
        for c in self.0.chars() {
            f.write_str(if c == '\'' { "\\'" } else { "" })?;
            write!(f, "{c}")?;
        }
        f.write_str("'")
    }
}
