//! The stack clock: it runs, it skips ahead, and it never skips over pending work.
//!
//! Where real time would matter, tokio's time is paused, so the tests do not wait.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local_stack::clock::{ClockRate, ClockSettings, StackClock};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

fn clock(speed: u32, skip: bool) -> StackClock {
    let speed = NonZeroU32::new(speed).expect("a speed");
    StackClock::new(ClockSettings { speed, skip, start: Some(start()) })
}

fn after(days: i64) -> Timestamp {
    start().saturating_add(DAY.saturating_mul(i32::try_from(days).expect("small"))).expect("a time")
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_when_it_is_due_at_any_speed() {
    async fn check(speed: u32, wait: SignedDuration, real: Duration) {
        let clock = clock(speed, false);
        let due = clock.now().saturating_add(wait).expect("a time");
        let began = Instant::now();
        let _busy = clock.sleep_until(due).await;
        assert!(clock.now() >= due, "at speed {speed} the timer fired early");
        let late = began.elapsed().saturating_sub(real);
        assert!(began.elapsed() >= real && late <= Duration::from_millis(2), "{speed}: {late:?}");
    }
    check(1, SignedDuration::from_secs(10), Duration::from_secs(10)).await;
    check(10, SignedDuration::from_secs(10), Duration::from_secs(1)).await;
    check(3_600, DAY, Duration::from_secs(24)).await;
    check(1, SignedDuration::from_secs(-5), Duration::ZERO).await;
    check(1, SignedDuration::from_hours(24 * 90), Duration::from_hours(24 * 90)).await;
}

#[tokio::test]
async fn with_skip_days_of_waiting_take_no_time() {
    let clock = clock(1, true);
    let began = Instant::now();
    for day in 1..=100 {
        drop(clock.sleep_until(after(day)).await);
        assert!(clock.now() >= after(day));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(clock.skipped() > DAY.saturating_mul(99));
}

#[tokio::test(start_paused = true)]
async fn the_clock_does_not_skip_while_a_guard_is_held() {
    let clock = clock(1, true);
    let busy = clock.busy("a call");
    let other = busy.clone();
    let mut sleeper = Box::pin(clock.sleep_until(after(1)));
    drop(busy);
    assert!(
        timeout(Duration::from_mins(1), &mut sleeper).await.is_err(),
        "the clock skipped over a call"
    );
    assert_eq!(clock.pending().into_iter().collect::<Vec<_>>(), [("a call", 1)]);
    assert_eq!(clock.skipped(), SignedDuration::ZERO);
    drop(other);
    let fired = timeout(Duration::from_secs(1), sleeper).await;
    assert!(fired.is_ok(), "the clock did not skip after the call");
}

#[tokio::test(start_paused = true)]
async fn a_fired_timer_holds_the_clock_until_its_sleeper_has_acted() {
    let clock = clock(1, true);
    let mut second = Box::pin(clock.sleep_until(after(2)));
    let first = clock.sleep_until(after(1)).await;
    assert!(timeout(Duration::from_mins(1), &mut second).await.is_err());
    assert!(clock.now() < after(2));
    drop(first);
    let _second = second.await;
    assert!(clock.now() >= after(2));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_sleeper_neither_fires_nor_holds_the_clock() {
    let clock = clock(1, true);
    {
        let busy = clock.busy("setting timers");
        let mut gone = Box::pin(clock.sleep_until(after(1)));
        assert!(timeout(Duration::ZERO, &mut gone).await.is_err(), "the timer is not due");
        drop((gone, busy));
    }
    let fired = clock.sleep_until(after(3)).await;
    assert_eq!(clock.pending().len(), 1);
    drop(fired);

    // This timer fires and is dropped before its sleeper is polled.
    let mut gone = Box::pin(clock.sleep_until(after(4)));
    assert!(futures_poll_once(&mut gone).await.is_none());
    tokio::task::yield_now().await;
    while clock.pending().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(gone);
    assert!(clock.pending().is_empty(), "{:?}", clock.pending());
}

/// Polls a future once.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn timers_fire_in_the_order_in_which_they_are_due() {
    let clock = clock(1, true);
    let hold = clock.busy("setting timers");
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for day in [3, 1, 2] {
        let (clock, sender) = (clock.clone(), sender.clone());
        tokio::spawn(async move {
            let busy = clock.sleep_until(after(day)).await;
            sender.send((day, busy)).expect("the test receives");
        });
    }
    tokio::task::yield_now().await;
    drop((hold, sender));
    let mut order = Vec::new();
    while let Some((day, busy)) = receiver.recv().await {
        order.push(day);
        drop(busy);
    }
    assert_eq!(order, [1, 2, 3]);
}

/// Tasks on several threads sleep and send their guard to another task. Each time, the
/// clock must not have skipped since the timer fired.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_the_clock_never_skips_while_a_guard_is_held() {
    let clock = clock(1, true);
    let rounds = Arc::new(AtomicU32::new(0));
    let (pass, mut passed) = mpsc::unbounded_channel();
    for worker in 0..8 {
        let (clock, pass) = (clock.clone(), pass.clone());
        tokio::spawn(async move {
            for round in 1..=200 {
                let wait = SignedDuration::from_mins(round * (worker + 1) % 97 + 1);
                let due = clock.now().saturating_add(wait).expect("a time");
                let busy = clock.sleep_until(due).await;
                let skipped = clock.skipped();
                tokio::task::yield_now().await;
                pass.send((busy, skipped)).expect("the test receives");
            }
        });
    }
    drop(pass);
    while let Some((busy, skipped)) = passed.recv().await {
        let (next, clock, rounds) = (busy.clone(), clock.clone(), Arc::clone(&rounds));
        drop(busy);
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            if clock.skipped() == skipped {
                rounds.fetch_add(1, Ordering::Relaxed);
            }
            drop(next);
        });
    }
    drop(clock.sleep_until(after(400)).await);
    assert_eq!(rounds.load(Ordering::Relaxed), 8 * 200, "the clock skipped while a guard was held");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_speed_keeps_the_time_and_moves_the_timers() {
    let clock = clock(1, false);
    let hour = start().saturating_add(SignedDuration::from_hours(1)).expect("a time");
    let sleep = clock.sleep_until(hour);
    tokio::time::advance(Duration::from_mins(30)).await;
    let before = clock.now();
    clock.set_rate(ClockRate { speed: NonZeroU32::new(1_800).expect("positive"), skip: false });
    assert_eq!(clock.now(), before, "the time does not jump");
    let real = tokio::time::Instant::now();
    drop(sleep.await);
    assert!(real.elapsed() < Duration::from_secs(2), "half an hour takes a second: {real:?}");
    assert!(clock.now() >= hour);
    clock.set_rate(ClockRate { speed: NonZeroU32::MIN, skip: false });
    let slowed = clock.now();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(clock.now().duration_since(slowed), SignedDuration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn skipping_can_be_turned_on_and_off() {
    let clock = clock(1, false);
    let day = |n: i64| start().saturating_add(SignedDuration::from_hours(24 * n)).expect("a time");
    let mut first = Box::pin(clock.sleep_until(day(1)));
    assert!(timeout(Duration::from_secs(1), &mut first).await.is_err(), "it waits in real time");
    clock.set_rate(ClockRate { speed: NonZeroU32::MIN, skip: true });
    drop(timeout(Duration::from_secs(1), first).await.expect("the clock skipped ahead"));
    clock.set_rate(ClockRate { speed: NonZeroU32::MIN, skip: false });
    let second = clock.sleep_until(day(2));
    assert!(timeout(Duration::from_secs(1), second).await.is_err(), "it waits in real time");
}

#[tokio::test(start_paused = true)]
async fn time_never_goes_back() {
    let clock = clock(1_000, true);
    let mut last = clock.now();
    for hour in 1..200 {
        let due = start().saturating_add(SignedDuration::from_hours(hour)).expect("a time");
        drop(clock.sleep_until(due).await);
        assert!(clock.now() >= last && clock.now() >= due);
        last = clock.now();
        tokio::time::advance(Duration::from_secs(u64::from(hour % 7 == 0))).await;
    }
}
