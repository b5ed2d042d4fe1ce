//! The form-encoded parameters of a call, and their validation.

use super::error::ApiError;
use crate::exchange::HttpRequest;

/// The parameters: the query of a GET, or the body of a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(request: &HttpRequest) -> Result<Self, ApiError> {
        let encoded =
            if request.method == "GET" { request.query().as_bytes() } else { &request.body };
        serde_urlencoded::from_bytes(encoded)
            .map(Self)
            .map_err(|error| ApiError::invalid(&format!("Invalid request body: {error}")))
    }

    /// In a fixed order, so that two calls can be compared.
    pub(crate) fn sorted(&self) -> Vec<(String, String)> {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted
    }

    /// Rejects parameters whose top-level name is not in `known`.
    pub(crate) fn reject_unknown(&self, known: &[&str]) -> Result<(), ApiError> {
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

    /// A string; an empty one counts as absent.
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

    /// A non-negative integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let error = || {
            ApiError::parameter(
                "parameter_invalid_integer",
                name,
                &format!("Invalid integer: {text}"),
            )
        };
        text.parse().ok().filter(|integer| *integer >= 0).map(Some).ok_or_else(error)
    }

    /// A boolean; `false` if absent.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(ApiError::invalid(&format!("Invalid boolean: {other}"))
                    .with("param", name.into()))
            }
        }
    }

    /// One of the `allowed` values.
    pub(crate) fn one_of(
        &self,
        name: &str,
        allowed: &[&'static str],
    ) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        allowed.iter().find(|value| **value == text).copied().map(Some).ok_or_else(|| {
            let message = format!("Invalid {name}: must be one of {}", allowed.join(", "));
            ApiError::invalid(&message).with("param", name.into())
        })
    }

    /// The `key` and value of each parameter `name[key]`.
    pub(crate) fn map(&self, name: &str) -> Vec<(String, String)> {
        let inner = |known: &str| {
            Some(known.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned())
        };
        self.0.iter().filter_map(|(known, value)| Some((inner(known)?, value.clone()))).collect()
    }

    /// The values of `expand[]` or `expand[0]`; each must be in `expandable`.
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
