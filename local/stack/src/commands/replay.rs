//! `cargo local replay`: places orders from files on a running stack and follows them.

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
    let urls = Urls { api, aws: String::new(), stripe: String::new(), easypost: String::new() };
    let client = Client::new(urls);
    let mut orders = JoinSet::new();
    for path in &args.files {
        let order: Value = read_json(path)?;
        let (client, path, patience) = (client.clone(), path.clone(), args.patience);
        orders.spawn(async move { place_and_follow(&client, &path, order, patience).await });
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
    if let Ok(ended) = followed {
        return ended;
    }
    let order = client.order(id).await?;
    let status = text(&order["status"]);
    print_result(format_args!("{name:20} {id} is still {status}: no longer followed"));
    Ok(())
}

/// Prints the order's timeline until the order is closed. The order runs in another
/// process, so this polls.
async fn follow(client: &Client, name: &str, id: &str) -> Result<()> {
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
        if Status::deserialize(&order["status"]).is_ok_and(Status::is_closed) {
            return Ok(());
        }
    }
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
