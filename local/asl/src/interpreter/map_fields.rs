//! The fields of a Map state that select its items and limit its iterations.

use serde_json::Value;

use super::execution::Execution;
use super::failure::Failure;
use super::payload::display_value;
use super::thread::{ThreadId, Tolerance};
use crate::decimal::Decimal;
use crate::definition::{Map, NumberOrPath, PercentageOrPath, ProcessorMode};

impl Execution {
    pub(super) fn items(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
    ) -> Result<Vec<Value>, Failure> {
        let evaluation = self.evaluation_context(&self.threads[&id]);
        let (items, path) = match &map.items_path {
            None => (input.clone(), "$"),
            Some(path) => match path.read(&evaluation.scope(input)) {
                Ok(items) => (items, path.as_str()),
                Err(error) => return Err(self.evaluation_failure(id, &error.into())),
            },
        };
        let Value::Array(items) = items else {
            let cause = format!("Reference path \"{path}\" must point to array.");
            return Err(self.runtime_failure(id, &cause));
        };
        Ok(items)
    }

    /// How many iterations may run at once.
    pub(super) fn concurrency(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
    ) -> Result<usize, Failure> {
        let max = self.integer_field(id, "MaxConcurrency", map.max_concurrency.as_ref(), input)?;
        Ok(match max {
            None | Some(0) => usize::MAX,
            Some(max) => usize::try_from(max).unwrap_or(usize::MAX),
        })
    }

    /// An integer from the definition or the data; a numeric string is accepted.
    fn integer_field(
        &self,
        id: ThreadId,
        field: &str,
        number: Option<&NumberOrPath>,
        input: &Value,
    ) -> Result<Option<u64>, Failure> {
        let path = match number {
            None => return Ok(None),
            Some(NumberOrPath::Number(number)) => return Ok(Some(*number)),
            Some(NumberOrPath::Path(path)) => path,
        };
        let evaluation = self.evaluation_context(&self.threads[&id]);
        let read = path.read(&evaluation.scope(input));
        let value = read.map_err(|error| self.evaluation_failure(id, &error.into()))?;
        let text = display_value(&value);
        match text.parse::<i64>().map(u64::try_from) {
            Ok(Ok(number)) => Ok(Some(number)),
            Ok(Err(_)) => Err(self.runtime_failure(id, &format!("{field} cannot be negative."))),
            Err(_) => {
                let cause = format!(
                    "The {field}Path field refers to value \"{text}\" which is not a valid integer: {}",
                    path.as_str()
                );
                Err(self.runtime_failure(id, &cause))
            }
        }
    }

    /// How many iterations may fail. An inline Map without tolerance fields fails with the first
    /// failed iteration, under that iteration's own error.
    pub(super) fn tolerance(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
        item_count: usize,
    ) -> Result<Option<Tolerance>, Failure> {
        let count = self.integer_field(
            id,
            "ToleratedFailureCount",
            map.tolerated_failure_count.as_ref(),
            input,
        )?;
        let percentage = self.percentage(id, map, input)?;
        if count.is_none() && percentage.is_none() && map.processor_mode == ProcessorMode::Inline {
            return Ok(None);
        }
        let by_count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let by_percentage = percentage.map(|percentage| percentage.percent_of(item_count));
        let failures = match (by_count, by_percentage) {
            (Some(count), Some(percentage)) => count.min(percentage),
            (Some(limit), None) | (None, Some(limit)) => limit,
            (None, None) => 0,
        };
        Ok(Some(Tolerance { failures }))
    }

    fn percentage(
        &self,
        id: ThreadId,
        map: &Map,
        input: &Value,
    ) -> Result<Option<Decimal>, Failure> {
        let (text, path) = match &map.tolerated_failure_percentage {
            None => return Ok(None),
            Some(PercentageOrPath::Number(number)) => (number.to_string(), ""),
            Some(PercentageOrPath::Path(path)) => {
                let evaluation = self.evaluation_context(&self.threads[&id]);
                let read = path.read(&evaluation.scope(input));
                (
                    display_value(
                        &read.map_err(|error| self.evaluation_failure(id, &error.into()))?,
                    ),
                    path.as_str(),
                )
            }
        };
        let unsigned = Decimal::parse(text.strip_prefix('-').unwrap_or(&text));
        match unsigned {
            Some(percentage) if !text.starts_with('-') && percentage <= Decimal::HUNDRED => {
                Ok(Some(percentage))
            }
            Some(_) => {
                Err(self
                    .runtime_failure(id, "ToleratedFailurePercentage must be between 0 and 100."))
            }
            None => {
                let cause = format!(
                    "The ToleratedFailurePercentagePath field refers to value \"{text}\" which is not a valid float: {path}"
                );
                Err(self.runtime_failure(id, &cause))
            }
        }
    }
}
