//! Malformed input is rejected by name before any call; the samples are accepted.

use domain::ErrorName;
use serde_json::json;
use testing::fakes::TestBed;
use testing::sample_inputs::{assert_every_sample_input_is_understood, malformed_inputs};
use testing::samples;

use crate::support::{error_name, invoke};

#[test]
fn malformed_input_is_an_invalid_request_and_makes_no_call() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order);
    let other_operations = ["Book", "capture"]
        .map(|operation| json!({"orderId": order.order_id, "operation": operation}));
    for input in malformed_inputs(&order.order_id).into_iter().chain(other_operations) {
        let printed = input.to_string();
        assert_eq!(error_name(invoke(&test_bed, input)), ErrorName::InvalidRequest, "{printed}");
    }
    assert!(test_bed.calls().is_empty());
}

#[test]
fn every_sample_input_is_understood() {
    assert_every_sample_input_is_understood("initiate-shipping", |input| {
        invoke(&TestBed::default(), input)
    });
}
