//! Five hundred orders, with cancellations, reviews, restocks, operators' answers,
//! mishaps at the providers and aborted executions at random moments, from sixteen
//! clients at once, on a stack whose clock then runs on. Every order is closed or in an operator's
//! hands, the books agree, and none is both cancelled and shipped.
//!
//! Needs cargo, which builds the functions. The seed is printed; it fixes what is
//! asked, not how sixteen clients interleave.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local_stack::audit;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::{Client, Response};
use local_stack::scenarios::stock_levels::{load_stock, stock_levels};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

const ORDERS: u64 = 500;
const CLIENTS: u64 = 16;
const SEED: u64 = 20_261_123;
/// In real time, between two writes of orders when the last client has gone.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the clients were told, by the order.
#[derive(Default)]
struct Told {
    placed: BTreeSet<String>,
    cancelled: BTreeSet<String>,
    rejected: BTreeSet<String>,
    compensated: BTreeSet<String>,
    /// How often each kind of request was answered how.
    answers: BTreeMap<(&'static str, u16), u64>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_requests_leaves_every_order_closed_or_raised_and_the_books_agreed() {
    println!("seed {SEED}");
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    scarce(&stack).await;

    let (told, next) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| Shopper {
            client: Client::new(stack.urls()),
            arn: stack.step_functions().execution_arn("ORDER"),
            now: stack.clock().now(),
            chance: Chance(SEED ^ (number << 32)),
            told: Arc::clone(&told),
            next: Arc::clone(&next),
        })
        .map(|shopper| tokio::spawn(shopper.shop()))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let rows = audit::wait_until_at_rest(&stack, PATIENCE).await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    println!("{:?}", told.answers);
    judge(&stack, &rows, &told).await;
    stack.shutdown().await;
}

/// Goods of which there are too few for all who want them.
async fn scarce(stack: &Stack) {
    let item = json!({
        "sku": "STORM-01", "title": "Umbrella", "weightGrams": 400, "available": 40,
        "unitPrice": {"amount": 2500, "currency": "USD"},
    });
    Client::new(stack.urls())
        .add_product(&item)
        .await
        .unwrap()
        .into_success("the umbrella")
        .unwrap();
}

/// Compares the record with both providers' books, and with what was answered.
async fn judge(stack: &Stack, rows: &[Value], told: &Told) {
    let client = Client::new(stack.urls());
    let mut wrong = Vec::new();
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let (id, status) = (text(row, "orderId"), text(row, "status"));
        *ends.entry(status).or_default() += 1;
        wrong.extend(audit::violations(row, &client.ledger(id).await.unwrap()));
        let given_up =
            [&told.cancelled, &told.rejected, &told.compensated].iter().any(|set| set.contains(id));
        if given_up && status == "FULFILLED" {
            wrong.push(format!("{id} was given up, was answered so, and is FULFILLED"));
        }
    }
    println!("{ends:?}");
    let ids: BTreeSet<_> = rows.iter().map(|row| text(row, "orderId").to_owned()).collect();
    wrong.extend(told.placed.difference(&ids).map(|id| format!("{id} was accepted and is lost")));
    for shelf in stock_levels(stack).await.unwrap() {
        if shelf.available < 0 || shelf.received != shelf.available + shelf.reserved {
            wrong.push(format!("the shelf does not add up: {shelf:?}"));
        }
    }
    wrong.extend(waiting(stack, rows, &client).await);
    assert_eq!(told.placed.len() as u64, ORDERS, "every order was accepted");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Executions that still wait though their orders are closed.
async fn waiting(stack: &Stack, rows: &[Value], client: &Client) -> Vec<String> {
    let mut left = Vec::new();
    for row in rows.iter().filter(|row| text(row, "status") != "NEEDS_ATTENTION") {
        let arn = stack.step_functions().execution_arn(text(row, "execution"));
        let about =
            client.step_functions("DescribeExecution", &json!({ "executionArn": arn })).await;
        // An order that was cancelled before its execution had begun has none.
        if about.is_ok_and(|about| about["status"] == "RUNNING") {
            left.push(format!("{} is closed and its execution runs", text(row, "orderId")));
        }
    }
    left
}

/// One of the clients: places orders, and meddles with those of everybody.
struct Shopper {
    client: Client,
    arn: String,
    now: jiff::Timestamp,
    chance: Chance,
    told: Arc<Mutex<Told>>,
    next: Arc<AtomicU64>,
}

impl Shopper {
    async fn shop(mut self) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= ORDERS {
                return;
            }
            self.place(number).await;
            for _ in 0..self.chance.below(4) {
                self.meddle().await;
            }
        }
    }

    async fn place(&mut self, number: u64) {
        let order = self.order();
        // Some customers click twice.
        for _ in 0..=self.chance.below(8) / 7 {
            let reply = self.client.place_order(&order, &format!("storm-{number}")).await.unwrap();
            let body = self.note("place", &reply);
            let id = body["orderId"].as_str().unwrap().to_owned();
            self.told.lock().unwrap().placed.insert(id.clone());
            self.mishap(&id).await;
        }
    }

    /// For one order in eight, something goes wrong at a provider; for some of them
    /// for good, so that they end up with an operator.
    async fn mishap(&mut self, id: &str) {
        let points = ["gateway.confirm", "gateway.capture", "gateway.cancel", "carrier.buy"];
        let kinds = ["drop-answer", "500-with-effect", "500", "down"];
        let at = points[usize::try_from(self.chance.below(4)).unwrap()];
        let kind = kinds[usize::try_from(self.chance.below(4)).unwrap()];
        let calls = if kind == "down" { json!({"from": 1}) } else { json!({"from": 1, "to": 1}) };
        if self.chance.below(8) == 0 {
            let fault = json!({"at": at, "kind": kind, "calls": calls});
            self.client.inject_faults(&[fault], Some(id)).await.unwrap();
        }
    }

    fn order(&mut self) -> Value {
        let mut order = json!({
            "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
            "shippingAddress": {
                "street1": "388 Townsend St", "city": "San Francisco", "state": "CA",
                "postalCode": "94107", "country": "US",
            },
            "items": [{"sku": "PEN-01", "quantity": 1 + self.chance.below(3)}],
            "paymentMethod": "pm_card_visa",
            "shippingService": "standard",
        });
        match self.chance.below(8) {
            0 => order["items"] = json!([{"sku": "DESK-01", "quantity": 1}]),
            1 => order["paymentMethod"] = json!("pm_card_visa_chargeDeclined"),
            2 => {
                let later = jiff::SignedDuration::from_hours(1 + self.chance.signed_below(600));
                order["scheduledFor"] = json!(format!("{:.0}", self.now + later));
                order["paymentCustomer"] = json!("cus_ada");
            }
            3 | 4 => {
                order["items"] = json!([
                    {"sku": "STORM-01", "quantity": 1 + self.chance.below(3)},
                    {"sku": "PEN-01", "quantity": 1},
                ]);
                order["whenOutOfStock"] = json!("wait");
            }
            5 => order["items"] = json!([{"sku": "STORM-01", "quantity": 2}]),
            _ => {}
        }
        order
    }

    /// Does something to an order of anybody.
    async fn meddle(&mut self) {
        let Some(id) = self.any_order() else { return };
        match self.chance.below(10) {
            0..3 => {
                let reply = self.client.cancel(&id).await.unwrap();
                self.note("cancel", &reply);
                self.remember(&reply, &id, |told| &mut told.cancelled);
            }
            3..5 => drop(self.review(&id, "approve").await),
            5 => {
                let reply = self.review(&id, "reject").await;
                self.remember(&reply, &id, |told| &mut told.rejected);
            }
            6..8 => self.restock().await,
            8 => {
                let body = json!({"action": "compensate", "refund": true});
                let reply = self.client.operate(&id, "resume", &body).await.unwrap();
                self.note("resume", &reply);
                self.remember(&reply, &id, |told| &mut told.compensated);
            }
            _ => {
                // Somebody aborts it by hand, if it runs at all.
                let arn = self.arn.replace("ORDER", &id);
                let _gone = self
                    .client
                    .step_functions("StopExecution", &json!({ "executionArn": arn }))
                    .await;
            }
        }
    }

    async fn review(&self, id: &str, decision: &str) -> Response {
        let body = json!({ "decision": decision });
        let reply = self.client.operate(id, "review", &body).await.unwrap();
        self.note("review", &reply);
        reply
    }

    async fn restock(&mut self) {
        let (quantity, key) = (1 + self.chance.below(4), self.chance.next());
        let quantity = u32::try_from(quantity).unwrap();
        let reply = self.client.restock("STORM-01", quantity, &format!("storm-{key}")).await;
        self.note("restock", &reply.unwrap());
    }

    /// Keeps what an order was promised.
    fn remember(
        &self,
        reply: &Response,
        id: &str,
        set: impl FnOnce(&mut Told) -> &mut BTreeSet<String>,
    ) {
        if reply.status < 300 {
            set(&mut self.told.lock().unwrap()).insert(id.to_owned());
        }
    }

    /// Counts the answer. 503 asks for patience; every other server error is ours.
    fn note<'a>(&self, what: &'static str, reply: &'a Response) -> &'a Value {
        assert!(
            reply.status < 500 || reply.status == 503,
            "{what}: {} {}",
            reply.status,
            reply.body
        );
        *self.told.lock().unwrap().answers.entry((what, reply.status)).or_default() += 1;
        &reply.body
    }

    fn any_order(&mut self) -> Option<String> {
        let told = self.told.lock().unwrap();
        let most = told.placed.len() as u64;
        let place = usize::try_from(self.chance.below(most.max(1))).unwrap();
        told.placed.iter().nth(place).cloned()
    }
}

/// Numbers from a seed (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    const fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn signed_below(&mut self, most: u64) -> i64 {
        i64::try_from(self.below(most)).unwrap()
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name]["S"].as_str().unwrap_or_default()
}
