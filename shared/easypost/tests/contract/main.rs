//! EasyPost over its wire, against its recordings: requests of the recorded shape,
//! recorded answers sorted as they must be.

#[cfg(test)]
mod ledger;
#[cfg(test)]
mod shipments;
#[cfg(test)]
mod webhook;
