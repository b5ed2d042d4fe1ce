//! What `initiate-shipping` promises, operation by operation, over the world in
//! memory.

#[cfg(test)]
mod book;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod support;
