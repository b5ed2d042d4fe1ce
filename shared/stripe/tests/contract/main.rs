//! Stripe over its wire, against what Stripe published: requests that its OpenAPI
//! document describes, recorded answers sorted as they must be.

#[cfg(test)]
mod ledger;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod webhook;
