//! A step of the order's life as the state machine asks for it: the input of
//! the three functions (`workflow.md`, section 2).

use serde_json::Value;

use crate::compensation::FailedStates;
use crate::{ErrorName, ExecutionName, OrderId, StepError, Timestamp};

/// What the state machine asks a function to do. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<O> {
    /// The operation; the function's first one when the input names none.
    pub operation: O,
    /// The order.
    pub order_id: OrderId,
    /// The execution that asks; none in a hand-made invocation.
    pub execution: Option<ExecutionName>,
    /// When the state was entered: the time by which the function decides.
    pub entered_at: Option<Timestamp>,
    /// The states that failed before; empty on the way forward.
    pub failed: FailedStates,
}

impl<O> Step<O> {
    /// Reads the input of a function.
    ///
    /// `operation` gives the operation of a name, and the default of none. The
    /// failures name the field, never its value: an input may hold anything.
    pub fn parse(
        input: &Value,
        operation: impl Fn(Option<&str>) -> Option<O>,
    ) -> Result<Self, StepError> {
        let fields = input.as_object().ok_or_else(|| invalid("the input must be an object"))?;
        let text = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(invalid(&format!("`{name}` must be a string"))),
        };
        let order_id = text("orderId")?.ok_or_else(|| invalid("`orderId` is missing"))?;
        let failed = match fields.get("failed") {
            None | Some(Value::Null) => FailedStates::new(),
            Some(failed) => serde_json::from_value(failed.clone())
                .or(Err(invalid("`failed` must map states to {Error, Cause}")))?,
        };
        Ok(Self {
            operation: operation(text("operation")?)
                .ok_or_else(|| invalid("`operation` is none of this function's"))?,
            order_id: OrderId::parse(order_id).map_err(|e| invalid(&format!("`orderId` {e}")))?,
            execution: text("execution")?
                .map(ExecutionName::parse)
                .transpose()
                .map_err(|e| invalid(&format!("`execution` {e}")))?,
            entered_at: text("enteredAt")?
                .map(str::parse)
                .transpose()
                .map_err(|e| invalid(&format!("`enteredAt` is {e}")))?,
            failed,
        })
    }
}

fn invalid(detail: &str) -> StepError {
    ErrorName::InvalidRequest.with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "ord_0123456789abcdef0123456789abcdef";

    fn parse(input: &Value) -> Result<Step<&'static str>, StepError> {
        Step::parse(input, |name| match name {
            None | Some("reserve") => Some("reserve"),
            Some("release") => Some("release"),
            Some(_) => None,
        })
    }

    #[test]
    fn the_plain_input_of_the_article_works() {
        let step = parse(&json!({"orderId": ID, "extra": 1})).unwrap();
        assert_eq!(step.operation, "reserve");
        assert_eq!((step.execution, step.entered_at), (None, None));
        assert!(step.failed.is_empty());
    }

    #[test]
    fn the_full_input_is_read() {
        let step = parse(&json!({
            "operation": "release", "orderId": ID, "execution": "exec-1",
            "enteredAt": "2026-11-23T04:00:00.000Z",
            "failed": {"CheckInventory": {"Error": "StoreUnavailable", "Cause": "…"}},
        }))
        .unwrap();
        assert_eq!(step.operation, "release");
        assert_eq!(step.failed["CheckInventory"].error, "StoreUnavailable");
    }

    #[test]
    fn garbage_is_refused_and_the_field_named_but_not_its_value() {
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
    }
}
