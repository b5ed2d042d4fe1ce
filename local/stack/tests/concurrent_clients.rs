//! Sixteen clients place five hundred orders at once, cancel, review, restock, resume and
//! abort at random moments, while providers fail. Afterwards the stack's clock runs until
//! every order is closed or needs an operator. The ledgers must agree, and no order may be
//! both canceled and shipped.
//!
//! The test builds the functions with cargo. It prints its seed, which determines the
//! requests but not how the clients interleave; `STORM_SEED` sets another.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emulators::emulator::ControlAction;
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
/// A product with less stock than the clients order.
const SCARCE_SKU: &str = "STORM-01";
/// The longest real time between two writes of orders after the last request.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a provider may fail.
const FAULT_POINTS: [&str; 4] =
    ["gateway.confirm", "gateway.capture", "gateway.cancel", "carrier.buy"];
/// How it may fail, and up to which call; without a last call it never recovers.
const FAULT_KINDS: [(&str, Option<u64>); 5] = [
    ("drop-answer", Some(1)),
    ("500-with-effect", Some(1)),
    ("500", Some(1)),
    // More than the retries of an outage would survive.
    ("429", Some(30)),
    ("down", None),
];
/// How the shipping provider alone may fail: the carriers return no rates, or refuse to sell
/// one rate or every rate.
const SHIPPING_FAULTS: [(&str, &str, Option<u64>); 4] = [
    ("carrier.create", "429", Some(30)),
    ("carrier.create", "no-rates", Some(3)),
    ("carrier.buy", "refuse", Some(1)),
    ("carrier.buy", "refuse", None),
];

/// What the API has accepted, by order id, and how it responded.
#[derive(Default)]
struct Accepted {
    placed: BTreeSet<String>,
    canceled: BTreeSet<String>,
    rejected: BTreeSet<String>,
    compensated: BTreeSet<String>,
    /// The number of responses for each kind of request and HTTP status.
    responses: BTreeMap<(&'static str, u16), u64>,
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_clients_leave_every_order_closed_or_raised_and_the_ledgers_agree() {
    let seed = seed();
    println!("seed {seed}");
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    add_scarce_product(&stack).await;

    let accepted = Arc::new(Mutex::new(Accepted::default()));
    let next_number = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| RandomClient {
            client: Client::new(stack.urls()),
            arn: stack.step_functions().execution_arn("ORDER"),
            now: stack.clock().now(),
            random: Random(seed ^ (number << 32)),
            accepted: Arc::clone(&accepted),
            next_number: Arc::clone(&next_number),
        })
        .map(|client| tokio::spawn(client.run()))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let items = audit::wait_until_at_rest(&stack, PATIENCE).await.unwrap();
    let accepted = std::mem::take(&mut *accepted.lock().unwrap());
    println!("{:?}", accepted.responses);
    check(&stack, &items, &accepted).await;
    stack.shutdown().await;
}

#[expect(clippy::disallowed_methods, reason = "the one parameter of this test")]
fn seed() -> u64 {
    std::env::var("STORM_SEED").map_or(SEED, |text| text.parse().unwrap())
}

async fn add_scarce_product(stack: &Stack) {
    let product = json!({
        "sku": SCARCE_SKU, "title": "Umbrella", "weightGrams": 400, "available": 40,
        "unitPrice": {"amount": 2500, "currency": "USD"},
    });
    let response = Client::new(stack.urls()).add_product(&product).await.unwrap();
    response.into_success("adding the product").unwrap();
}

/// Compares each order with both providers' ledgers and with what the API accepted.
async fn check(stack: &Stack, items: &[Value], accepted: &Accepted) {
    let client = Client::new(stack.urls());
    let mut wrong = Vec::new();
    let mut final_statuses: BTreeMap<&str, u64> = BTreeMap::new();
    for item in items {
        let (id, status) = (text(item, "orderId"), text(item, "status"));
        *final_statuses.entry(status).or_default() += 1;
        wrong.extend(audit::violations(item, &client.ledger(id).await.unwrap()));
        let ends_unfulfilled = [&accepted.canceled, &accepted.rejected, &accepted.compensated]
            .iter()
            .any(|ids| ids.contains(id));
        if ends_unfulfilled && status == "FULFILLED" {
            wrong.push(format!(
                "{id}: the API accepted its cancellation or rejection, but it is FULFILLED"
            ));
        }
    }
    println!("{final_statuses:?}");
    let ids: BTreeSet<_> = items.iter().map(|item| text(item, "orderId").to_owned()).collect();
    wrong.extend(accepted.placed.difference(&ids).map(|id| format!("{id} was accepted and lost")));
    for level in stock_levels(stack).await.unwrap() {
        if level.available < 0 || !level.balances() {
            wrong.push(format!("the stock does not balance: {level:?}"));
        }
    }
    wrong.extend(running_executions_of_closed_orders(stack, items, &client).await);
    assert_eq!(accepted.placed.len() as u64, ORDERS, "every order was accepted");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn running_executions_of_closed_orders(
    stack: &Stack,
    items: &[Value],
    client: &Client,
) -> Vec<String> {
    let mut running = Vec::new();
    for item in items.iter().filter(|item| text(item, "status") != "NEEDS_ATTENTION") {
        let arn = stack.step_functions().execution_arn(text(item, "execution"));
        let described =
            client.step_functions("DescribeExecution", &json!({ "executionArn": arn })).await;
        // An order that was canceled before its execution started has none.
        if described.is_ok_and(|described| described["status"] == "RUNNING") {
            running.push(format!("{} is closed and its execution runs", text(item, "orderId")));
        }
    }
    running
}

/// A client that places orders, and sends random requests about all orders.
struct RandomClient {
    client: Client,
    /// The ARN of an execution, with `ORDER` for its name.
    arn: String,
    now: jiff::Timestamp,
    random: Random,
    accepted: Arc<Mutex<Accepted>>,
    next_number: Arc<AtomicU64>,
}

impl RandomClient {
    async fn run(mut self) {
        loop {
            let number = self.next_number.fetch_add(1, Ordering::Relaxed);
            if number >= ORDERS {
                return;
            }
            self.place_order(number).await;
            for _ in 0..self.random.below(4) {
                self.send_random_request().await;
            }
        }
    }

    async fn place_order(&mut self, number: u64) {
        let order = self.random_order();
        // One customer in eight sends the request twice.
        for _ in 0..=self.random.below(8) / 7 {
            let key = format!("storm-{number}");
            let response = self.client.place_order(&order, &key).await.unwrap();
            let body = self.count_response("place", &response);
            let id = body["orderId"].as_str().unwrap().to_owned();
            self.accepted.lock().unwrap().placed.insert(id.clone());
            self.maybe_inject_fault(&id).await;
        }
    }

    /// For one order in four a provider fails, for some of them permanently, so that an
    /// operator has to resolve them. For one in eight, label refunds are rejected.
    async fn maybe_inject_fault(&mut self, id: &str) {
        let at = *self.random.choose(&FAULT_POINTS);
        let (kind, last) = *self.random.choose(&FAULT_KINDS);
        let any = json!({"at": at, "kind": kind, "calls": {"from": 1, "to": last}});
        let (at, kind, last) = *self.random.choose(&SHIPPING_FAULTS);
        let of_shipping = json!({"at": at, "kind": kind, "calls": {"from": 1, "to": last}});
        let fault = if self.random.below(2) == 0 { any } else { of_shipping };
        if self.random.below(4) == 0 {
            self.client.inject_faults(&[fault], Some(id)).await.unwrap();
        }
        if self.random.below(8) == 0 {
            let reject = ControlAction::RejectRefund { order: id.to_owned() };
            let response = self.client.control(&reject).await.unwrap();
            response.into_success("rejecting label refunds").unwrap();
        }
    }

    fn random_order(&mut self) -> Value {
        let mut order = json!({
            "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
            "shippingAddress": {
                "street1": "388 Townsend St", "city": "San Francisco", "state": "CA",
                "postalCode": "94107", "country": "US",
            },
            "items": [{"sku": "PEN-01", "quantity": 1 + self.random.below(3)}],
            "paymentMethod": "pm_card_visa",
            "shippingService": "standard",
        });
        match self.random.below(8) {
            0 => order["items"] = json!([{"sku": "DESK-01", "quantity": 1}]),
            1 => order["paymentMethod"] = json!("pm_card_visa_chargeDeclined"),
            2 => {
                let delay = jiff::SignedDuration::from_hours(1 + self.random.signed_below(600));
                order["scheduledFor"] = json!(format!("{:.0}", self.now + delay));
                order["paymentCustomer"] = json!("cus_ada");
            }
            3 | 4 => {
                order["items"] = json!([
                    {"sku": SCARCE_SKU, "quantity": 1 + self.random.below(3)},
                    {"sku": "PEN-01", "quantity": 1},
                ]);
                order["whenOutOfStock"] = json!("wait");
            }
            5 => order["items"] = json!([{"sku": SCARCE_SKU, "quantity": 2}]),
            _ => {}
        }
        order
    }

    /// Sends a request about an order of any client.
    async fn send_random_request(&mut self) {
        let Some(id) = self.random_order_id() else { return };
        match self.random.below(10) {
            0..3 => {
                let response = self.client.cancel(&id).await.unwrap();
                self.count_response("cancel", &response);
                self.remember(&response, &id, |accepted| &mut accepted.canceled);
            }
            3..5 => drop(self.review(&id, "approve").await),
            5 => {
                let response = self.review(&id, "reject").await;
                self.remember(&response, &id, |accepted| &mut accepted.rejected);
            }
            6..8 => self.restock().await,
            8 => {
                let body = json!({"action": "compensate", "refund": true});
                let response = self.client.operate(&id, "resume", &body).await.unwrap();
                self.count_response("resume", &response);
                self.remember(&response, &id, |accepted| &mut accepted.compensated);
            }
            _ => {
                // Aborts the execution, if it runs.
                let body = json!({"executionArn": self.arn.replace("ORDER", &id)});
                let _ended = self.client.step_functions("StopExecution", &body).await;
            }
        }
    }

    async fn review(&self, id: &str, decision: &str) -> Response {
        let body = json!({ "decision": decision });
        let response = self.client.operate(id, "review", &body).await.unwrap();
        self.count_response("review", &response);
        response
    }

    async fn restock(&mut self) {
        let (quantity, key) = (1 + self.random.below(4), self.random.next());
        let quantity = u32::try_from(quantity).unwrap();
        let response = self.client.restock(SCARCE_SKU, quantity, &format!("storm-{key}")).await;
        self.count_response("restock", &response.unwrap());
    }

    /// Remembers what the API accepted for an order.
    fn remember(
        &self,
        response: &Response,
        id: &str,
        set: impl FnOnce(&mut Accepted) -> &mut BTreeSet<String>,
    ) {
        if response.status < 300 {
            set(&mut self.accepted.lock().unwrap()).insert(id.to_owned());
        }
    }

    /// Counts the response and returns its body. 503 asks the client to retry; any other
    /// server error fails the test.
    fn count_response<'a>(&self, request: &'static str, response: &'a Response) -> &'a Value {
        assert!(
            response.status < 500 || response.status == 503,
            "{request}: {} {}",
            response.status,
            response.body
        );
        let mut accepted = self.accepted.lock().unwrap();
        *accepted.responses.entry((request, response.status)).or_default() += 1;
        &response.body
    }

    fn random_order_id(&mut self) -> Option<String> {
        let accepted = self.accepted.lock().unwrap();
        let placed = accepted.placed.len() as u64;
        let index = usize::try_from(self.random.below(placed.max(1))).unwrap();
        accepted.placed.iter().nth(index).cloned()
    }
}

/// Random numbers from a seed (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn choose<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn signed_below(&mut self, limit: u64) -> i64 {
        i64::try_from(self.below(limit)).unwrap()
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}
