//! The crash driver: lets a process die at every point where it can, and checks what
//! is left.
//!
//! Every call of a fake has two crash points, one before and one after its effect
//! ([`TestBed::crashes_after`]). The driver runs an operation on a fresh [`TestBed`]
//! for each of them, so that a test states what holds "wherever it dies" and means it.

use crate::fakes::TestBed;

/// Lets the operation die at each of its crash points in turn.
///
/// `test_bed` makes a fresh test bed, `operation` runs on it and returns `None` if it
/// died, as [`run`](crate::fakes::run) does. `check` then sees what is left, with the
/// crash points disarmed, and a text that says where the operation died. It sees the
/// run that does not die, too.
///
/// # Panics
/// If the operation has fewer than `min_points` crash points: the test would show less
/// than it says.
pub fn crash_once<T>(
    min_points: usize,
    test_bed: impl Fn() -> TestBed,
    operation: impl Fn(&TestBed) -> Option<T>,
    check: impl Fn(&TestBed, &str),
) {
    for point in 0.. {
        let bed = test_bed();
        let survived = run_until(&bed, point, &operation);
        check(&bed, &format!("dies at crash point {point}"));
        if survived {
            assert!(point >= min_points, "only {point} crash points");
            break;
        }
    }
}

/// Lets the operation die at each of its crash points in turn, and for each of them
/// lets a second run die at each of the calls it makes. Otherwise as [`crash_once`].
///
/// # Panics
/// If the first run has fewer than `min_points` crash points.
pub fn crash_twice<T>(
    min_points: usize,
    test_bed: impl Fn() -> TestBed,
    operation: impl Fn(&TestBed) -> Option<T>,
    check: impl Fn(&TestBed, &str),
) {
    for first in 0.. {
        let first_survived = run_until(&test_bed(), first, &operation);
        for second in 0.. {
            let bed = test_bed();
            run_until(&bed, first, &operation);
            let survived = run_until(&bed, second, &operation);
            check(&bed, &format!("dies at crash point {first}, then at {second}"));
            if survived {
                break;
            }
        }
        if first_survived {
            assert!(first >= min_points, "only {first} crash points");
            break;
        }
    }
}

/// Runs the operation with a crash at this point; whether it survived.
fn run_until<T>(bed: &TestBed, point: usize, operation: impl Fn(&TestBed) -> Option<T>) -> bool {
    bed.crashes_after(Some(point));
    let survived = operation(bed).is_some();
    bed.crashes_after(None);
    survived
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use domain::ports::{LoadOrder, SaveOrder};

    use super::*;
    use crate::fakes::run;
    use crate::samples;

    /// Two calls, so four crash points.
    fn write_once(bed: &TestBed) -> Option<()> {
        run(async {
            let order = samples::received();
            let stored = bed.tables().load(&order.order_id).await.ok().flatten()?;
            if stored.version == 1 {
                let _ = bed
                    .tables()
                    .save(&stored, &stored.with_next_attempt(samples::placed_at()))
                    .await;
            }
            Some(())
        })?
    }

    #[test]
    fn an_operation_dies_at_each_of_its_crash_points_and_then_survives() {
        let (runs, written) = (Cell::new(0), Cell::new(0));
        let test_bed = || TestBed::with(&samples::received());
        crash_once(4, test_bed, write_once, |bed, _| {
            runs.set(runs.get() + 1);
            let order = bed.order(&samples::received().order_id).expect("it is on record");
            written.set(written.get() + usize::from(order.version == 2));
        });
        assert_eq!((runs.get(), written.get()), (5, 2), "it died after the write once");
    }

    #[test]
    fn a_second_run_dies_at_each_of_its_crash_points_too() {
        let runs = Cell::new(0);
        let test_bed = || TestBed::with(&samples::received());
        crash_twice(4, test_bed, write_once, |bed, at| {
            runs.set(runs.get() + 1);
            write_once(bed).expect(at);
            let order = bed.order(&samples::received().order_id).expect("it is on record");
            assert_eq!(order.version, 2, "{at}");
        });
        // Three first runs leave four crash points to the second, two leave two.
        assert_eq!(runs.get(), 3 * 5 + 2 * 3);
    }

    #[test]
    #[should_panic(expected = "only 4 crash points")]
    fn an_operation_with_too_few_crash_points_fails_the_test() {
        crash_once(5, || TestBed::with(&samples::received()), write_once, |_, _| {});
    }
}
