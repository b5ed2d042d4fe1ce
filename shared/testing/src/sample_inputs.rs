//! The sample inputs of the functions, `events/functions/<function>-*.json`.

use std::fs;
use std::path::Path;

use domain::{ErrorName, Order, OrderId, StepError};
use serde_json::{Value, json};

use crate::fakes::TestBed;
use crate::fakes::invocation::error_name;

/// The sample inputs of a function: file name and content.
///
/// # Panics
/// If the folder or a file cannot be read, or is not JSON.
pub fn sample_inputs(function: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/functions");
    let prefix = format!("{function}-");
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<(String, Value)> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .map(|name| {
            let text = fs::read(folder.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let input = serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, input)
        })
        .collect();
    inputs.sort_by(|a, b| a.0.cmp(&b.0));
    inputs
}

/// Asserts that a function understands each of its sample inputs. `handle` runs it on
/// empty tables, so that all it may miss is the order.
///
/// # Panics
/// If there is no sample input, or the function rejects one.
pub fn assert_every_sample_input_is_understood(
    function: &str,
    handle: impl Fn(Value) -> Result<Value, StepError>,
) {
    let inputs = sample_inputs(function);
    assert!(!inputs.is_empty(), "events/functions has no sample input of {function}");
    for (name, input) in inputs {
        match handle(input) {
            Err(error) => assert_eq!(error.name, ErrorName::OrderNotFound, "{name}"),
            Ok(output) => assert_eq!(output["outcome"], "SUPERSEDED", "{name}"),
        }
    }
}

/// Asserts that a function rejects every malformed input about an existing order, and the
/// operations of other functions, as `InvalidRequest` and before any call.
///
/// # Panics
/// If the function accepts an input, fails with another error, or makes a call.
pub fn assert_malformed_inputs_are_rejected(
    order: &Order,
    other_operations: [&str; 2],
    invoke: impl Fn(&TestBed, Value) -> Result<Value, StepError>,
) {
    let test_bed = TestBed::with(order);
    let other_operations = other_operations
        .map(|operation| json!({"orderId": order.order_id, "operation": operation}));
    for input in malformed_inputs(&order.order_id).into_iter().chain(other_operations) {
        let printed = input.to_string();
        assert_eq!(error_name(invoke(&test_bed, input)), ErrorName::InvalidRequest, "{printed}");
    }
    assert!(test_bed.calls().is_empty());
}

/// Inputs that every function which the state machine calls must reject as
/// `InvalidRequest`. Each is wrong in one field; the order may exist.
fn malformed_inputs(id: &OrderId) -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!([]),
        json!([1, 2]),
        json!("authorize"),
        json!({}),
        json!({"orderId": null}),
        json!({"orderId": 7}),
        json!({"orderId": ["ord_1"]}),
        json!({"orderId": "ord_1"}),
        json!({"orderId": format!("{id}\u{0}")}),
        json!({"orderId": id, "operation": "refund"}),
        json!({"orderId": id, "operation": ""}),
        json!({"orderId": id, "operation": 1}),
        json!({"orderId": id, "operation": "Cancel"}),
        json!({"orderId": id, "execution": 1}),
        json!({"orderId": id, "execution": {}}),
        json!({"orderId": id, "execution": ""}),
        json!({"orderId": id, "enteredAt": "soon"}),
        json!({"orderId": id, "enteredAt": 1_795_405_999}),
        json!({"orderId": id, "failed": []}),
        json!({"orderId": id, "failed": "no"}),
        json!({"orderId": id, "failed": {"InitiateShipping": "no"}}),
    ]
}
