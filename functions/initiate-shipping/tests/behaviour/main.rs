//! What `initiate-shipping` promises, operation by operation, over the world in
//! memory; and that its carrier speaks as the contracts say.

#[cfg(test)]
mod book;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod support;
