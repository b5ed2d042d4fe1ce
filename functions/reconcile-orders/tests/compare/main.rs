//! The comparison of the books: it finds every difference that is planted in an
//! order at rest, and reports no other, whatever moves meanwhile.
//!
//! [`ends`] makes consistent orders at every end of their life, [`world`] keeps the
//! four books in memory and hands them out in pages; [`planted`] and [`moving`] are
//! the two halves of the promise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ends;
mod moving;
mod planted;
mod world;
