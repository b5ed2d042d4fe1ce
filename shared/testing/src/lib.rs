//! What the tests of this workspace share. A dev-dependency only.
//!
//! Start at [`fakes`]: one [`TestBed`](fakes::TestBed) holds the tables, the providers
//! and the workflow in memory. [`samples`] makes orders at every stage of their life,
//! [`crash`] lets a process die at every call, [`transport`] answers HTTP requests from
//! memory, [`log_buffer`] holds what is logged, [`sample_inputs`] reads `events/functions`, and [`contracts`] finds the
//! providers' published contracts.

pub mod contracts;
pub mod crash;
pub mod fakes;
pub mod log_buffer;
pub mod sample_inputs;
pub mod samples;
pub mod transport;
