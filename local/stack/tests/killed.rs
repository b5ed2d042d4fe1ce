//! A whole stack, killed with SIGKILL at fifty moments under load, each time begun
//! again on what it had kept. Every order that was accepted ends, and the books of
//! the gateway, the carrier and the stock agree with how.
//!
//! The stack that is killed is this program itself, called for the one test
//! [`the_stack_that_is_killed`] with its settings in the environment.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
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
use local_stack::scenarios::stock_levels::{load_stock, stock_levels};
use local_stack::stack::{Ports, Settings, Stack};
use local_stack::urls::Urls;
use local_stack::workspace;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const SETTINGS: &str = "KILLED_STACK";
const KILLS: u64 = 50;
const CLIENTS: usize = 4;
/// In real time, between two writes of orders at the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the process that is killed is told.
#[derive(Serialize, Deserialize)]
struct Life {
    program: PathBuf,
    folder: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
}

impl Life {
    async fn begin(&self) -> Stack {
        let clock = ClockSettings { skip: true, ..ClockSettings::default() };
        let binaries = Binaries::new(self.binaries.clone());
        let folder = self.folder.clone();
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
}

/// Orders by their idempotency keys: those that were asked for, with the order ids
/// of those that were accepted.
type Book = Arc<Mutex<BTreeMap<String, Option<String>>>>;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_order_and_the_books_agree() {
    let root = workspace::root();
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("stack");
    // Its own, as building the functions may write this one anew.
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let life = Life { program, folder: folder.path().join("state"), binaries: built(&root) };
    let first = life.begin().await;
    load_stock(&first, &root).await.unwrap();
    fill(&first).await;
    first.shutdown().await;
    let (book, keys) = (Book::default(), Arc::new(AtomicU64::new(0)));
    for kill in 0..KILLS {
        let (mut child, urls) = begun(&life).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(shop(urls.clone(), Arc::clone(&book), Arc::clone(&keys))))
            .collect();
        // From 50 to 1,950 ms of work, spread evenly.
        tokio::time::sleep(Duration::from_millis(50 + kill * 1187 % 1900)).await;
        child.kill().await.unwrap();
        for client in clients {
            client.await.unwrap();
        }
    }
    let stack = life.begin().await;
    all_end_well(&stack, &book).await;
    stack.shutdown().await;
}

/// Does nothing unless it is called by the test above.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "how this process learns that it is to be killed")]
async fn the_stack_that_is_killed() {
    let Ok(told) = std::env::var(SETTINGS) else { return };
    let life: Life = serde_json::from_str(&told).unwrap();
    let stack = life.begin().await;
    println!("\nready {}", serde_json::to_string(&stack.urls()).unwrap());
    std::future::pending::<()>().await;
}

/// Enough of what is ordered for many orders, though not for all of a quick machine.
async fn fill(stack: &Stack) {
    let sku = order(0)["items"][0]["sku"].as_str().unwrap().to_owned();
    let more = Client::new(stack.urls()).restock(&sku, 400, "for the kills").await.unwrap();
    more.into_success("the restock").unwrap();
}

fn built(root: &Path) -> BTreeMap<String, PathBuf> {
    let binaries = functions::build_in(root, Profile::Dev).unwrap();
    let template = functions::read_template(root).unwrap();
    let names = template.functions().unwrap().into_iter().map(|function| function.binary);
    names.map(|name| (name.clone(), binaries.get(&name).unwrap().to_owned())).collect()
}

/// Begins the process that is killed, and waits until it serves.
async fn begun(life: &Life) -> (Child, Urls) {
    let mut child = Command::new(&life.program)
        .args(["--exact", "the_stack_that_is_killed", "--nocapture"])
        .env(SETTINGS, serde_json::to_string(life).unwrap())
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
    panic!("the stack did not start again");
}

/// Places orders until nobody answers any more.
async fn shop(urls: Urls, book: Book, keys: Arc<AtomicU64>) {
    let client = Client::new(urls);
    loop {
        let number = keys.fetch_add(1, Ordering::Relaxed);
        let key = format!("order-{number}");
        book.lock().unwrap().insert(key.clone(), None);
        let Ok(reply) = client.place_order(&order(number), &key).await else { return };
        let Ok(accepted) = reply.into_success("the order") else { return };
        let id = accepted["orderId"].as_str().unwrap().to_owned();
        book.lock().unwrap().insert(key, Some(id));
    }
}

/// One order in five is declined.
fn order(number: u64) -> Value {
    let name = if number % 5 == 4 { "declined-card" } else { "one-item" };
    let path = workspace::root().join(format!("events/orders/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Asks again for what was not answered, waits for the end of everything, and
/// compares the books.
async fn all_end_well(stack: &Stack, book: &Book) {
    let client = Client::new(stack.urls());
    let asked = book.lock().unwrap().clone();
    let accepted = asked.values().flatten().count();
    println!("{accepted} of {} orders were accepted over {KILLS} kills", asked.len());
    assert!(accepted > 0, "nothing was accepted");
    for (key, id) in asked {
        let number = key.rsplit('-').next().unwrap().parse().unwrap();
        let again =
            client.place_order(&order(number), &key).await.unwrap().into_success(&key).unwrap();
        let placed = again["orderId"].as_str().unwrap();
        assert_eq!(id.as_deref().unwrap_or(placed), placed, "one request, one order");
    }
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in audit::wait_until_at_rest(stack, PATIENCE).await.unwrap() {
        let ledger = client.ledger(row["orderId"]["S"].as_str().unwrap()).await.unwrap();
        wrong.extend(audit::violations(&row, &ledger));
        *ends.entry(row["status"]["S"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    println!("{ends:?}");
    for shelf in stock_levels(stack).await.unwrap() {
        assert_eq!(shelf.received, shelf.available + shelf.reserved, "{}", shelf.sku);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
