//! What `process-payment` promises, operation by operation, over the world in
//! memory.
//!
//! One binary, because linking is what takes the time.

#[cfg(test)]
mod authorize;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod support;
