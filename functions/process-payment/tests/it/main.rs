//! What `process-payment` guarantees, operation by operation, over in-memory fakes.

#[cfg(test)]
mod authorize;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod input;
#[cfg(test)]
mod support;
