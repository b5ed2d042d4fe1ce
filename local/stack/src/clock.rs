//! The stack clock: wall time, sped up, plus an offset that only grows.
//!
//! Every wait, retry delay, deadline and timestamp of the local stack uses it. This is
//! also the only file of the package that reads the system's clock.
//!
//! With [`ClockSettings::skip`] an idle clock skips ahead to the next due timer, so days
//! of waiting take no time. It never skips while a call, a delivery or an action is
//! pending:
//!
//! 1. Pending work holds a [`BusyGuard`]. The same lock protects the number of guards and
//!    the time, and the clock skips inside that lock, only when the number is zero. A
//!    guard that is taken before a skip prevents it; one taken after it sees the new time.
//! 2. A timer that fires is pending work until its sleeper has acted: it fires by sending
//!    a guard, which [`StackClock::sleep_until`] returns. The number of guards rises
//!    under the lock that skipped, before another skip is possible.
//! 3. Work that moves on (a request to a task, a message to a channel) takes or clones
//!    the next guard before it drops the last one. The number never reaches zero in
//!    between. A message may carry a guard; an unread message then stops the clock.
//!
//! A periodic schedule must not make an idle stack skip through the years. It sleeps with
//! [`StackClock::sleep_until_passive`]: a [`TimerKind::Passive`] timer does not make the
//! clock skip, but a clock that skips to a later timer stops at it on the way.
//!
//! The rate (speed and skip) may change while the clock runs ([`StackClock::set_rate`]).
//! The time does not jump at a change: the new rate applies from that moment on.
//!
//! Nothing polls. One task sleeps until the next timer is due or until a timer or a guard
//! changes.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Duration, Instant};

/// How stack time relates to wall time.
#[derive(Debug, Clone, Copy)]
pub struct ClockSettings {
    /// How many times faster than wall time the clock runs.
    pub speed: NonZeroU32,
    /// Whether an idle clock skips ahead to the next due timer.
    pub skip: bool,
    /// The time at which the clock starts. The default is wall time.
    pub start: Option<Timestamp>,
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self { speed: NonZeroU32::MIN, skip: false, start: None }
    }
}

impl ClockSettings {
    const fn rate(&self) -> ClockRate {
        ClockRate { speed: self.speed, skip: self.skip }
    }
}

/// What can change about a running clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockRate {
    /// How many times faster than wall time the clock runs.
    pub speed: NonZeroU32,
    /// Whether an idle clock skips ahead to the next due timer.
    pub skip: bool,
}

/// Whether an idle clock skips ahead to a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimerKind {
    /// An idle clock skips ahead to it.
    Driving,
    /// An idle clock waits for it in real time, unless a later driving timer is set.
    Passive,
}

/// The clock. A clone is the same clock.
#[derive(Clone)]
pub struct StackClock {
    shared: Arc<Shared>,
}

impl StackClock {
    /// Starts the clock.
    ///
    /// # Panics
    /// Outside of a tokio runtime, which runs the clock's task.
    pub fn new(settings: ClockSettings) -> Self {
        let shared = Arc::new(Shared::new(settings));
        tokio::spawn(run(Arc::downgrade(&shared), Arc::clone(&shared.changed)));
        Self { shared }
    }

    /// The stack's time. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().now(Instant::now())
    }

    /// Waits until the stack's time is `due`. Dropping the future cancels the timer.
    ///
    /// The call itself sets the timer, not the first poll. A caller can therefore set the
    /// timer, drop its guard, and then wait. The returned guard keeps the clock from
    /// skipping on until the caller has acted on the timer.
    pub fn sleep_until(&self, due: Timestamp) -> impl Future<Output = BusyGuard> + Send + use<> {
        self.sleep(due, TimerKind::Driving)
    }

    /// Waits like [`StackClock::sleep_until`], but does not make an idle clock skip ahead.
    pub fn sleep_until_passive(
        &self,
        due: Timestamp,
    ) -> impl Future<Output = BusyGuard> + Send + use<> {
        self.sleep(due, TimerKind::Passive)
    }

    /// Waits with a timer of this kind.
    pub(crate) fn sleep(
        &self,
        due: Timestamp,
        kind: TimerKind,
    ) -> impl Future<Output = BusyGuard> + Send + use<> {
        let (fire, fired) = oneshot::channel();
        let timer = self.set(due, ArmedTimer { fire, kind });
        async move {
            let Ok(busy) = fired.await else {
                unreachable!("a timer is removed only when it fires or when `timer` is dropped")
            };
            drop(timer);
            busy
        }
    }

    /// Whether the clock skips ahead when it is idle.
    pub fn skips_ahead(&self) -> bool {
        self.rate().skip
    }

    /// The current rate.
    pub fn rate(&self) -> ClockRate {
        self.shared.lock().rate
    }

    /// Changes the rate from now on. The time and all timers stay.
    pub fn set_rate(&self, rate: ClockRate) {
        let mut state = self.shared.lock();
        let real = Instant::now();
        let now = state.now(real);
        if let Some(on_change) = &state.on_change {
            on_change(now, rate);
        }
        (state.time_at_anchor, state.anchor, state.rate) = (now, real, rate);
        // Under the lock, so that subscribers see the changes in their order.
        self.shared.rate_changes.send_replace(rate);
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Subscribes to changes of the rate.
    pub fn rate_changes(&self) -> watch::Receiver<ClockRate> {
        self.shared.rate_changes.subscribe()
    }

    /// Takes a guard that keeps the clock from skipping ahead. [`StackClock::pending`]
    /// reports `reason`.
    pub fn busy(&self, reason: &'static str) -> BusyGuard {
        self.shared.lock().add_guard(reason);
        BusyGuard { shared: Arc::clone(&self.shared), reason }
    }

    /// The number of guards by reason.
    pub fn pending(&self) -> BTreeMap<&'static str, usize> {
        self.shared.lock().guards.clone()
    }

    /// How far the clock has skipped since it started.
    pub fn skipped(&self) -> SignedDuration {
        self.shared.lock().skipped
    }

    /// Calls `callback` with the new time and rate at each skip and each change of the
    /// rate, before [`StackClock::now`] follows them. A second callback replaces the first.
    pub fn on_change(&self, callback: impl Fn(Timestamp, ClockRate) + Send + Sync + 'static) {
        self.shared.lock().on_change = Some(Box::new(callback));
    }

    fn set(&self, due: Timestamp, armed: ArmedTimer) -> Timer {
        let mut state = self.shared.lock();
        let key = (due, state.next_timer);
        state.next_timer += 1;
        state.driving_timers += usize::from(armed.kind == TimerKind::Driving);
        state.timers.insert(key, armed);
        drop(state);
        self.shared.changed.notify_one();
        Timer { shared: Arc::clone(&self.shared), key }
    }
}

impl fmt::Debug for StackClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Keeps the clock from skipping ahead. A clone is a second guard.
#[must_use = "a guard that is dropped at once holds nothing"]
pub struct BusyGuard {
    shared: Arc<Shared>,
    reason: &'static str,
}

impl Clone for BusyGuard {
    fn clone(&self) -> Self {
        self.shared.lock().add_guard(self.reason);
        Self { shared: Arc::clone(&self.shared), reason: self.reason }
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let idle = self.shared.lock().remove_guard(self.reason);
        if idle {
            self.shared.changed.notify_one();
        }
    }
}

impl fmt::Debug for BusyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BusyGuard").field(&self.reason).finish()
    }
}

/// Wall time. Only deadlines of running processes use it.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

struct Shared {
    state: Mutex<State>,
    /// Notified when a timer is set, when the last guard is dropped, and when the rate
    /// changes.
    changed: Arc<Notify>,
    rate_changes: watch::Sender<ClockRate>,
}

/// What the lock protects: the time, the timers, and the guards.
struct State {
    rate: ClockRate,
    /// The stack's time at `anchor`. A skip adds to it.
    time_at_anchor: Timestamp,
    anchor: Instant,
    skipped: SignedDuration,
    timers: BTreeMap<TimerKey, ArmedTimer>,
    /// The number of timers of kind [`TimerKind::Driving`].
    driving_timers: usize,
    next_timer: u64,
    /// The number of guards by reason.
    guards: BTreeMap<&'static str, usize>,
    on_change: Option<Box<dyn Fn(Timestamp, ClockRate) + Send + Sync>>,
}

struct ArmedTimer {
    fire: oneshot::Sender<BusyGuard>,
    kind: TimerKind,
}

/// The due time, then the order in which the timers were set.
type TimerKey = (Timestamp, u64);

impl Shared {
    fn new(settings: ClockSettings) -> Self {
        let rate = settings.rate();
        let state = State {
            rate,
            time_at_anchor: settings.start.unwrap_or_else(wall_clock),
            anchor: Instant::now(),
            skipped: SignedDuration::ZERO,
            timers: BTreeMap::new(),
            driving_timers: 0,
            next_timer: 0,
            guards: BTreeMap::new(),
            on_change: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Arc::new(Notify::new()),
            rate_changes: watch::Sender::new(rate),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The clock's task wakes up, finds no clock, and ends.
        self.changed.notify_one();
    }
}

impl State {
    fn now(&self, real: Instant) -> Timestamp {
        let speed = self.rate.speed.get();
        let elapsed = real.saturating_duration_since(self.anchor).saturating_mul(speed);
        self.time_at_anchor.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    fn add_guard(&mut self, reason: &'static str) {
        *self.guards.entry(reason).or_default() += 1;
    }

    /// Returns whether it was the last guard.
    fn remove_guard(&mut self, reason: &'static str) -> bool {
        if let Some(count) = self.guards.get_mut(reason) {
            *count -= 1;
            if *count == 0 {
                self.guards.remove(reason);
            }
        }
        self.guards.is_empty()
    }

    fn remove_timer(&mut self, key: TimerKey) -> Option<ArmedTimer> {
        let armed = self.timers.remove(&key)?;
        self.driving_timers -= usize::from(armed.kind == TimerKind::Driving);
        Some(armed)
    }

    fn skip_to_next(&mut self, real: Instant) {
        let Some(&(due, _)) = self.timers.keys().next() else { return };
        let distance = due.duration_since(self.now(real));
        if distance.is_positive() {
            self.time_at_anchor =
                self.time_at_anchor.saturating_add(distance).unwrap_or(Timestamp::MAX);
            self.skipped = self.skipped.saturating_add(distance);
            if let Some(on_change) = &self.on_change {
                on_change(due, self.rate);
            }
        }
    }
}

/// Cancels the timer when its sleeper is dropped.
struct Timer {
    shared: Arc<Shared>,
    key: TimerKey,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.lock().remove_timer(self.key);
    }
}

/// The clock's task: fires due timers, skips ahead when it may, and otherwise sleeps
/// until the next timer or the next change. It ends with the clock.
async fn run(shared: Weak<Shared>, changed: Arc<Notify>) {
    loop {
        let Some(clock) = shared.upgrade() else { return };
        let next = fire_due(&clock);
        drop(clock);
        match next {
            Some(at) => drop(tokio::time::timeout_at(at, changed.notified()).await),
            None => changed.notified().await,
        }
    }
}

/// Fires all due timers. Returns the real time at which the next one is due.
fn fire_due(shared: &Arc<Shared>) -> Option<Instant> {
    let mut state = shared.lock();
    let real = Instant::now();
    if state.rate.skip && state.guards.is_empty() && state.driving_timers > 0 {
        state.skip_to_next(real);
    }
    let now = state.now(real);
    let mut undelivered = Vec::new();
    while let Some(&key) = state.timers.keys().next().filter(|&&(due, _)| due <= now) {
        let Some(armed) = state.remove_timer(key) else { break };
        state.add_guard(FIRED_TIMER);
        let busy = BusyGuard { shared: Arc::clone(shared), reason: FIRED_TIMER };
        undelivered.extend(armed.fire.send(busy).err());
    }
    let next = state.timers.keys().next().map(|&(due, _)| due);
    let speed = state.rate.speed;
    drop(state);
    drop(undelivered); // Dropping a guard takes the lock.
    next.map(|due| real + real_wait(due.duration_since(now), speed))
}

const FIRED_TIMER: &str = "a timer that fired";

/// Converts stack time to real time. One millisecond, the runtime's resolution, is added
/// so that the task never wakes up just before a timer is due.
fn real_wait(wait: SignedDuration, speed: NonZeroU32) -> Duration {
    let wait = Duration::try_from(wait).unwrap_or_default() / speed.get();
    wait.min(MAX_SLEEP) + Duration::from_millis(1)
}

/// The longest sleep of the clock's task. The runtime's timers reach two years; one
/// wake-up a day costs nothing.
const MAX_SLEEP: Duration = Duration::from_hours(24);
