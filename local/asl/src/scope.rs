//! What an expression can see while a state runs: the input under `$`, the
//! context object under `$$`, the workflow variables under `$name`, the execution's
//! own source of chance, and a meter of what is copied.
//!
//! A scope is borrowed and cheap to copy. Nothing here reads a clock or asks the
//! system for randomness: [`RandomSource`] is seeded by the execution, so a replay
//! draws the same numbers in the same order. Read `paths.rs` next for how a path
//! walks what is here, and `template.rs` for how whole payloads are built from it.

use std::cell::Cell;

use serde_json::Value;

/// The workflow variables that a state sees, outer scopes already merged in.
pub type Variables = serde_json::Map<String, Value>;

/// All that a path, a template or a choice rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The value that `$` stands for.
    pub input: &'a Value,
    /// The context object, `$$`.
    pub context: &'a Value,
    /// The workflow variables, `$name`.
    pub variables: &'a Variables,
    /// Where `States.UUID` and `States.MathRandom` draw from.
    pub random_source: &'a RandomSource,
    /// How much may still be copied out of it.
    pub copy_budget: &'a CopyBudget,
}

impl<'a> Scope<'a> {
    /// The same scope with another value under `$`.
    #[must_use]
    pub fn with_input(self, input: &'a Value) -> Self {
        Self { input, ..self }
    }
}

/// How much data one state may still copy while it is evaluated.
///
/// A template may name a large input as often as its definition has room for, so
/// without a limit a few lines could ask for more memory than there is.
#[derive(Debug)]
pub struct CopyBudget {
    left: Cell<usize>,
}

/// In bytes, roughly: far more than AWS's limit for a payload, which is checked afterwards.
const MOST_COPIED: usize = 64 * 1024 * 1024;

impl Default for CopyBudget {
    fn default() -> Self {
        Self { left: Cell::new(MOST_COPIED) }
    }
}

impl CopyBudget {
    /// Counts a copy of this value, and says whether it is still within the limit.
    pub(crate) fn admits(&self, value: &Value) -> bool {
        let left = self.left.get().checked_sub(weight(value));
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// About the size of a value in memory.
fn weight(value: &Value) -> usize {
    const NODE: usize = 32;
    match value {
        Value::String(text) => NODE + text.len(),
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + NODE,
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| NODE + name.len() + weight(field)).sum::<usize>()
                + NODE
        }
        _ => NODE,
    }
}

/// A small seeded generator (splitmix64): the only chance an execution knows.
///
/// It is interior-mutable because evaluation borrows the scope immutably; the
/// order of the draws is the order of evaluation, which is the same at each replay.
#[derive(Debug, Clone)]
pub struct RandomSource {
    state: Cell<u64>,
}

impl RandomSource {
    /// A generator that starts from this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: Cell::new(seed) }
    }

    /// The next 64 bits.
    pub fn next_u64(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A version 4 UUID from the next 128 bits.
    pub fn next_uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.next_u128().to_be_bytes()).into_uuid()
    }

    fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_uuids() {
        let (one, two) = (RandomSource::seeded(7), RandomSource::seeded(7));
        for _ in 0..3 {
            assert_eq!(one.next_uuid(), two.next_uuid());
        }
        assert_eq!(one.next_uuid().get_version_num(), 4);
    }
}
