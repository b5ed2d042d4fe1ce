//! The function over in-memory fakes, and helpers to invoke it.

use domain::policy::ReviewPolicy;
use process_payment::ProcessPayment;
pub(crate) use testing::fakes::invocation::{
    error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakePaymentProvider, FakeTables, TestBed};

/// The function over this test bed.
pub(crate) fn function(test_bed: &TestBed) -> ProcessPayment<FakeTables, FakePaymentProvider> {
    ProcessPayment {
        orders: test_bed.tables(),
        payment_provider: test_bed.payment_provider(),
        review_policy: ReviewPolicy::default(),
    }
}

testing::invocation_helpers!(function);
