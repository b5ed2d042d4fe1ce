//! Ids in the providers' formats, derived from a seed and a counter.
//!
//! The nth id of a seed is always the same, and no two are equal, because the mixing function is a
//! bijection of the counter. No id has a run of digits long enough to pass for a card number.

/// Generates ids.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    seed: u64,
    issued: u64,
}

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, issued: 0 }
    }

    /// An id in Stripe's format: `pi_3` and 23 letters and digits.
    pub(crate) fn stripe(&mut self, prefix: &str) -> String {
        let (mut low, mut high) = self.draw();
        let mut id = format!("{prefix}_3");
        for index in 0..23 {
            let half = if index < 12 { &mut low } else { &mut high };
            id.push(next_char(
                half,
                index,
                b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            ));
        }
        id
    }

    /// An id in EasyPost's format: `shp_` and 32 hexadecimal digits.
    pub(crate) fn easypost(&mut self, prefix: &str) -> String {
        let (mut low, mut high) = self.draw();
        let mut id = format!("{prefix}_");
        for index in 0..32 {
            let half = if index < 16 { &mut low } else { &mut high };
            id.push(next_char(half, index, b"0123456789abcdef"));
        }
        id
    }

    /// A tracking code of 22 digits.
    pub(crate) fn tracking_code(&mut self) -> String {
        self.issued += 1;
        format!("94001002{:04}{:010}", self.seed % 10_000, self.issued)
    }

    fn draw(&mut self) -> (u64, u64) {
        self.issued += 1;
        let low = mix(self.seed.rotate_left(32) ^ self.issued);
        (low, mix(low ^ self.seed))
    }
}

/// The next character. Every sixth is a letter.
fn next_char(half: &mut u64, index: usize, alphabet: &[u8]) -> char {
    let letters = alphabet.get(10..).unwrap_or(alphabet);
    let alphabet = if index % 6 == 5 { letters } else { alphabet };
    let base = alphabet.len() as u64;
    let digit = usize::try_from(*half % base).unwrap_or(0);
    *half /= base;
    alphabet.get(digit).copied().map_or('x', char::from)
}

/// The output function of splitmix64, a bijection of 64-bit integers.
const fn mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Ids;

    #[test]
    fn ids_are_the_same_for_a_seed_never_repeat_and_hold_no_long_run_of_digits() {
        let (mut first, mut again) = (Ids::new(7), Ids::new(7));
        let mut seen = BTreeSet::new();
        for _ in 0..5_000 {
            for (id, same) in [
                (first.stripe("pi"), again.stripe("pi")),
                (first.easypost("shp"), again.easypost("shp")),
            ] {
                assert_eq!(id, same);
                let longest = id.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
                assert!(longest < Some(13), "{id} could be taken for a card number");
                assert!(seen.insert(id), "an id was issued twice");
            }
        }
        assert_ne!(Ids::new(7).stripe("pi"), Ids::new(8).stripe("pi"));
    }

    #[test]
    fn a_tracking_code_has_22_digits_and_is_unique() {
        let mut ids = Ids::new(3);
        let codes: BTreeSet<_> = (0..100).map(|_| ids.tracking_code()).collect();
        assert_eq!(codes.len(), 100);
        assert!(codes.iter().all(|code| code.len() == 22));
    }
}
