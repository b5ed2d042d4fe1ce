//! The commands of `cargo local`.
