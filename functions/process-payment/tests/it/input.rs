//! Malformed input is rejected by name before any call; the samples are accepted.

use serde_json::json;
use testing::fakes::TestBed;
use testing::sample_inputs::{
    assert_every_sample_input_is_understood, assert_malformed_inputs_are_rejected,
};
use testing::samples;

use crate::support::invoke;

#[test]
fn malformed_input_is_an_invalid_request_and_makes_no_call() {
    assert_malformed_inputs_are_rejected(&samples::received(), ["Capture", "book"], invoke);
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
