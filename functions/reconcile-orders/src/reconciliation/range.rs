//! The period that a reconciliation covers.

use domain::{ErrorName, StepError, Timestamp};
use serde_json::Value;

/// The period that a reconciliation covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The present.
    pub at: Timestamp,
    /// How many days back. All time if absent.
    pub days: Option<u32>,
}

impl Range {
    /// Parses the `days` of an input.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if `days` is not a whole number.
    pub fn parse(input: &Value, at: Timestamp) -> Result<Self, StepError> {
        let days = match &input["days"] {
            Value::Null => None,
            days => {
                Some(days.as_u64().and_then(|days| u32::try_from(days).ok()).ok_or_else(|| {
                    ErrorName::InvalidRequest.with_detail("`days` must be a whole number of days")
                })?)
            }
        };
        Ok(Self { at, days })
    }

    /// The start of the period.
    pub(super) fn since(self) -> Option<Timestamp> {
        self.days.map(|days| self.at.plus_hours(-24 * i64::from(days)))
    }
}
