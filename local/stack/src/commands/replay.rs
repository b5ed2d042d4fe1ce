//! `cargo local replay`: sends order files to a running stack and follows them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::screen::{say, tell};
use crate::clock::wall_clock;
use crate::scenarios;
use crate::scenarios::client::Client;
use crate::stack::interrupted;
use crate::urls::Urls;

/// What `cargo local replay` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files with a body of `POST /orders` each, such as events/orders/*.json.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The API of the running stack.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    api: String,
    /// How long to follow an order that does not end, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
}

/// How often a followed order is asked after.
const EVERY: Duration = Duration::from_millis(200);

/// Sends every file, follows every order; fails when a file is no order or the
/// stack cannot be reached. An order that is refused or that waits is no failure.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let api = args.api.trim_end_matches('/').to_owned();
    let urls = Urls { api, aws: String::new(), gateway: String::new(), carrier: String::new() };
    let client = Client::new(urls);
    let mut orders = JoinSet::new();
    for path in &args.files {
        let order: Value = scenarios::parse(path)?;
        let (client, path, patience) = (client.clone(), path.clone(), args.patience);
        orders.spawn(async move { follow(&client, &path, order, patience).await });
    }
    let mut failed = false;
    loop {
        let ended = tokio::select! {
            ended = orders.join_next() => ended,
            () = interrupted() => return Ok(ExitCode::from(130)),
        };
        match ended {
            None => break,
            Some(ended) => {
                if let Err(error) = ended? {
                    super::screen::complain(&error);
                    failed = true;
                }
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn follow(client: &Client, path: &Path, mut order: Value, patience: u64) -> Result<()> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    keep_in_the_future(&name, &mut order)?;
    let reply = client.place(&order, &Uuid::new_v4().to_string()).await;
    let reply = reply
        .with_context(|| format!("{name}: cannot reach the stack; is `cargo local up` running?"))?;
    let placed = match reply.accepted("the order") {
        Ok(placed) => placed,
        Err(refused) => {
            say(format_args!("{name:20} {refused}"));
            return Ok(());
        }
    };
    let id = placed["orderId"].as_str().context("the answer names no order")?;
    let seen = tokio::time::timeout(Duration::from_secs(patience), to_its_end(client, &name, id));
    match seen.await {
        Ok(ended) => ended,
        Err(_elapsed) => {
            let status = client.order(id).await?["status"].take();
            say(format_args!("{name:20} {id} is still {}: no longer followed", text(&status)));
            Ok(())
        }
    }
}

/// Follows an order of another process: it can only be asked again and again.
async fn to_its_end(client: &Client, name: &str, id: &str) -> Result<()> {
    let mut seen = 0;
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let order = client.order(id).await?;
        let timeline = order["timeline"].as_array().context("an order has a timeline")?;
        for entry in timeline.iter().skip(seen) {
            let detail = entry["detail"].as_str().unwrap_or_default();
            let (at, status) = (text(&entry["at"]), text(&entry["status"]));
            say(format_args!("{name:20} {id} {at} {status} {detail}"));
        }
        seen = timeline.len();
        if is_closed(text(&order["status"])) {
            return Ok(());
        }
    }
}

fn is_closed(status: &str) -> bool {
    const OPEN: [&str; 8] = [
        "RECEIVED",
        "SCHEDULED",
        "AUTHORIZED",
        "IN_REVIEW",
        "BACKORDERED",
        "RESERVED",
        "SHIPPING",
        "NEEDS_ATTENTION",
    ];
    !OPEN.contains(&status)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A sample's date may have passed by the time that somebody plays it: then it
/// becomes three days from now, and that is said.
fn keep_in_the_future(name: &str, order: &mut Value) -> Result<()> {
    let Some(date) = order["scheduledFor"].as_str() else { return Ok(()) };
    let Ok(date) = date.parse::<jiff::Timestamp>() else { return Ok(()) };
    let now = wall_clock();
    if date <= now {
        let later = now.saturating_add(SignedDuration::from_hours(72))?;
        tell(format_args!("{name}: its date has passed; scheduled for {later:.0} instead"));
        order["scheduledFor"] = json!(format!("{later:.0}"));
    }
    Ok(())
}
