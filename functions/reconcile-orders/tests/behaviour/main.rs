//! What `reconcile-orders` promises of every order, over the world in memory: that
//! it is started, carried on, told, woken, and looked after to its end, wherever
//! anybody died.
//!
//! One binary, because linking is what takes the time.

#[cfg(test)]
mod answering;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod events;
#[cfg(test)]
mod hints;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod taking_over;
#[cfg(test)]
mod waking;
