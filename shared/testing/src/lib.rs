//! What the tests of this workspace share: fakes of the ports, sample orders at
//! every stage of their life, the crash driver, and where the recordings are.

pub mod contracts;
pub mod fakes;
pub mod samples;
pub mod transport;
