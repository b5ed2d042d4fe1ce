//! `DynamoDB` items, and typed access to their attributes.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item, or the key of one, in the SDK's form.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A key that consists of one string attribute.
pub(crate) fn key(name: &str, value: impl Into<String>) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.into()))])
}

/// The value of a string attribute.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The value of a number attribute; `None` if it does not fit `T`.
pub(crate) fn number<T: FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
