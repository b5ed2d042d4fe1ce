//! The function over in-memory fakes, and helpers to invoke it.

use std::collections::BTreeMap;

use domain::Currency;
use domain::policy::PostageCeiling;
use initiate_shipping::InitiateShipping;
pub(crate) use testing::fakes::invocation::{
    compensating, error_name, input, now, stored_order, superseded_input,
};
use testing::fakes::{FakeShippingProvider, FakeTables, TestBed};

/// What postage may cost at most, in cents.
pub(crate) const CEILING: u64 = 5_000;

/// The function over this test bed.
pub(crate) fn function(test_bed: &TestBed) -> InitiateShipping<FakeTables, FakeShippingProvider> {
    InitiateShipping {
        orders: test_bed.tables(),
        shipping_provider: test_bed.shipping_provider(),
        postage_ceiling: PostageCeiling(BTreeMap::from([(Currency::Usd, CEILING)])),
    }
}

testing::invocation_helpers!(function);
