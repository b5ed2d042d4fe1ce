//! EasyPost's error responses.
//!
//! The body is `{"error": {code, message, errors}}` or `{"error": "text"}`; only the code
//! is read. Source: <https://docs.easypost.com/docs/errors>.

use domain::ports::Response;
use serde::Deserialize;
use serde_json::Value;

/// An error response; empty if the body cannot be read.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    error: Value,
}

impl ErrorBody {
    /// The error in a response.
    pub(crate) fn parse(response: &Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    /// EasyPost's error code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.error.get("code").and_then(Value::as_str)
    }

    /// The status and the code, for an operator.
    pub(crate) fn summary(&self, status: u16) -> String {
        let is_word = |text: &&str| {
            text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'.'))
        };
        match self.code().filter(is_word) {
            Some(code) => format!("answered {status} {code}"),
            None => format!("answered {status}"),
        }
    }
}
