//! The limits per customer, and the recent orders that count against them.
//!
//! An order is added to the record of its customer before it is placed, so there is no order
//! that the record does not count. The record holds ids and what never changes; whether an
//! order is still open is read from the order itself ([`RecentOrders::learn`]). So no counter
//! has to be kept in step with an order, and none can drift. An entry whose order was never
//! placed stops counting after [`UNPLACED_MINUTES`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ErrorName, Order, OrderId, Status, Timestamp};

/// The minutes after which an order on the record that does not exist was never placed. A
/// request ends within half a minute.
const UNPLACED_MINUTES: i64 = 5;
/// So many orders of more than an hour ago, of which it is not known how they ended, are read
/// although no limit requires it: what ended leaves the record.
const MAX_OLD_UNREAD: u64 = 100;
/// When a customer may ask again who has too many open orders. When one ends is not known.
const OPEN_RETRY_SECONDS: u64 = 300;

/// How many orders a customer may have. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLimits {
    /// Orders placed within an hour.
    pub per_hour: u32,
    /// Open orders, scheduled ones included.
    pub open: u32,
    /// Orders that are scheduled for later.
    pub scheduled: u32,
    /// Orders within an hour that ended because the card was declined or goods were out of
    /// stock.
    pub failed_per_hour: u32,
}

impl OrderLimits {
    /// Whether there is no limit at all.
    pub const fn are_off(&self) -> bool {
        self.per_hour == 0 && self.open == 0 && self.scheduled == 0 && self.failed_per_hour == 0
    }
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderLimit {
    /// [`OrderLimits::per_hour`]
    PerHour,
    /// [`OrderLimits::open`]
    Open,
    /// [`OrderLimits::scheduled`]
    Scheduled,
    /// [`OrderLimits::failed_per_hour`]
    FailedPerHour,
}

/// A customer has reached a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// The limit.
    pub limit: OrderLimit,
    /// Its value.
    pub max: u32,
    /// When the customer may ask again, in seconds.
    pub retry_after_seconds: u64,
}

/// How an order on the record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEnd {
    /// When.
    pub at: Timestamp,
    /// Whether the card was declined or goods were out of stock.
    pub failed: bool,
}

/// An order on the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOrder {
    /// When it was placed.
    pub at: Timestamp,
    /// Whether it was placed for a later date.
    pub scheduled: bool,
    /// How it ended, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<OrderEnd>,
}

/// The recent orders of a customer: the open ones, and those of the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentOrders {
    /// How many orders were ever added. It only rises, so it tells whether others were added
    /// since the record was read.
    pub added: u64,
    /// The orders.
    pub orders: BTreeMap<OrderId, RecentOrder>,
}

/// A write that adds an order to the record of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentOrdersUpdate {
    /// The new order.
    pub order_id: OrderId,
    /// The write is refused if more orders than this were ever added by then.
    pub max_added: u64,
    /// Entries to store: the new order, and those that ended.
    pub set: BTreeMap<OrderId, RecentOrder>,
    /// Entries that count no more.
    pub removed: BTreeSet<OrderId>,
    /// When the record may be deleted.
    pub expires_at: Timestamp,
}

/// How long a record is kept: longer than an order can be scheduled ahead.
const RECORD_DAYS: u32 = 100;

impl RecentOrder {
    fn is_of_last_hour(&self, at: Timestamp) -> bool {
        self.at.plus_hours(1) > at
    }

    fn failed_in_last_hour(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end.failed && end.at.plus_hours(1) > at)
    }

    /// Whether the entry counts against no limit any more.
    fn is_past(&self, at: Timestamp) -> bool {
        self.end.is_some() && !self.is_of_last_hour(at) && !self.failed_in_last_hour(at)
    }
}

impl RecentOrders {
    /// The orders whose state must be read before [`RecentOrders::admit`]: none while no limit
    /// is reached even if all of them are open, or all of them failed.
    pub fn orders_to_read(&self, limits: &OrderLimits, at: Timestamp) -> Vec<OrderId> {
        let unknown = || self.orders.iter().filter(|(_, order)| order.end.is_none());
        let may_have_failed =
            self.count(|order| order.end.is_none() || order.failed_in_last_hour(at));
        let is_clear = below(limits.open, self.count(|order| order.end.is_none()))
            && below(limits.scheduled, self.count(|order| order.end.is_none() && order.scheduled))
            && below(limits.failed_per_hour, may_have_failed)
            && self.count(|order| order.end.is_none() && !order.is_of_last_hour(at))
                < MAX_OLD_UNREAD;
        if is_clear { Vec::new() } else { unknown().map(|(id, _)| id.clone()).collect() }
    }

    /// Notes how the orders that were read ended. An order that was not found was never
    /// placed, once enough time has passed.
    pub fn learn(&mut self, read: &[OrderId], found: &[Order], at: Timestamp) {
        for id in read {
            let Some(entry) = self.orders.get_mut(id) else { continue };
            match found.iter().find(|order| order.order_id == *id) {
                Some(order) => {
                    entry.scheduled &= order.status == Status::Scheduled;
                    entry.end = end_of(order);
                }
                None if entry.at.plus_minutes(UNPLACED_MINUTES) <= at => {
                    entry.end = Some(OrderEnd { at: entry.at, failed: false });
                }
                None => {}
            }
        }
    }

    /// Decides whether the customer may place another order.
    ///
    /// Returns the write that adds it, or `None` if the record has it already.
    ///
    /// # Errors
    /// The first limit that is reached.
    pub fn admit(
        &self,
        id: &OrderId,
        scheduled: bool,
        limits: &OrderLimits,
        at: Timestamp,
    ) -> Result<Option<RecentOrdersUpdate>, LimitReached> {
        if self.orders.get(id).is_some_and(|entry| entry.end.is_none()) {
            return Ok(None);
        }
        let room = self.room(scheduled, limits, at)?;
        let removed: BTreeSet<_> =
            self.orders.iter().filter(|(_, o)| o.is_past(at)).map(|(id, _)| id.clone()).collect();
        let ended = self.orders.iter().filter(|(id, o)| o.end.is_some() && !removed.contains(*id));
        let mut set: BTreeMap<_, _> = ended.map(|(id, order)| (id.clone(), *order)).collect();
        set.insert(id.clone(), RecentOrder { at, scheduled, end: None });
        Ok(Some(RecentOrdersUpdate {
            order_id: id.clone(),
            // Each order that another request added meanwhile takes one place.
            max_added: self.added.saturating_add(room - 1),
            removed: removed.into_iter().filter(|past| past != id).collect(),
            set,
            expires_at: at.plus_days(RECORD_DAYS),
        }))
    }

    /// How many orders may be added, at least 1.
    fn room(
        &self,
        scheduled: bool,
        limits: &OrderLimits,
        at: Timestamp,
    ) -> Result<u64, LimitReached> {
        let placed = |order: &RecentOrder| order.is_of_last_hour(at).then_some(order.at);
        let failed = |order: &RecentOrder| {
            order.end.filter(|_| order.failed_in_last_hour(at)).map(|end| end.at)
        };
        let open = |order: &RecentOrder| order.end.is_none();
        let waits = |order: &RecentOrder| scheduled && open(order) && order.scheduled;
        let scheduled_limit = if scheduled { limits.scheduled } else { 0 };
        let in_an_hour = |times: Vec<Timestamp>, max| seconds_until_room(times, max, at);
        let later = |_, _| OPEN_RETRY_SECONDS;
        let rooms = [
            self.room_of(OrderLimit::PerHour, limits.per_hour, placed, in_an_hour)?,
            self.room_of(OrderLimit::FailedPerHour, limits.failed_per_hour, failed, in_an_hour)?,
            self.room_of(OrderLimit::Open, limits.open, |o| open(o).then_some(o.at), later)?,
            self.room_of(
                OrderLimit::Scheduled,
                scheduled_limit,
                |o| waits(o).then_some(o.at),
                later,
            )?,
        ];
        Ok(rooms.into_iter().min().unwrap_or(u64::MAX))
    }

    /// The room below one limit. `time` is the time of an order that counts against it.
    fn room_of(
        &self,
        limit: OrderLimit,
        max: u32,
        time: impl Fn(&RecentOrder) -> Option<Timestamp>,
        retry_after: impl Fn(Vec<Timestamp>, u32) -> u64,
    ) -> Result<u64, LimitReached> {
        let times: Vec<_> = self.orders.values().filter_map(time).collect();
        match u64::from(max).checked_sub(as_count(times.len())) {
            _ if max == 0 => Ok(u64::MAX),
            None | Some(0) => {
                let retry_after_seconds = retry_after(times, max);
                Err(LimitReached { limit, max, retry_after_seconds })
            }
            Some(room) => Ok(room),
        }
    }

    fn count(&self, counts: impl Fn(&RecentOrder) -> bool) -> u64 {
        as_count(self.orders.values().filter(|order| counts(order)).count())
    }
}

/// The seconds until fewer than `max` of these times are within the last hour.
fn seconds_until_room(mut times: Vec<Timestamp>, max: u32, at: Timestamp) -> u64 {
    times.sort_unstable_by(|a, b| b.cmp(a));
    let index = usize::try_from(max.saturating_sub(1)).unwrap_or(usize::MAX);
    times.get(index).map_or(1, |time| time.plus_hours(1).seconds_since(at).max(1))
}

const fn below(max: u32, count: u64) -> bool {
    max == 0 || count < max as u64
}

fn as_count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn end_of(order: &Order) -> Option<OrderEnd> {
    if !order.status.is_closed() {
        return None;
    }
    Some(OrderEnd { at: order.closed_at(), failed: was_declined_or_out_of_stock(order) })
}

/// Whether the customer's card or the stock is why the order failed, and not a provider that
/// could not be reached.
fn was_declined_or_out_of_stock(order: &Order) -> bool {
    let declined = ErrorName::PaymentDeclined.as_str();
    let failed = order.compensation.iter().flat_map(|compensation| compensation.failed.values());
    match order.status {
        Status::OutOfStock => true,
        Status::PaymentFailed => failed.into_iter().any(|state| state.error == declined),
        _ => false,
    }
}
