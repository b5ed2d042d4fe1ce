//! The parsed form of a call, and how it prints.

use std::fmt;

use serde_json::Value;

use crate::paths::Path;

/// An intrinsic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
pub(crate) enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    #[strum(serialize = "UUID")]
    Uuid,
}

impl Function {
    /// Whether the function accepts this number of arguments.
    pub(super) fn accepts(self, count: usize) -> bool {
        let (min, max) = match self {
            Self::Uuid => (0, 0),
            Self::Array => (0, usize::MAX),
            Self::Format => (1, usize::MAX),
            Self::StringToJson
            | Self::JsonToString
            | Self::ArrayLength
            | Self::ArrayUnique
            | Self::Base64Encode
            | Self::Base64Decode => (1, 1),
            Self::ArrayPartition
            | Self::ArrayContains
            | Self::ArrayGetItem
            | Self::Hash
            | Self::MathAdd
            | Self::StringSplit => (2, 2),
            Self::MathRandom => (2, 3),
            Self::ArrayRange | Self::JsonMerge => (3, 3),
        };
        (min..=max).contains(&count)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    /// `'…'` with its escapes, because `States.Format` must see `\{`.
    Text(String),
    /// A number, `true`, `false`, `null`.
    Literal(Value),
    Path(Path),
    Call(Call),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States.{}(", self.function)?;
        for (index, argument) in self.arguments.iter().enumerate() {
            write!(f, "{}{argument}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(raw) => write!(f, "'{raw}'"),
            Self::Literal(value) => write!(f, "{value}"),
            Self::Path(path) => write!(f, "{path}"),
            Self::Call(call) => write!(f, "{call}"),
        }
    }
}
