//! What `initiate-shipping` guarantees, operation by operation, over in-memory fakes.

#[cfg(test)]
mod book;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod input;
#[cfg(test)]
mod support;
