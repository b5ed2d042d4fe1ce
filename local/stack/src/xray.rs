//! Trace ids in the format of X-Ray. Nothing is traced.

use jiff::Timestamp;
use uuid::Uuid;

/// A new trace id: the time in seconds and 96 random bits, both hexadecimal.
pub(crate) fn trace_root(at: Timestamp) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{}", at.as_second(), random.get(..24).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_has_the_time_and_a_random_part() {
        let at = Timestamp::from_second(0x6a12_3456).expect("a time");
        let (first, second) = (trace_root(at), trace_root(at));
        assert!(first.starts_with("Root=1-6a123456-"), "{first}");
        assert_eq!(first.len(), "Root=1-6a123456-".len() + 24);
        assert_ne!(first, second);
    }
}
