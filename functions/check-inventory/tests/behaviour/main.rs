//! What `check-inventory` promises, operation by operation, over the world in
//! memory.

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod release;
#[cfg(test)]
mod reserve;
#[cfg(test)]
mod support;
