//! Kills a whole stack with SIGKILL at fifty moments under load and restarts it on its
//! kept state. Every accepted order must end, and its record must agree with both
//! providers' ledgers and the stock levels.
//!
//! The process that is killed is this test binary itself: it runs the one test
//! [`the_stack_that_is_killed`] with its settings in the environment.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local_stack::audit;
use local_stack::clock::ClockSettings;
use local_stack::functions::{self, Binaries, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::read_json;
use local_stack::scenarios::stock_levels::{load_stock, stock_levels};
use local_stack::stack::{Ports, Settings, Stack};
use local_stack::urls::Urls;
use local_stack::workspace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The environment variable with the settings of the process that is killed.
const SETTINGS: &str = "KILLED_STACK";
const KILLS: u64 = 50;
const CLIENTS: usize = 4;
/// Enough stock for many orders. A fast machine may sell it all.
const ADDED_STOCK: u32 = 400;
/// The longest real time between two writes of orders at the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The settings of the process that is killed.
#[derive(Serialize, Deserialize)]
struct StackProcess {
    program: PathBuf,
    state_folder: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
}

impl StackProcess {
    /// Starts a stack in this process, on the kept state.
    async fn start_stack(&self) -> Stack {
        let clock = ClockSettings { skip: true, ..ClockSettings::default() };
        let binaries = Binaries::new(self.binaries.clone());
        let folder = self.state_folder.clone();
        let settings = Settings::persistent(
            &workspace::root(),
            binaries,
            Ports::default(),
            clock,
            folder,
            false,
        );
        Stack::start(settings).await.unwrap()
    }

    /// Spawns the process that is killed and waits until it serves.
    async fn spawn(&self) -> (Child, Urls) {
        let mut child = Command::new(&self.program)
            .args(["--exact", "the_stack_that_is_killed", "--nocapture"])
            .env(SETTINGS, serde_json::to_string(self).unwrap())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(urls) = line.strip_prefix("ready ") {
                let urls = serde_json::from_str(urls).unwrap();
                return (child, urls);
            }
        }
        panic!("the stack did not start");
    }
}

/// The order id of each idempotency key; none, while the request was not accepted.
type PlacedOrders = Arc<Mutex<BTreeMap<String, Option<String>>>>;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_order_and_the_ledgers_agree() {
    let root = workspace::root();
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("stack");
    // A copy, because building the functions may replace this binary.
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let state_folder = folder.path().join("state");
    let process = StackProcess { program, state_folder, binaries: build_functions(&root) };
    let stack = process.start_stack().await;
    load_stock(&stack, &root).await.unwrap();
    add_stock(&stack).await;
    keep_personal_data(&stack).await;
    stack.shutdown().await;
    let (placed, next_number) = (PlacedOrders::default(), Arc::new(AtomicU64::new(0)));
    for kill in 0..KILLS {
        let (mut child, urls) = process.spawn().await;
        let place = || place_orders(urls.clone(), Arc::clone(&placed), Arc::clone(&next_number));
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(place())).collect();
        // After 50 to 1,950 ms of work, spread evenly.
        tokio::time::sleep(Duration::from_millis(50 + kill * 1187 % 1900)).await;
        child.kill().await.unwrap();
        for client in clients {
            client.await.unwrap();
        }
    }
    let stack = process.start_stack().await;
    resubmit_all(&stack, &placed).await;
    check_ledgers_and_stock(&stack).await;
    stack.shutdown().await;
}

/// Does nothing unless the test above has spawned this process.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the settings of the process that is killed")]
async fn the_stack_that_is_killed() {
    let Ok(settings) = std::env::var(SETTINGS) else { return };
    let process: StackProcess = serde_json::from_str(&settings).unwrap();
    let stack = process.start_stack().await;
    println!("\nready {}", serde_json::to_string(&stack.urls()).unwrap());
    std::future::pending::<()>().await;
}

async fn add_stock(stack: &Stack) {
    let sku = order(0)["items"][0]["sku"].as_str().unwrap().to_owned();
    let client = Client::new(stack.urls());
    let response = client.restock(&sku, ADDED_STOCK, "stock for the kills").await.unwrap();
    response.into_success("the restock").unwrap();
}

/// An idle clock skips ahead, in 50 lives together by months. A request whose personal data is
/// removed by then could not be recognized when it is sent again.
async fn keep_personal_data(stack: &Stack) {
    let client = Client::new(stack.urls());
    let id = json!({"SecretId": "Settings"});
    let current = client.secrets_manager("GetSecretValue", &id).await.unwrap();
    let text = current.body["SecretString"].as_str().unwrap();
    let mut settings: Value = serde_json::from_str(text).unwrap();
    settings["PERSONAL_DATA_RETENTION_DAYS"] = json!("3650");
    let body = json!({"SecretId": "Settings", "SecretString": settings.to_string()});
    let put = client.secrets_manager("PutSecretValue", &body).await.unwrap();
    put.into_success("PutSecretValue").unwrap();
}

fn build_functions(root: &Path) -> BTreeMap<String, PathBuf> {
    let binaries = functions::build_in(root, Profile::Dev).unwrap();
    let template = functions::read_template(root).unwrap();
    let names = template.functions().unwrap().into_iter().map(|function| function.binary);
    names.map(|name| (name.clone(), binaries.get(&name).unwrap().to_owned())).collect()
}

/// Places orders until the stack is gone or rejects one.
async fn place_orders(urls: Urls, placed: PlacedOrders, next_number: Arc<AtomicU64>) {
    let client = Client::new(urls);
    loop {
        let number = next_number.fetch_add(1, Ordering::Relaxed);
        let key = format!("order-{number}");
        placed.lock().unwrap().insert(key.clone(), None);
        let Ok(response) = client.place_order(&order(number), &key).await else { return };
        let Ok(accepted) = response.into_success("placing the order") else { return };
        let id = accepted["orderId"].as_str().unwrap().to_owned();
        placed.lock().unwrap().insert(key, Some(id));
    }
}

/// The body of the order with this number. One order in five is declined.
fn order(number: u64) -> Value {
    let name = if number % 5 == 4 { "declined-card" } else { "one-item" };
    read_json(&workspace::root().join(format!("events/orders/{name}.json"))).unwrap()
}

/// Sends every request again: one that was accepted must name the same order.
async fn resubmit_all(stack: &Stack, placed: &PlacedOrders) {
    let client = Client::new(stack.urls());
    let placed = placed.lock().unwrap().clone();
    let accepted = placed.values().flatten().count();
    println!("{accepted} of {} orders were accepted over {KILLS} kills", placed.len());
    assert!(accepted > 0, "no order was accepted");
    for (key, id) in placed {
        let number = key.rsplit('-').next().unwrap().parse().unwrap();
        let response = client.place_order(&order(number), &key).await.unwrap();
        let resubmitted = response.into_success(&key).unwrap();
        let resubmitted_id = resubmitted["orderId"].as_str().unwrap();
        assert_eq!(id.as_deref().unwrap_or(resubmitted_id), resubmitted_id, "one key, one order");
    }
}

/// Waits until all orders are at rest, then audits them and the stock levels.
async fn check_ledgers_and_stock(stack: &Stack) {
    let client = Client::new(stack.urls());
    let mut final_statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut violations = Vec::new();
    for item in audit::wait_until_at_rest(stack, PATIENCE).await.unwrap() {
        let ledger = client.ledger(item["orderId"]["S"].as_str().unwrap()).await.unwrap();
        violations.extend(audit::violations(&item, &ledger));
        *final_statuses.entry(item["status"]["S"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    println!("{final_statuses:?}");
    for level in stock_levels(stack).await.unwrap() {
        assert!(level.balances(), "{level:?}");
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
