//! Malformed input is rejected by name before any call; the samples are accepted.

use testing::fakes::TestBed;
use testing::sample_inputs::{
    assert_every_sample_input_is_understood, assert_malformed_inputs_are_rejected,
};
use testing::samples;

use crate::support::invoke;

#[test]
fn malformed_input_is_an_invalid_request_and_makes_no_call() {
    assert_malformed_inputs_are_rejected(&samples::reserved(), ["Book", "capture"], invoke);
}

#[test]
fn every_sample_input_is_understood() {
    assert_every_sample_input_is_understood("initiate-shipping", |input| {
        invoke(&TestBed::default(), input)
    });
}
