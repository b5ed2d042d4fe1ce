//! Schedules over tables in memory, on a clock that skips ahead. The function is a script
//! that records each event and writes to the tables.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

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

/// More ticks than any of these tests needs.
const MAX_TICKS: usize = 200;

/// The function's reaction to the nth event: returns whether it succeeds.
type Script = Box<dyn Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync>;
type Work = std::pin::Pin<Box<dyn Future<Output = bool> + Send>>;

/// A function that runs the script of the test and records the times of its events.
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
        // Fails the test if the clock skips ahead forever.
        assert!(times.len() < MAX_TICKS, "the ticks do not end: {times:?}");
        times.push(event["time"].as_str().unwrap().to_owned());
        let work = (self.script)(times.len(), Arc::clone(&self.dynamodb));
        Box::pin(async move { EventDelivery { succeeded: work.await, busy } })
    }
}

/// One running schedule.
struct TestBed {
    clock: StackClock,
    dynamodb: Arc<DynamoDb>,
    function: Arc<Function>,
    _ticking: JoinSet<()>,
}

impl TestBed {
    async fn new(
        (name, interval): (&str, SignedDuration),
        skip: bool,
        script: impl Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync + 'static,
    ) -> Self {
        let start = Some(START.parse().unwrap());
        let clock = StackClock::new(ClockSettings { speed: NonZeroU32::MIN, skip, start });
        let setup = clock.busy("the setup of a test");
        let dynamodb = Arc::new(tables(&clock).await);
        let (times, script) = (Mutex::default(), Box::new(script) as Script);
        let function = Function { times, script, dynamodb: Arc::clone(&dynamodb) };
        let function = Arc::new(function);
        let schedule =
            TemplateSchedule { function: RECONCILER.to_owned(), name: name.to_owned(), interval };
        let target = Arc::clone(&function) as Arc<dyn EventTarget>;
        let mut ticking = JoinSet::new();
        ticking.spawn(
            ScheduleRunner { schedule, clock: clock.clone(), target }.run(Arc::clone(&dynamodb)),
        );
        drop(setup);
        Self { clock, dynamodb, function, _ticking: ticking }
    }

    /// The open-orders schedule on a clock that skips ahead.
    async fn open_orders(
        script: impl Fn(usize, Arc<DynamoDb>) -> Work + Send + Sync + 'static,
    ) -> Self {
        Self::new(OPEN_ORDERS, true, script).await
    }

    /// Lets the clock skip ahead to a time, stopping at everything that is due before.
    async fn until(&self, time: &str) -> BusyGuard {
        let sleep = self.clock.sleep_until(time.parse().unwrap());
        let patience = Duration::from_secs(20);
        let fired = tokio::time::timeout(patience, sleep).await;
        fired.unwrap_or_else(|_| {
            panic!("the clock never reaches {time}: {:?}", self.clock.pending())
        })
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

/// Writes an order: open and due at `check_at`, or closed.
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

/// The first tick of a stack.
const FIRST: &str = "2026-11-23T04:01:00Z";

#[tokio::test]
async fn days_without_a_write_take_one_tick() {
    let bed = TestBed::open_orders(nothing).await;
    drop(bed.until("2026-12-23T04:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST]);
}

#[tokio::test]
async fn any_number_of_writes_causes_one_tick_at_the_next_whole_minute() {
    async fn check(writer: Caller, times: usize, expected: &[&str]) {
        let bed = TestBed::open_orders(nothing).await;
        let busy = bed.until("2026-11-24T10:00:10Z").await;
        for _ in 0..times {
            write(&bed.dynamodb, None, writer.clone()).await;
        }
        drop(busy);
        drop(bed.until("2026-11-26T00:00:00Z").await);
        assert_eq!(bed.ticks(), expected, "{times} by {writer:?}");
    }
    let one = [FIRST, "2026-11-24T10:01:00Z"];
    check(api(), 1, &one).await;
    check(api(), 50, &one).await;
    check(Caller::StateMachine, 1, &one).await;
    check(Caller::Other, 1, &one).await;
    check(reconciler(), 50, &[FIRST]).await;
}

#[tokio::test]
async fn a_write_of_stock_causes_a_tick_and_a_read_does_not() {
    let bed = TestBed::open_orders(nothing).await;
    let busy = bed.until("2026-11-24T10:00:10Z").await;
    let key = json!({ "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } } });
    bed.dynamodb.call("GetItem", &key, api()).await.unwrap();
    drop(busy);
    let busy = bed.until("2026-11-24T11:00:10Z").await;
    assert_eq!(bed.ticks(), [FIRST]);
    bed.dynamodb.call("UpdateItem", &key, api()).await.unwrap();
    drop(busy);
    drop(bed.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST, "2026-11-24T11:01:00Z"]);
}

#[tokio::test]
async fn a_rejected_write_causes_no_tick() {
    let bed = TestBed::open_orders(nothing).await;
    let busy = bed.until("2026-11-24T10:00:10Z").await;
    let put = json!({
        "TableName": "Orders",
        "Item": { "orderId": { "S": "o1" } },
        "ConditionExpression": "attribute_exists(orderId)",
    });
    bed.dynamodb.call("PutItem", &put, api()).await.unwrap_err();
    drop(busy);
    drop(bed.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST]);
}

#[tokio::test]
async fn an_order_due_in_two_days_causes_a_tick_then() {
    // The first tick finds that the order is due the day after tomorrow.
    let bed = TestBed::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:10.500Z");
            write(&dynamodb, check_at, reconciler()).await;
            true
        })
    })
    .await;
    drop(bed.until("2026-12-24T00:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST, "2026-11-25T09:31:00Z"]);
}

#[tokio::test]
async fn an_idle_clock_skips_ahead_to_the_due_order() {
    let ticked = Arc::new(Notify::new());
    let notify = Arc::clone(&ticked);
    let bed = TestBed::open_orders(move |tick, dynamodb| {
        let notify = Arc::clone(&notify);
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:00.000Z");
            write(&dynamodb, check_at, reconciler()).await;
            if tick == 2 {
                notify.notify_one();
            }
            true
        })
    })
    .await;
    let fired = tokio::time::timeout(Duration::from_secs(20), ticked.notified()).await;
    assert!(fired.is_ok(), "no second tick: {:?}", bed.clock.pending());
    assert_eq!(bed.ticks(), [FIRST, "2026-11-25T09:30:00Z"]);
}

#[tokio::test]
async fn the_functions_own_write_of_an_earlier_due_time_causes_an_earlier_tick() {
    let bed = TestBed::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let check_at = (tick == 1).then_some("2026-11-25T09:30:00.000Z");
            write(&dynamodb, check_at, reconciler()).await;
            true
        })
    })
    .await;
    let busy = bed.until("2026-11-24T10:00:10Z").await;
    // The function also writes when it receives the end of an execution.
    write(&bed.dynamodb, Some("2026-11-24T12:00:00.000Z"), reconciler()).await;
    drop(busy);
    drop(bed.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST, "2026-11-24T12:00:00Z"]);
}

#[tokio::test]
async fn a_write_during_a_tick_causes_another_tick() {
    let bed = TestBed::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            if tick == 1 {
                write(&dynamodb, None, api()).await;
                // Observed while the tick runs, not only after it.
                for _ in 0..3 {
                    write(&dynamodb, None, reconciler()).await;
                }
            }
            true
        })
    })
    .await;
    drop(bed.until("2026-11-26T00:00:00Z").await);
    assert_eq!(bed.ticks(), [FIRST, "2026-11-23T04:02:00Z"]);
}

#[tokio::test]
async fn a_failed_tick_is_repeated() {
    let bed = TestBed::open_orders(|tick, _| Box::pin(async move { tick > 2 })).await;
    drop(bed.until("2026-11-26T00:00:00Z").await);
    let again = ["2026-11-23T04:02:00Z", "2026-11-23T04:03:00Z"];
    assert_eq!(bed.ticks(), [FIRST, again[0], again[1]]);
}

/// A client writes every 700 ms. A tick that waited for a pause would never run.
#[tokio::test]
async fn a_stream_of_writes_does_not_starve_the_ticks() {
    let bed = TestBed::open_orders(nothing).await;
    let mut busy = bed.until("2026-11-24T10:00:00Z").await;
    let end: Timestamp = "2026-11-24T10:09:30Z".parse().unwrap();
    while bed.clock.now() < end {
        write(&bed.dynamodb, None, api()).await;
        let sleep = bed.clock.sleep_until(bed.clock.now() + SignedDuration::from_millis(700));
        drop(busy);
        busy = sleep.await;
    }
    let minutes = (1..=9).map(|minute| format!("2026-11-24T10:0{minute}:00Z"));
    let expected: Vec<_> = [FIRST.to_owned()].into_iter().chain(minutes).collect();
    assert_eq!(bed.ticks(), expected);
}

#[tokio::test]
async fn the_tick_after_a_write_runs_before_any_wait_that_ends_later() {
    for round in 0..50 {
        let bed = TestBed::open_orders(nothing).await;
        let busy = bed.until("2026-11-24T10:00:10Z").await;
        let wait = bed.clock.sleep_until("2026-11-24T10:01:00.001Z".parse().unwrap());
        write(&bed.dynamodb, None, api()).await;
        drop(busy);
        drop(wait.await);
        assert_eq!(bed.ticks(), [FIRST, "2026-11-24T10:01:00Z"], "round {round}");
    }
}

/// An order that waits for an operator is postponed by a day, every day.
#[tokio::test(start_paused = true)]
async fn an_idle_clock_does_not_skip_ahead_forever() {
    let bed = TestBed::open_orders(|tick, dynamodb| {
        Box::pin(async move {
            let days = SignedDuration::from_hours(24) * i32::try_from(tick).unwrap();
            let check_at = FIRST.parse::<Timestamp>().unwrap() + days;
            write(&dynamodb, Some(&format!("{check_at:.3}")), reconciler()).await;
            true
        })
    })
    .await;
    // Tokio's paused time: enough for all ticks.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(bed.ticks().len(), 100);
    let days = bed.clock.skipped().as_hours() / 24;
    assert_eq!(days, 99, "one day from tick to tick");

    // A caller that waits longer still gets the daily ticks on the way.
    let next = bed.clock.now() + SignedDuration::from_hours(24 * 5);
    drop(bed.until(&next.to_string()).await);
    assert_eq!(bed.ticks().len(), 105);
}

#[tokio::test(start_paused = true)]
async fn without_skip_it_ticks_every_minute() {
    let bed = TestBed::new(OPEN_ORDERS, false, nothing).await;
    drop(bed.clock.sleep_until("2026-11-23T04:05:30Z".parse().unwrap()).await);
    let minutes = (1..=5).map(|minute| format!("2026-11-23T04:0{minute}:00Z"));
    assert_eq!(bed.ticks(), minutes.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn ticks_that_become_due_during_a_tick_are_merged() {
    let bed = TestBed::new(OPEN_ORDERS, false, |tick, _| {
        Box::pin(async move {
            let long = if tick == 2 { 185 } else { 0 };
            tokio::time::sleep(Duration::from_secs(long)).await;
            true
        })
    })
    .await;
    drop(bed.clock.sleep_until("2026-11-23T04:07:30Z".parse().unwrap()).await);
    let minutes = [1, 2, 6, 7].map(|minute| format!("2026-11-23T04:0{minute}:00Z"));
    assert_eq!(bed.ticks(), minutes);
}

const DAILY: (&str, SignedDuration) = ("local-compare-books", SignedDuration::from_hours(24));

#[tokio::test]
async fn the_daily_schedule_ticks_each_day_on_the_way_to_a_later_timer() {
    let bed = TestBed::new(DAILY, true, nothing).await;
    drop(bed.until("2026-11-26T00:00:00.001Z").await);
    let days = [24, 25, 26].map(|day| format!("2026-11-{day}T00:00:00Z"));
    assert_eq!(bed.ticks(), days);
}

#[tokio::test(start_paused = true)]
async fn an_idle_clock_does_not_skip_ahead_for_the_daily_schedule() {
    let bed = TestBed::new(DAILY, true, nothing).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(bed.ticks(), Vec::<String>::new());
    assert_eq!(bed.clock.skipped(), SignedDuration::ZERO);
}
