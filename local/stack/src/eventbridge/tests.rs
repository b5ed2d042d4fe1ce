//! Schedules over real tables in memory, on a clock that leaps; the function is a
//! script that sees each event and writes what the test says.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::open_order_ticks::OpenOrderTicks;
use super::schedule::ScheduleRunner;
use super::{DeliveryFuture, EventTarget};
use crate::clock::{BusyGuard, ClockSettings, StackClock};
use crate::counters::Counters;
use crate::dynamodb::{self, Caller, DynamoDb};
use crate::faults::Faults;
use crate::lambda::EventDelivery;
use crate::template::{Template, TemplateSchedule};

const START: &str = "2026-11-23T04:00:30Z";
const RECONCILER: &str = "reconcile-orders";

/// More than any of these tests has.
const TICKS_AT_MOST: usize = 200;

/// What the function does at each event, and with what it ends.
type Script = Box<dyn Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync>;
type Work = std::pin::Pin<Box<dyn Future<Output = bool> + Send>>;

/// A function that does what the test says; it keeps the times of its events.
struct Function {
    times: Mutex<Vec<String>>,
    script: Script,
    dynamodb: Arc<DynamoDb>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("times", &self.times).finish_non_exhaustive()
    }
}

impl EventTarget for Function {
    fn deliver<'a>(
        &'a self,
        function: &'a str,
        event: Bytes,
        busy: BusyGuard,
    ) -> DeliveryFuture<'a> {
        assert_eq!(function, RECONCILER);
        let event: Value = serde_json::from_slice(&event).unwrap();
        let mut times = self.times.lock().unwrap();
        // A clock that is driven on for ever ends here, and the test with what it saw.
        assert!(times.len() < TICKS_AT_MOST, "the ticks do not end: {times:?}");
        times.push(event["time"].as_str().unwrap().to_owned());
        let work = (self.script)(times.len(), Arc::clone(&self.dynamodb));
        Box::pin(async move { EventDelivery { succeeded: work.await, busy } })
    }
}

/// One schedule at work.
struct Bench {
    clock: StackClock,
    dynamodb: Arc<DynamoDb>,
    function: Arc<Function>,
    _ticking: JoinSet<()>,
}

impl Bench {
    async fn new(
        (name, interval): (&str, SignedDuration),
        skip: bool,
        script: impl Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync + 'static,
    ) -> Self {
        let start = Some(START.parse().unwrap());
        let clock = StackClock::new(ClockSettings { speed: NonZeroU32::MIN, skip, start });
        let setting = clock.busy("the setting of a test");
        let dynamodb = Arc::new(tables(&clock).await);
        let (times, script) = (Mutex::default(), Box::new(script) as Script);
        let function = Function { times, script, dynamodb: Arc::clone(&dynamodb) };
        let function = Arc::new(function);
        let schedule =
            TemplateSchedule { function: RECONCILER.to_owned(), name: name.to_owned(), interval };
        let open_order_ticks = OpenOrderTicks::for_schedule(&schedule, &clock, &dynamodb);
        let target = Arc::clone(&function) as Arc<dyn EventTarget>;
        let mut ticking = JoinSet::new();
        ticking
            .spawn(ScheduleRunner { schedule, clock: clock.clone(), target }.run(open_order_ticks));
        drop(setting);
        Self { clock, dynamodb, function, _ticking: ticking }
    }

    /// The schedule of the open orders, on a clock that leaps.
    async fn open_orders(
        script: impl Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync + 'static,
    ) -> Self {
        Self::new(OPEN_ORDERS, true, script).await
    }

    /// Lets the clock run on to a time, with everything that is due by then.
    async fn until(&self, time: &str) -> BusyGuard {
        let sleep = self.clock.sleep_until(time.parse().unwrap());
        let patience = Duration::from_secs(20);
        let came = tokio::time::timeout(patience, sleep).await;
        came.unwrap_or_else(|_| panic!("{time} never comes: {:?}", self.clock.pending()))
    }

    /// The times of the ticks so far.
    fn ticks(&self) -> Vec<String> {
        self.function.times.lock().unwrap().clone()
    }
}

const OPEN_ORDERS: (&str, SignedDuration) = ("local-open-orders", SignedDuration::from_mins(1));

async fn tables(clock: &StackClock) -> DynamoDb {
    let (clock, counters, faults) = (clock.clone(), Counters::new(), Faults::new());
    let deps = dynamodb::Deps { clock, counters, faults, functions: None };
    let dynamodb = DynamoDb::open(dynamodb::Store::Memory, deps).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let template = Template::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    for table in template.tables() {
        dynamodb.create_table(&table).await.unwrap();
    }
    dynamodb
}

/// Writes an order: open, to be looked at then; or settled.
async fn write(dynamodb: &DynamoDb, check_at: Option<&str>, writer: Caller) {
    let mut item = json!({ "orderId": { "S": "o1" } });
    if let Some(check_at) = check_at {
        item["open"] = json!({ "S": "3" });
        item["checkAt"] = json!({ "S": check_at });
    }
    let put = json!({ "TableName": "Orders", "Item": item });
    dynamodb.call("PutItem", &put, writer).await.unwrap();
}

fn reconciler() -> Caller {
    Caller::Function(RECONCILER.to_owned())
}

fn api() -> Caller {
    Caller::Function("order-api".to_owned())
}

fn nothing(_: usize, _: Arc<DynamoDb>) -> Work {
    Box::pin(async { true })
}

/// The tick with which a stack begins.
const FIRST: &str = "2026-11-23T04:01:00Z";

#[tokio::test]
async fn days_in_which_nobody_writes_take_one_tick() {
    let bench = Bench::open_orders(nothing).await;
    drop(bench.until("2026-12-23T04:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST]);
}

#[tokio::test]
async fn a_write_makes_one_tick_at_the_next_whole_minute_and_not_a_thousand() {
    async fn check(writer: Caller, times: usize, expected: &[&str]) {
        let bench = Bench::open_orders(nothing).await;
        let busy = bench.until("2026-11-24T10:00:10Z").await;
        for _ in 0..times {
            write(&bench.dynamodb, None, writer.clone()).await;
        }
        drop(busy);
        drop(bench.until("2026-11-26T00:00:00Z").await);
        assert_eq!(bench.ticks(), expected, "{times} by {writer:?}");
    }
    let one = [FIRST, "2026-11-24T10:01:00Z"];
    check(api(), 1, &one).await;
    check(api(), 50, &one).await;
    check(Caller::StateMachine, 1, &one).await;
    check(Caller::Other, 1, &one).await;
    check(reconciler(), 50, &[FIRST]).await;
}

#[tokio::test]
async fn stock_that_comes_is_a_reason_to_look_and_a_read_is_none() {
    let bench = Bench::open_orders(nothing).await;
    let busy = bench.until("2026-11-24T10:00:10Z").await;
    let key = json!({ "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } });
    bench.dynamodb.call("GetItem", &key, api()).await.unwrap();
    drop(busy);
    let busy = bench.until("2026-11-24T11:00:10Z").await;
    assert_eq!(bench.ticks(), [FIRST]);
    bench.dynamodb.call("UpdateItem", &key, api()).await.unwrap();
    drop(busy);
    drop(bench.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST, "2026-11-24T11:01:00Z"]);
}

#[tokio::test]
async fn a_write_that_was_refused_is_no_reason_to_look() {
    let bench = Bench::open_orders(nothing).await;
    let busy = bench.until("2026-11-24T10:00:10Z").await;
    let put = json!({
        "TableName": "Orders",
        "Item": { "orderId": { "S": "o1" } },
        "ConditionExpression": "attribute_exists(orderId)",
    });
    bench.dynamodb.call("PutItem", &put, api()).await.unwrap_err();
    drop(busy);
    drop(bench.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST]);
}

#[tokio::test]
async fn an_order_due_in_two_days_is_looked_at_then() {
    // The first look finds that it is not due before the day after tomorrow.
    let bench = Bench::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:10.500Z");
            write(&dynamodb, check_at, reconciler()).await;
            true
        })
    })
    .await;
    drop(bench.until("2026-12-24T00:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST, "2026-11-25T09:31:00Z"]);
}

#[tokio::test]
async fn an_idle_clock_leaps_to_the_order_that_is_due() {
    let looked = Arc::new(Notify::new());
    let tell = Arc::clone(&looked);
    let bench = Bench::open_orders(move |tick, dynamodb| {
        let tell = Arc::clone(&tell);
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:00.000Z");
            write(&dynamodb, check_at, reconciler()).await;
            if tick == 2 {
                tell.notify_one();
            }
            true
        })
    })
    .await;
    let came = tokio::time::timeout(Duration::from_secs(20), looked.notified()).await;
    assert!(came.is_ok(), "nobody looked: {:?}", bench.clock.pending());
    assert_eq!(bench.ticks(), [FIRST, "2026-11-25T09:30:00Z"]);
}

#[tokio::test]
async fn what_the_functions_own_writes_make_due_earlier_is_looked_at_earlier() {
    let bench = Bench::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:00.000Z");
            write(&dynamodb, check_at, reconciler()).await;
            true
        })
    })
    .await;
    let busy = bench.until("2026-11-24T10:00:10Z").await;
    // As it does when it is told that an execution has ended.
    write(&bench.dynamodb, Some("2026-11-24T12:00:00.000Z"), reconciler()).await;
    drop(busy);
    drop(bench.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST, "2026-11-24T12:00:00Z"]);
}

#[tokio::test]
async fn a_write_that_lands_while_a_tick_runs_is_looked_at_by_the_next() {
    let bench = Bench::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            if tick == 1 {
                write(&dynamodb, None, api()).await;
                // It is heard of while the tick goes on, and not only when it has ended.
                for _ in 0..3 {
                    write(&dynamodb, None, reconciler()).await;
                }
            }
            true
        })
    })
    .await;
    drop(bench.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bench.ticks(), [FIRST, "2026-11-23T04:02:00Z"]);
}

#[tokio::test]
async fn a_tick_that_failed_has_shown_nothing_and_is_made_again() {
    let bench = Bench::open_orders(|tick, _| Box::pin(async move { tick > 2 })).await;
    drop(bench.until("2026-11-26T00:00:00Z").await);
    let again = ["2026-11-23T04:02:00Z", "2026-11-23T04:03:00Z"];
    assert_eq!(bench.ticks(), [FIRST, again[0], again[1]]);
}

/// Somebody writes every 700 ms; a tick that waited for silence would never come.
#[tokio::test]
async fn a_stream_of_writes_does_not_starve_the_tick() {
    let bench = Bench::open_orders(nothing).await;
    let mut busy = bench.until("2026-11-24T10:00:00Z").await;
    let end: Timestamp = "2026-11-24T10:09:30Z".parse().unwrap();
    while bench.clock.now() < end {
        write(&bench.dynamodb, None, api()).await;
        let sleep = bench.clock.sleep_until(bench.clock.now() + SignedDuration::from_millis(700));
        drop(busy);
        busy = sleep.await;
    }
    let minutes = (1..=9).map(|minute| format!("2026-11-24T10:0{minute}:00Z"));
    let expected: Vec<_> = [FIRST.to_owned()].into_iter().chain(minutes).collect();
    assert_eq!(bench.ticks(), expected);
}

/// A wait that ends after the tick must not end before it.
#[tokio::test]
async fn the_tick_after_a_write_comes_before_any_wait_that_ends_later() {
    for round in 0..50 {
        let bench = Bench::open_orders(nothing).await;
        let busy = bench.until("2026-11-24T10:00:10Z").await;
        let wait = bench.clock.sleep_until("2026-11-24T10:01:00.001Z".parse().unwrap());
        write(&bench.dynamodb, None, api()).await;
        drop(busy);
        drop(wait.await);
        assert_eq!(bench.ticks(), [FIRST, "2026-11-24T10:01:00Z"], "round {round}");
    }
}

/// An order that waits for a person is put off by a day, every day.
#[tokio::test(start_paused = true)]
async fn an_idle_clock_is_not_driven_on_for_ever() {
    let bench = Bench::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let days = SignedDuration::from_hours(24) * i32::try_from(tick).unwrap();
            let check_at = FIRST.parse::<Timestamp>().unwrap() + days;
            write(&dynamodb, Some(&format!("{check_at:.3}")), reconciler()).await;
            true
        })
    })
    .await;
    // Tokio's own time, in which the ticks come one after the other.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.ticks().len(), 100);
    let days = bench.clock.skipped().as_hours() / 24;
    assert_eq!(days, 99, "a day from one look to the next");

    // Whoever else waits still has the looks of each day on the way.
    let next = bench.clock.now() + SignedDuration::from_hours(24 * 5);
    drop(bench.until(&next.to_string()).await);
    assert_eq!(bench.ticks().len(), 105);
}

#[tokio::test(start_paused = true)]
async fn without_skip_it_ticks_every_minute() {
    let bench = Bench::new(OPEN_ORDERS, false, nothing).await;
    drop(bench.clock.sleep_until("2026-11-23T04:05:30Z".parse().unwrap()).await);
    let minutes = (1..=5).map(|minute| format!("2026-11-23T04:0{minute}:00Z"));
    assert_eq!(bench.ticks(), minutes.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn ticks_that_come_while_one_runs_become_one() {
    let bench = Bench::new(OPEN_ORDERS, false, |tick, _| {
        Box::pin(async move {
            let long = if tick == 2 { 185 } else { 0 };
            tokio::time::sleep(Duration::from_secs(long)).await;
            true
        })
    })
    .await;
    drop(bench.clock.sleep_until("2026-11-23T04:07:30Z".parse().unwrap()).await);
    let minutes = [1, 2, 6, 7].map(|minute| format!("2026-11-23T04:0{minute}:00Z"));
    assert_eq!(bench.ticks(), minutes);
}

const COMPARE: (&str, SignedDuration) = ("local-compare-books", SignedDuration::from_hours(24));

#[tokio::test]
async fn the_daily_schedule_ticks_each_day_on_the_way_to_what_somebody_waits_for() {
    let bench = Bench::new(COMPARE, true, nothing).await;
    drop(bench.until("2026-11-26T00:00:00.001Z").await);
    let days = [24, 25, 26].map(|day| format!("2026-11-{day}T00:00:00Z"));
    assert_eq!(bench.ticks(), days);
}

#[tokio::test(start_paused = true)]
async fn an_idle_clock_does_not_leap_for_the_daily_schedule() {
    let bench = Bench::new(COMPARE, true, nothing).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.ticks(), Vec::<String>::new());
    assert_eq!(bench.clock.skipped(), SignedDuration::ZERO);
}
