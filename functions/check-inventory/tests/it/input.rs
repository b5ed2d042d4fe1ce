//! Malformed input is rejected by name before any call; the samples are accepted.

use domain::ErrorName;
use serde_json::{Value, json};
use testing::fakes::TestBed;
use testing::sample_inputs::assert_every_sample_input_is_understood;
use testing::samples;

use crate::support::{error_name, invoke};

#[test]
fn malformed_input_is_an_invalid_request_and_makes_no_call() {
    let order = samples::authorized();
    let test_bed = TestBed::with(&order);
    let id = &order.order_id;
    for input in [
        Value::Null,
        json!([]),
        json!({}),
        json!({"orderId": 1}),
        json!({"orderId": id, "operation": "book"}),
        json!({"orderId": id, "execution": 1}),
        json!({"orderId": id, "enteredAt": "now"}),
        json!({"orderId": id, "failed": "no"}),
    ] {
        assert_eq!(error_name(invoke(&test_bed, input)), ErrorName::InvalidRequest);
    }
    assert!(test_bed.calls().is_empty());
}

#[test]
fn every_sample_input_is_understood() {
    assert_every_sample_input_is_understood("check-inventory", |input| {
        invoke(&TestBed::default(), input)
    });
}
