//! The input of the three functions that the state machine calls.
//!
//! ```json
//! {"operation": "cancel", "orderId": "ord_…", "execution": "ord_…",
//!  "enteredAt": "2026-11-23T04:00:00.000Z",
//!  "failed": {"InitiateShipping": {"Error": "ShippingRejected", "Cause": "…"}}}
//! ```
//!
//! Only `orderId` is required. Without `operation` the function does its first one.
//! Without `execution`, as in an invocation by hand, the owner of the order is not
//! checked. Time comes with the event: `enteredAt` is when the state was entered, and
//! every decision of the step is made for that time. Unknown fields are ignored.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::compensation::{FailedState, FailedStates};
use crate::steps::State;
use crate::{ErrorName, ExecutionName, OrderId, StepError, Timestamp};

/// What the state machine asks a function to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInput<O> {
    /// The operation; the default one if the input names none.
    pub operation: O,
    /// The order.
    pub order_id: OrderId,
    /// The execution that calls; none in an invocation by hand.
    pub execution: Option<ExecutionName>,
    /// When the state was entered: the time for which the function decides.
    pub entered_at: Option<Timestamp>,
    /// The states that failed before; empty on the way forward.
    pub failed: FailedStates,
}

impl<O: Default + FromStr> TaskInput<O> {
    /// Parses the input of a function.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`] names the field that is missing or malformed, never
    /// its value: an input may hold anything.
    pub fn parse(input: &Value) -> Result<Self, StepError> {
        let fields = input.as_object().ok_or_else(|| invalid("the input must be an object"))?;
        let order_id = text(fields, "orderId")?.ok_or_else(|| invalid("`orderId` is missing"))?;
        let operation = match text(fields, "operation")? {
            None => O::default(),
            Some(name) => {
                name.parse().or(Err(invalid("`operation` is not one of this function")))?
            }
        };
        Ok(Self {
            operation,
            order_id: OrderId::parse(order_id).map_err(|e| invalid(&format!("`orderId` {e}")))?,
            execution: text(fields, "execution")?
                .map(ExecutionName::parse)
                .transpose()
                .map_err(|e| invalid(&format!("`execution` {e}")))?,
            entered_at: text(fields, "enteredAt")?
                .map(str::parse)
                .transpose()
                .map_err(|e| invalid(&format!("`enteredAt` is {e}")))?,
            failed: failed_states(fields.get("failed"))?,
        })
    }
}

/// A field that must be a string if it is there.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, StepError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(&format!("`{name}` must be a string"))),
    }
}

fn failed_states(field: Option<&Value>) -> Result<FailedStates, StepError> {
    match field {
        None | Some(Value::Null) => Ok(FailedStates::new()),
        Some(Value::Object(states)) => {
            states.iter().map(|(name, seen)| failed_state(name, seen)).collect()
        }
        Some(_) => Err(malformed_failed()),
    }
}

fn failed_state(name: &str, seen: &Value) -> Result<(State, FailedState), StepError> {
    let state: State = name.parse().or(Err(invalid("`failed` names an unknown state")))?;
    if !state.is_caught() {
        return Err(invalid("`failed` names a state whose failures are not caught"));
    }
    let seen = FailedState::deserialize(seen).or(Err(malformed_failed()))?;
    Ok((state, seen))
}

fn malformed_failed() -> StepError {
    invalid("`failed` must map states to {Error, Cause}")
}

fn invalid(detail: &str) -> StepError {
    ErrorName::InvalidRequest.with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::InventoryOperation;
    use serde_json::json;

    const ID: &str = "ord_0123456789abcdef0123456789abcdef";

    fn parse(input: &Value) -> Result<TaskInput<InventoryOperation>, StepError> {
        TaskInput::parse(input)
    }

    #[test]
    fn an_order_id_alone_is_enough() {
        let input = parse(&json!({"orderId": ID, "extra": 1})).unwrap();
        assert_eq!(input.operation, InventoryOperation::Reserve);
        assert_eq!((input.execution, input.entered_at), (None, None));
        assert!(input.failed.is_empty());
    }

    #[test]
    fn every_field_of_the_full_input_is_parsed() {
        let input = parse(&json!({
            "operation": "release", "orderId": ID, "execution": "exec-1",
            "enteredAt": "2026-11-23T04:00:00.000Z",
            "failed": {"CheckInventory": {"Error": "StoreUnavailable", "Cause": "…"}},
        }))
        .unwrap();
        assert_eq!(input.operation, InventoryOperation::Release);
        assert_eq!(input.failed[&State::CheckInventory].error, "StoreUnavailable");
    }

    #[test]
    fn a_malformed_input_is_rejected_by_the_name_of_its_field_without_its_value() {
        let check = |input: Value, expected: &str| {
            let failure = parse(&input).unwrap_err();
            assert_eq!(failure.name, ErrorName::InvalidRequest);
            assert!(failure.detail.contains(expected), "{} lacks {expected}", failure.detail);
            assert!(!failure.detail.contains("secret"));
        };
        check(json!(null), "object");
        check(json!([1]), "object");
        check(json!("secret"), "object");
        check(json!({}), "`orderId`");
        check(json!({"orderId": 7}), "`orderId`");
        check(json!({"orderId": "secret"}), "`orderId`");
        check(json!({"orderId": ID, "operation": "secret"}), "`operation`");
        check(json!({"orderId": ID, "operation": {}}), "`operation`");
        check(json!({"orderId": ID, "execution": "a secret"}), "`execution`");
        check(json!({"orderId": ID, "enteredAt": "secret"}), "`enteredAt`");
        check(json!({"orderId": ID, "failed": "secret"}), "`failed`");
        check(json!({"orderId": ID, "failed": {"secret": {"Error": "x"}}}), "`failed`");
        check(json!({"orderId": ID, "failed": {"CheckInventory": "secret"}}), "`failed`");
    }

    #[test]
    fn a_state_that_the_state_machine_does_not_have_is_an_error_and_decides_no_outcome() {
        let failed = |state: &str| {
            parse(&json!({"orderId": ID, "failed": {state: {"Error": "States.Timeout"}}}))
        };
        for state in State::ALL {
            assert_eq!(failed(state.as_str()).is_ok(), state.is_caught(), "{state}");
        }
        for unknown in ["NoSuchState", "processpayment", "ProcessPayment ", ""] {
            let error = failed(unknown).unwrap_err();
            assert_eq!(error.name, ErrorName::InvalidRequest, "{unknown}");
            assert_eq!(error.detail, "`failed` names an unknown state");
        }
    }
}
