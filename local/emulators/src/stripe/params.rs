//! The form-encoded parameters of a call, and the ways in which they can be wrong.

use super::error::ApiError;
use crate::exchange::HttpRequest;

/// The parameters, from the query of a GET and the body of a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn of(call: &HttpRequest) -> Result<Self, ApiError> {
        let encoded = if call.method == "GET" { call.query().as_bytes() } else { &call.body };
        serde_urlencoded::from_bytes(encoded)
            .map(Self)
            .map_err(|error| ApiError::invalid(&format!("Invalid request body: {error}")))
    }

    /// In an order of their own, so that two calls can be compared.
    pub(crate) fn sorted(&self) -> Vec<(String, String)> {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted
    }

    /// Refuses any parameter whose first name is not among these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let first = |name: &'_ str| {
            name.split_once('[').map_or(name.to_owned(), |(first, _)| first.to_owned())
        };
        match self
            .0
            .iter()
            .map(|(name, _)| first(name))
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(name) => {
                let message = format!("Received unknown parameter: {name}");
                Err(ApiError::parameter("parameter_unknown", &name, &message))
            }
            None => Ok(()),
        }
    }

    /// A text; one that is empty counts as left out.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| {
            ApiError::parameter(
                "parameter_missing",
                name,
                &format!("Missing required param: {name}."),
            )
        })
    }

    /// A whole number, 0 or more.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let error = || {
            ApiError::parameter(
                "parameter_invalid_integer",
                name,
                &format!("Invalid integer: {text}"),
            )
        };
        text.parse().ok().filter(|whole| *whole >= 0).map(Some).ok_or_else(error)
    }

    /// True or false; false when left out.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(ApiError::invalid(&format!("Invalid boolean: {other}"))
                    .with("param", name.into()))
            }
        }
    }

    /// One of a few words.
    pub(crate) fn one_of(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        words.iter().find(|word| **word == text).copied().map(Some).ok_or_else(|| {
            let message = format!("Invalid {name}: must be one of {}", words.join(", "));
            ApiError::invalid(&message).with("param", name.into())
        })
    }

    /// `name[key]` for each key.
    pub(crate) fn map(&self, name: &str) -> Vec<(String, String)> {
        let inner = |known: &str| {
            Some(known.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned())
        };
        self.0.iter().filter_map(|(known, value)| Some((inner(known)?, value.clone()))).collect()
    }

    /// `expand[]`, or `expand[0]`; each must be one of these.
    pub(crate) fn expand(&self, expandable: &[&str]) -> Result<Vec<String>, ApiError> {
        let requested: Vec<String> =
            self.map("expand").into_iter().map(|(_, value)| value).collect();
        match requested.iter().find(|requested| !expandable.contains(&requested.as_str())) {
            Some(error) => {
                Err(ApiError::invalid(&format!("This property cannot be expanded ({error}).")))
            }
            None => Ok(requested),
        }
    }
}
