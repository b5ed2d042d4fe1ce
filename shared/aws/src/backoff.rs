//! The pauses between the attempts of a transaction that met contention.
//!
//! This is the only module that draws random numbers: full jitter spreads the attempts of
//! many orders for one product, which would otherwise collide again.

use std::time::Duration;

/// The longest pause before the second attempt, in milliseconds.
const FIRST_PAUSE_MS: u64 = 50;
/// The pauses of one transaction, at most 50, 100, 200 and 400 ms. What then still
/// collides is retried by the state machine.
pub(crate) const PAUSES: u32 = 4;

/// Waits before an attempt; `pause` counts the pauses of the transaction from 0.
pub(crate) async fn wait(pause: u32) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=longest_ms(pause)))).await;
}

const fn longest_ms(pause: u32) -> u64 {
    FIRST_PAUSE_MS << pause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_double_and_fit_into_the_time_limit_of_a_function() {
        let longest: Vec<u64> = (0..PAUSES).map(longest_ms).collect();
        assert_eq!(longest, [50, 100, 200, 400]);
    }
}
