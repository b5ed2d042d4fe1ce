//! Numbers derived from text, in place of random numbers.

/// A number derived from a text by FNV-1a, the same on every machine and in every release. The
/// retry jitter and the task tokens of an execution derive from the seed of its ARN.
pub(super) fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
