//! The limits per customer: a new order is added to the recent orders of its customer before
//! it is stored, or refused with 429.

use domain::ports::AddRecentOrderResult;
use domain::recent_orders::{LimitReached, OrderLimit, OrderLimits, RecentOrders};
use domain::{Order, Timestamp};

use crate::api::Api;
use crate::problem::{Problem, ProblemKind};

/// How often the record is read again after other requests of the customer used up the room
/// that it had. Each time, at least one of them was accepted.
const MAX_ATTEMPTS: usize = 6;
/// When a client may send a request again that lost to so many others, in seconds.
const RETRY_SOON_SECONDS: u64 = 1;

/// Counts an order against the limits of its customer, once.
///
/// # Errors
/// A limit is reached, or the table is unavailable.
pub(crate) async fn admit<O, I, W>(
    order: &Order,
    at: Timestamp,
    api: &Api<O, I, W>,
) -> Result<(), Problem> {
    let limits = api.settings.order_limits().await?;
    if limits.are_off() {
        return Ok(());
    }
    let customer = &order.customer_id;
    for _ in 0..MAX_ATTEMPTS {
        let recent = current(order, &limits, at, api).await?;
        let is_scheduled = order.scheduled_for.is_some();
        let update = recent.admit(&order.order_id, is_scheduled, &limits, at);
        let Some(update) = update.map_err(refused)? else { return Ok(()) };
        match api.recent_orders.add_recent_order(customer, &update).await? {
            AddRecentOrderResult::Added => return Ok(()),
            AddRecentOrderResult::Conflict => {}
        }
    }
    Err(too_many_at_once())
}

/// The recent orders of the customer, with the ends that matter.
async fn current<O, I, W>(
    order: &Order,
    limits: &OrderLimits,
    at: Timestamp,
    api: &Api<O, I, W>,
) -> Result<RecentOrders, Problem> {
    let mut recent = api.recent_orders.recent_orders(&order.customer_id).await?;
    let unknown = recent.orders_to_read(limits, at);
    if !unknown.is_empty() {
        let found = api.recent_orders.current_orders(&unknown).await?;
        recent.learn(&unknown, &found, at);
    }
    Ok(recent)
}

fn refused(reached: LimitReached) -> Problem {
    let LimitReached { limit, max, retry_after_seconds } = reached;
    let allowed = match limit {
        OrderLimit::PerHour => format!("{max} orders within an hour"),
        OrderLimit::Open => format!("{max} open orders"),
        OrderLimit::Scheduled => format!("{max} scheduled orders"),
        OrderLimit::FailedPerHour => {
            format!("{max} orders within an hour that are declined or out of stock")
        }
    };
    too_many(&format!("a customer may have {allowed}"), retry_after_seconds)
}

fn too_many_at_once() -> Problem {
    too_many("too many orders of this customer are being placed at once", RETRY_SOON_SECONDS)
}

fn too_many(detail: &str, retry_after_seconds: u64) -> Problem {
    Problem {
        headers: vec![("retry-after", retry_after_seconds.to_string())],
        ..Problem::new(ProblemKind::TooManyOrders, detail)
    }
}
