//! Malformed input is rejected by name before any call; the samples are accepted.

use domain::ErrorName;
use serde_json::{Value, json};
use testing::fakes::TestBed;
use testing::sample_inputs::assert_every_sample_input_is_understood;
use testing::samples;

use crate::support::{error_name, invoke};

#[test]
fn malformed_input_is_an_invalid_request_and_makes_no_call() {
    let order = samples::received();
    let id = &order.order_id;
    let test_bed = TestBed::with(&order);
    for input in [
        Value::Null,
        json!(true),
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
        json!({"orderId": id, "operation": "Capture"}),
        json!({"orderId": id, "execution": {}}),
        json!({"orderId": id, "execution": ""}),
        json!({"orderId": id, "enteredAt": "soon"}),
        json!({"orderId": id, "enteredAt": 1_795_405_999}),
        json!({"orderId": id, "failed": []}),
        json!({"orderId": id, "failed": {"InitiateShipping": "no"}}),
    ] {
        let printed = input.to_string();
        assert_eq!(error_name(invoke(&test_bed, input)), ErrorName::InvalidRequest, "{printed}");
    }
    assert!(test_bed.calls().is_empty());
}

#[test]
fn an_input_without_an_operation_authorizes() {
    let order = samples::received();
    let test_bed = TestBed::with(&order);
    let output = invoke(&test_bed, json!({"orderId": order.order_id, "amount": 1})).unwrap();
    assert_eq!(output["paymentStatus"], "AUTHORIZED");
}

#[test]
fn every_sample_input_is_understood() {
    assert_every_sample_input_is_understood("process-payment", |input| {
        invoke(&TestBed::default(), input)
    });
}
