//! What `process-payment` promises, operation by operation, over the world in
//! memory; and that its gateway speaks as the contracts say.
//!
//! One binary, because linking is what takes the time.

#[cfg(test)]
mod authorize;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod support;
