//! The one stack clock: wall time, sped up, plus an offset that only grows.
//!
//! Every wait, retry delay, deadline and timestamp of the local stack is on it.
//! This is also the only place in the package that reads the system's clock.
//!
//! With [`ClockSettings::skip`] the clock leaps to the next due timer as soon as
//! nothing is busy, so days of waiting take no time. It promises never to leap
//! while a call, a delivery or an action is pending. The proof has three steps:
//!
//! 1. Whoever has something pending holds a [`Busy`], and the number of them is
//!    under the same lock as the time. A leap happens inside that lock, and only
//!    when the number is zero; so a guard taken before a leap forbids it, and a
//!    guard taken after it reads the new time.
//! 2. A timer that fires is something pending until its sleeper has run: it fires
//!    by *handing over* a `Busy`, which [`StackClock::sleep_until`] returns. The
//!    number of guards rises under the lock that leapt, before the next leap can
//!    be looked at.
//! 3. Work that passes on (a request to a task, a message to a channel) takes or
//!    clones the next guard before it drops the last, so that the number never
//!    touches zero in between. A guard may travel in a message: a message nobody
//!    reads then holds the clock, as something undelivered should.
//!
//! Not every timer draws the clock. What comes round for ever (a daily schedule) must
//! not have an idle stack run through the years: such a timer is waited for with
//! [`StackClock::sleep_along`]. The clock leaps only while some other timer is set,
//! and stops on its way there at each of these.
//!
//! Nothing polls: one task, the hand, sleeps until the next timer is due or until
//! something changed.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant};

/// How the stack's time relates to the wall's.
#[derive(Debug, Clone, Copy)]
pub struct ClockSettings {
    /// How many times faster than the wall clock it runs.
    pub speed: NonZeroU32,
    /// Leap to the next due timer whenever nothing is busy.
    pub skip: bool,
    /// The time at which the clock begins; the wall's time when left out.
    pub start: Option<Timestamp>,
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self { speed: NonZeroU32::MIN, skip: false, start: None }
    }
}

/// The clock; a clone is the same clock.
#[derive(Clone)]
pub struct StackClock {
    shared: Arc<Shared>,
}

impl StackClock {
    /// Sets the clock going. Needs a running tokio runtime, which carries its hand.
    pub fn new(settings: ClockSettings) -> Self {
        let shared = Arc::new(Shared::new(settings));
        tokio::spawn(turn(Arc::downgrade(&shared), Arc::clone(&shared.changed)));
        Self { shared }
    }

    /// The stack's time now. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().now(Instant::now(), self.shared.speed)
    }

    /// Waits until the stack's time is `due`; dropping the future cancels the timer.
    ///
    /// The timer is set by the call itself, not by the first poll, so that a guard
    /// can be dropped between the two: set the timer, let go, then wait. The guard
    /// that comes back keeps the clock from leaping on until the caller has acted
    /// on the timer: keep it until that is done, or until the next is taken.
    pub fn sleep_until(&self, due: Timestamp) -> impl Future<Output = Busy> + Send + use<> {
        self.sleep(due, true)
    }

    /// The same, but an idle clock does not leap for the sake of this timer; on its
    /// way to one for which it does, it stops here too.
    pub fn sleep_along(&self, due: Timestamp) -> impl Future<Output = Busy> + Send + use<> {
        self.sleep(due, false)
    }

    /// Either of the two: `draws` says whether an idle clock leaps for its sake.
    pub(crate) fn sleep(
        &self,
        due: Timestamp,
        draws: bool,
    ) -> impl Future<Output = Busy> + Send + use<> {
        let (fire, fired) = oneshot::channel();
        let timer = self.set(due, Armed { fire, draws });
        async move {
            let Ok(busy) = fired.await else {
                unreachable!("a timer is removed only by firing or by dropping `timer`")
            };
            drop(timer);
            busy
        }
    }

    /// Whether it leaps at all.
    pub fn leaps(&self) -> bool {
        self.shared.skip
    }

    /// A guard that keeps the clock from leaping while something is pending.
    /// `why` shows in [`StackClock::pending`].
    pub fn busy(&self, why: &'static str) -> Busy {
        self.shared.lock().take(why);
        Busy { shared: Arc::clone(&self.shared), why }
    }

    /// What holds the clock just now, and how many times each.
    pub fn pending(&self) -> BTreeMap<&'static str, usize> {
        self.shared.lock().busy.clone()
    }

    /// How far the clock has leapt since it began.
    pub fn leapt(&self) -> SignedDuration {
        self.shared.lock().leapt
    }

    /// Has every leap told, with the time after it, before anyone else can see that
    /// time. Only one can be told; the last who asked is.
    pub fn on_leap(&self, tell: impl Fn(Timestamp) + Send + Sync + 'static) {
        self.shared.lock().tell_leap = Some(Box::new(tell));
    }

    fn set(&self, due: Timestamp, armed: Armed) -> Timer {
        let mut face = self.shared.lock();
        let key = (due, face.next_timer);
        face.next_timer += 1;
        face.drawing += usize::from(armed.draws);
        face.timers.insert(key, armed);
        drop(face);
        self.shared.changed.notify_one();
        Timer { shared: Arc::clone(&self.shared), key }
    }
}

impl fmt::Debug for StackClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// While one is held the clock does not leap. A clone holds it too.
#[must_use = "dropped at once, it holds nothing"]
pub struct Busy {
    shared: Arc<Shared>,
    why: &'static str,
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.shared.lock().take(self.why);
        Self { shared: Arc::clone(&self.shared), why: self.why }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let idle = self.shared.lock().give_back(self.why);
        if idle {
            self.shared.changed.notify_one();
        }
    }
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Busy").field(&self.why).finish()
    }
}

/// The wall's time, for what binds a running process: a deadline it is told.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

struct Shared {
    speed: u32,
    skip: bool,
    face: Mutex<Face>,
    /// Something the hand should look at: a timer was set, or all work is done.
    changed: Arc<Notify>,
}

/// What the lock guards: the time, the timers, and who is busy.
struct Face {
    /// The stack's time at `anchor`; a leap adds to it.
    at_anchor: Timestamp,
    anchor: Instant,
    leapt: SignedDuration,
    timers: BTreeMap<TimerKey, Armed>,
    /// How many of the timers draw the clock.
    drawing: usize,
    next_timer: u64,
    busy: BTreeMap<&'static str, usize>,
    tell_leap: Option<Box<dyn Fn(Timestamp) + Send + Sync>>,
}

/// A timer that is set.
struct Armed {
    fire: oneshot::Sender<Busy>,
    /// Whether an idle clock leaps for its sake.
    draws: bool,
}

/// Due time, then the order in which they were set.
type TimerKey = (Timestamp, u64);

impl Shared {
    fn new(settings: ClockSettings) -> Self {
        let face = Face {
            at_anchor: settings.start.unwrap_or_else(wall_clock),
            anchor: Instant::now(),
            leapt: SignedDuration::ZERO,
            timers: BTreeMap::new(),
            drawing: 0,
            next_timer: 0,
            busy: BTreeMap::new(),
            tell_leap: None,
        };
        Self {
            speed: settings.speed.get(),
            skip: settings.skip,
            face: Mutex::new(face),
            changed: Arc::new(Notify::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Face> {
        self.face.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The hand wakes, finds no clock, and ends.
        self.changed.notify_one();
    }
}

impl Face {
    fn now(&self, real: Instant, speed: u32) -> Timestamp {
        let ran = real.saturating_duration_since(self.anchor).saturating_mul(speed);
        self.at_anchor.saturating_add(ran).unwrap_or(Timestamp::MAX)
    }

    fn take(&mut self, why: &'static str) {
        *self.busy.entry(why).or_default() += 1;
    }

    /// Whether that was the last one.
    fn give_back(&mut self, why: &'static str) -> bool {
        if let Some(count) = self.busy.get_mut(why) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(why);
            }
        }
        self.busy.is_empty()
    }

    /// Takes a timer away, if it is still set.
    fn remove(&mut self, key: TimerKey) -> Option<Armed> {
        let armed = self.timers.remove(&key)?;
        self.drawing -= usize::from(armed.draws);
        Some(armed)
    }

    fn leap_to_next(&mut self, real: Instant, speed: u32) {
        let Some(&(due, _)) = self.timers.keys().next() else { return };
        let distance = due.duration_since(self.now(real, speed));
        if distance.is_positive() {
            self.at_anchor = self.at_anchor.saturating_add(distance).unwrap_or(Timestamp::MAX);
            self.leapt = self.leapt.saturating_add(distance);
            if let Some(tell) = &self.tell_leap {
                tell(due);
            }
        }
    }
}

/// Takes the timer away when its sleeper is dropped.
struct Timer {
    shared: Arc<Shared>,
    key: TimerKey,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.lock().remove(self.key);
    }
}

/// The hand: fires what is due, leaps when it may, and otherwise sleeps until the
/// next timer or the next change. It ends with the clock.
async fn turn(shared: Weak<Shared>, changed: Arc<Notify>) {
    loop {
        let Some(clock) = shared.upgrade() else { return };
        let next = tick(&clock);
        drop(clock);
        match next {
            Some(at) => drop(tokio::time::timeout_at(at, changed.notified()).await),
            None => changed.notified().await,
        }
    }
}

/// Fires what is due and says when, in real time, to look again.
fn tick(shared: &Arc<Shared>) -> Option<Instant> {
    let mut face = shared.lock();
    let real = Instant::now();
    if shared.skip && face.busy.is_empty() && face.drawing > 0 {
        face.leap_to_next(real, shared.speed);
    }
    let now = face.now(real, shared.speed);
    let mut undelivered = Vec::new();
    while let Some(&key) = face.timers.keys().next().filter(|&&(due, _)| due <= now) {
        let Some(armed) = face.remove(key) else { break };
        face.take(FIRED);
        let busy = Busy { shared: Arc::clone(shared), why: FIRED };
        undelivered.extend(armed.fire.send(busy).err());
    }
    let next = face.timers.keys().next().map(|&(due, _)| due);
    drop(face);
    drop(undelivered); // A guard's drop takes the lock.
    next.map(|due| real + real_wait(due.duration_since(now), shared.speed))
}

const FIRED: &str = "a timer that fired";

/// Stack time to real time, rounded up to the runtime's millisecond, so that the
/// hand never wakes just before a timer is due.
fn real_wait(wait: SignedDuration, speed: u32) -> Duration {
    let wait = Duration::try_from(wait).unwrap_or_default() / speed;
    wait.min(LONGEST_SLEEP) + Duration::from_millis(1)
}

/// The runtime's timers reach two years; looking again each day costs nothing.
const LONGEST_SLEEP: Duration = Duration::from_hours(24);
