//! `cargo local replay`: places orders from files on a running stack and follows them until
//! they are closed or wait for a person.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::Status;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::output::{print_error, print_info, print_result};
use crate::clock::wall_clock;
use crate::scenarios::action::Reader;
use crate::scenarios::client::Client;
use crate::scenarios::read_json;
use crate::stack::interrupted;
use crate::urls::Urls;

/// The arguments of `cargo local replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files with the body of a `POST /orders` request, such as events/orders/*.json.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The API of the running stack.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    api: String,
    /// How long to follow an order that does not end, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
}

const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How far ahead a scheduled order is moved whose date has passed.
const RESCHEDULED_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// Places an order for each file and follows all of them. Fails when a file is not JSON or
/// the stack cannot be reached. A rejected or waiting order is not a failure.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let api = args.api.trim_end_matches('/').to_owned();
    let urls = Urls {
        api: api.clone(),
        aws: String::new(),
        stripe: String::new(),
        easypost: String::new(),
    };
    let client = Client::new(urls);
    let mut orders = JoinSet::new();
    for path in &args.files {
        let order: Value = read_json(path)?;
        let (client, api, path) = (client.clone(), api.clone(), path.clone());
        let patience = args.patience;
        orders.spawn(async move { place_and_follow(&client, &api, &path, order, patience).await });
    }
    let mut failed = false;
    loop {
        let ended = tokio::select! {
            ended = orders.join_next() => ended,
            () = interrupted() => return Ok(ExitCode::from(130)),
        };
        let Some(ended) = ended else { break };
        if let Err(error) = ended? {
            print_error(&error);
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn place_and_follow(
    client: &Client,
    api: &str,
    path: &Path,
    mut order: Value,
    patience: u64,
) -> Result<()> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    reschedule_if_past(&name, &mut order)?;
    let response = client.place_order(&order, &Uuid::new_v4().to_string()).await;
    let response = response
        .with_context(|| format!("{name}: cannot reach the stack; is `cargo local up` running?"))?;
    let placed = match response.into_success("placing the order") {
        Ok(placed) => placed,
        Err(rejection) => {
            print_result(format_args!("{name:20} {rejection}"));
            return Ok(());
        }
    };
    let id = placed["orderId"].as_str().context("the response has no orderId")?;
    let followed =
        tokio::time::timeout(Duration::from_secs(patience), follow(client, &name, id)).await;
    match followed {
        Ok(Ok(Followed::Closed)) => return Ok(()),
        Ok(Ok(Followed::Waits)) => return print_wait(client, api, &name, id).await,
        Ok(Err(error)) => return Err(error),
        Err(_elapsed) => {}
    }
    let order = client.order(id).await?;
    let status = text(&order["status"]);
    print_result(format_args!("{name:20} {id} is still {status}: no longer followed"));
    Ok(())
}

/// Why an order is no longer followed.
enum Followed {
    Closed,
    /// It waits for a person, or for its date.
    Waits,
}

/// Prints the order's timeline until the order is closed or waits for a person. The order runs
/// in another process, so this polls.
async fn follow(client: &Client, name: &str, id: &str) -> Result<Followed> {
    let mut printed = 0;
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    loop {
        interval.tick().await;
        let order = client.order(id).await?;
        let timeline = order["timeline"].as_array().context("an order has no timeline")?;
        for entry in timeline.iter().skip(printed) {
            let detail = entry["detail"].as_str().unwrap_or_default();
            let (at, status) = (text(&entry["at"]), text(&entry["status"]));
            print_result(format_args!("{name:20} {id} {at} {status} {detail}"));
        }
        printed = timeline.len();
        match Status::deserialize(&order["status"]) {
            Ok(status) if status.is_closed() => return Ok(Followed::Closed),
            Ok(status) if waits(status) => return Ok(Followed::Waits),
            _ => {}
        }
    }
}

fn waits(status: Status) -> bool {
    status == Status::Scheduled || status.waits_for().is_some()
}

/// Says what the order waits for, and the command that answers.
async fn print_wait(client: &Client, api: &str, name: &str, id: &str) -> Result<()> {
    let response = client.read(&format!("/orders/{id}"), Reader::Operator).await?;
    let order = response.into_success("reading the order")?;
    let (waits_for, command) = match Status::deserialize(&order["status"])? {
        Status::Scheduled => {
            let customer = "-H 'Authorization: Bearer dev:customer-1:orders/write'";
            let cancel = format!("curl -s -X POST {api}/orders/{id}/cancel {customer}");
            (format!("its date, {}; to cancel it", text(&order["scheduledFor"])), cancel)
        }
        Status::InReview => {
            let body = json!({"decision": "approve"});
            (
                "an operator's review; to approve it".to_owned(),
                post(api, &format!("orders/{id}/review"), &body),
            )
        }
        Status::Backordered => {
            let sku = text(&order["backorder"]["waitsFor"]);
            let command = post(api, &format!("inventory/{sku}/restock"), &json!({"quantity": 1}));
            (
                format!("stock of {sku}; to restock"),
                format!("{command} -H 'Idempotency-Key: {}'", Uuid::new_v4()),
            )
        }
        Status::NeedsAttention => {
            let mut actions = order["actions"].as_array().into_iter().flatten();
            let action = actions.find_map(|one| one.as_str()?.strip_prefix("resume:"));
            let body = match action {
                Some("compensate-with-refund") => json!({"action": "compensate", "refund": true}),
                action => json!({"action": action.unwrap_or("compensate")}),
            };
            (
                "an operator; to resume it".to_owned(),
                post(api, &format!("orders/{id}/resume"), &body),
            )
        }
        // It went on in the meantime.
        status => {
            print_result(format_args!("{name:20} {id} goes on: {status}"));
            return Ok(());
        }
    };
    print_result(format_args!("{name:20} {id} waits for {waits_for}:\n  {command}"));
    Ok(())
}

/// A request of the operator for a shell.
fn post(api: &str, path: &str, body: &Value) -> String {
    format!(
        "curl -s {api}/{path} -H 'Authorization: Bearer dev:operator-1:orders/operate,inventory/write' \
         -H 'Content-Type: application/json' -d '{body}'"
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Moves a sample's date three days ahead if it has passed, and says so.
fn reschedule_if_past(name: &str, order: &mut Value) -> Result<()> {
    let Some(date) = order["scheduledFor"].as_str() else { return Ok(()) };
    let Ok(date) = date.parse::<jiff::Timestamp>() else { return Ok(()) };
    let now = wall_clock();
    if date <= now {
        let later = now.saturating_add(RESCHEDULED_AFTER)?;
        print_info(format_args!("{name}: its date has passed; scheduled for {later:.0} instead"));
        order["scheduledFor"] = json!(format!("{later:.0}"));
    }
    Ok(())
}
