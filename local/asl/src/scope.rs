//! What an expression can read while a state runs: the input `$`, the context object `$$`, the
//! workflow variables `$name` and the execution's random numbers.
//!
//! A scope is borrowed and cheap to copy. It reads no clock and no system randomness:
//! [`RandomSource`] is seeded by the execution, so a replay draws the same numbers in the same
//! order. See `paths.rs` for paths and `template.rs` for payload templates.

use std::cell::Cell;

use serde_json::Value;

/// The workflow variables that a state sees, including those of outer scopes.
pub type Variables = serde_json::Map<String, Value>;

/// Everything a path, a payload template or a choice rule can read.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The value of `$`.
    pub input: &'a Value,
    /// The context object, `$$`.
    pub context: &'a Value,
    /// The workflow variables, `$name`.
    pub variables: &'a Variables,
    /// The source of `States.UUID` and `States.MathRandom`.
    pub random_source: &'a RandomSource,
    /// How much data may still be copied.
    pub copy_budget: &'a CopyBudget,
}

impl<'a> Scope<'a> {
    /// The same scope with another value for `$`.
    #[must_use]
    pub fn with_input(self, input: &'a Value) -> Self {
        Self { input, ..self }
    }
}

/// How much data one state may still copy during evaluation.
///
/// A template can refer to a large input any number of times. Without a limit, a few lines could
/// exhaust memory.
#[derive(Debug)]
pub struct CopyBudget {
    remaining: Cell<usize>,
}

/// In bytes, approximately. AWS's limit for a payload, checked afterwards, is far smaller.
const MAX_COPIED_BYTES: usize = 64 * 1024 * 1024;

impl Default for CopyBudget {
    fn default() -> Self {
        Self { remaining: Cell::new(MAX_COPIED_BYTES) }
    }
}

impl CopyBudget {
    /// Subtracts the size of a value. Returns false if the budget is exhausted.
    pub(crate) fn spend(&self, value: &Value) -> bool {
        let remaining = self.remaining.get().checked_sub(approximate_size(value));
        self.remaining.set(remaining.unwrap_or(0));
        remaining.is_some()
    }
}

/// The approximate size of a value in memory.
fn approximate_size(value: &Value) -> usize {
    const NODE_SIZE: usize = 32;
    match value {
        Value::String(text) => NODE_SIZE + text.len(),
        Value::Array(items) => items.iter().map(approximate_size).sum::<usize>() + NODE_SIZE,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(name, field)| NODE_SIZE + name.len() + approximate_size(field))
                .sum::<usize>()
                + NODE_SIZE
        }
        _ => NODE_SIZE,
    }
}

/// A small seeded generator (splitmix64), the only source of randomness of an execution.
///
/// It uses interior mutability because evaluation borrows the scope immutably. Numbers are drawn in
/// evaluation order, which is the same in each replay.
#[derive(Debug, Clone)]
pub struct RandomSource {
    state: Cell<u64>,
}

impl RandomSource {
    /// Creates a generator with this seed.
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

/// A scope for unit tests.
#[cfg(test)]
pub(crate) struct TestScope {
    context: Value,
    variables: Variables,
    random_source: RandomSource,
    copy_budget: CopyBudget,
}

#[cfg(test)]
impl TestScope {
    /// Creates a scope with this context object and these variables.
    pub(crate) fn new(context: Value, variables: Variables) -> Self {
        let (random_source, copy_budget) = (RandomSource::seeded(7), CopyBudget::default());
        Self { context, variables, random_source, copy_budget }
    }

    /// The scope in which `$` is `input`.
    pub(crate) fn scope<'a>(&'a self, input: &'a Value) -> Scope<'a> {
        Scope {
            input,
            context: &self.context,
            variables: &self.variables,
            random_source: &self.random_source,
            copy_budget: &self.copy_budget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_produces_the_same_uuids() {
        let (first, second) = (RandomSource::seeded(7), RandomSource::seeded(7));
        for _ in 0..3 {
            assert_eq!(first.next_uuid(), second.next_uuid());
        }
        assert_eq!(first.next_uuid().get_version_num(), 4);
    }
}
