//! What `check-inventory` guarantees, operation by operation, over in-memory fakes.

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod input;
#[cfg(test)]
mod release;
#[cfg(test)]
mod reserve;
#[cfg(test)]
mod support;
