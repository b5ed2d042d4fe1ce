//! `cargo local load`: fills a running stack with open orders, to see how the page and
//! the API behave with many.
//!
//! The orders are real: each goes through `POST /orders`, has an execution, and waits. Of
//! twenty orders, nineteen are scheduled for a later date and one needs a review. So the
//! number of open orders stays the same until an operator decides, and no provider is busy.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::output::{print_info, print_result};
use crate::clock::wall_clock;
use crate::scenarios::client::Client;
use crate::scenarios::read_json;
use crate::stack::interrupted;
use crate::urls::Urls;
use crate::workspace;

/// The arguments of `cargo local load`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The number of orders.
    #[arg(default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// The API of the running stack.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    api: String,
    /// How many orders are placed at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    at_once: u32,
}

/// The API accepts dates of at most 90 days ahead.
const SCHEDULED_AFTER: SignedDuration = SignedDuration::from_hours(60 * 24);
/// One order of so many needs a review.
const REVIEW_EVERY: u32 = 20;
/// How often the progress is printed, in orders.
const PROGRESS_EVERY: u32 = 1_000;

/// Places the orders. Fails at the first one that is not accepted.
pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    let api = args.api.trim_end_matches('/').to_owned();
    let urls = Urls { api, aws: String::new(), stripe: String::new(), easypost: String::new() };
    let client = Client::new(urls);
    let samples = workspace::root().join("events/orders");
    let review = read_json(&samples.join("needs-review.json"))?;
    let mut scheduled: Value = read_json(&samples.join("scheduled.json"))?;
    let date = wall_clock().saturating_add(SCHEDULED_AFTER)?;
    scheduled["scheduledFor"] = json!(format!("{date:.0}"));

    let started = now();
    let mut placing = JoinSet::new();
    let (mut sent, mut placed) = (0, 0);
    while placed < args.orders {
        while sent < args.orders && sent - placed < args.at_once {
            sent += 1;
            let body = if sent % REVIEW_EVERY == 0 { &review } else { &scheduled };
            let (client, body) = (client.clone(), body.clone());
            placing.spawn(async move { place(&client, &body).await });
        }
        let ended = tokio::select! {
            ended = placing.join_next() => ended,
            () = interrupted() => return Ok(ExitCode::from(130)),
        };
        ended.context("no order is being placed")???;
        placed += 1;
        if placed % PROGRESS_EVERY == 0 && placed < args.orders {
            print_info(format_args!("{placed} of {} orders placed", args.orders));
        }
    }
    let seconds = started.elapsed().as_secs();
    print_result(format_args!("{placed} orders placed in {seconds} s"));
    Ok(ExitCode::SUCCESS)
}

async fn place(client: &Client, body: &Value) -> Result<()> {
    let response = client.place_order(body, &Uuid::new_v4().to_string()).await;
    let response = response.context("cannot reach the stack; is `cargo local up` running?")?;
    response.into_success("placing an order").map(drop)
}

#[expect(clippy::disallowed_methods, reason = "measures how long the command takes")]
fn now() -> Instant {
    Instant::now()
}
