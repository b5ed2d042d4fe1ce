//! The providers' clients over their wire, against what the providers published:
//! requests that their documents describe, recorded answers sorted as they must be.
//!
//! One binary, because linking is what takes the time.

#[cfg(test)]
mod books;
#[cfg(test)]
mod carrier;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod wire;
