//! `GET /orders`: a customer's own orders; for operators also the orders that need
//! attention, and all open or closed ones. In pages, with a cursor.
//!
//! A cursor is a position in a list and never selects the list: that follows from the
//! token and the query alone. A forged cursor shows nothing that the caller may not see.
//!
//! Open orders are spread over the buckets of their index, so a page of them reads the
//! whole index, sorts it, and loads the orders of the page.

use std::cmp::Reverse;

use domain::order::Attention;
use domain::ports::{OpenOrder, OrderList, PageCursor};
use domain::{Order, Status, Timestamp};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::order_response::{self, OrderSummaryResponse};
use crate::problem::{Problem, ProblemKind};
use crate::{choice, etag, paging, validation};

/// The maximum number of queries per page. A page may come out short; its cursor
/// continues.
const MAX_QUERIES: usize = 16;
/// How many days the list of closed orders goes back.
const DAYS_OF_CLOSED_ORDERS: i64 = 31;

/// A position in a query, which may read several lists one after another.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The index of the list.
    #[serde(rename = "n")]
    list: u8,
    /// The position in the list; `None` at its start.
    place: Option<PageCursor>,
}

/// A page of a list of orders.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderPage)]
pub(crate) struct OrderPageResponse<'a> {
    orders: Vec<OrderSummaryResponse<'a>>,
    /// The `cursor` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Za-z0-9_-]+$")]
    next_cursor: Option<String>,
}

/// The orders to look through.
enum Source {
    /// These lists, one after another.
    Lists(Vec<OrderList>),
    /// Every open order, newest first.
    Open,
}

/// What the caller asks for.
struct OrderQuery {
    source: Source,
    filter: Filter,
    /// Whether the caller sees the orders as an operator.
    is_operator: bool,
}

/// Which of the orders are listed.
struct Filter {
    status: Option<Status>,
    only_open: bool,
    created_after: Option<Timestamp>,
    created_before: Option<Timestamp>,
}

/// The query parameters.
pub(crate) const PARAMETERS: [&str; 7] =
    ["attention", "createdAfter", "createdBefore", "cursor", "limit", "open", "status"];

/// `GET /orders`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    let query = OrderQuery::authorize(request)?;
    let limit = paging::parse_limit(request)?;
    let (orders, next) = match &query.source {
        Source::Lists(lists) => {
            let start = parse_cursor(request, lists.len())?;
            read_lists(api, lists, &query.filter, start, limit).await?
        }
        Source::Open => {
            let start = parse_cursor(request, 1)?;
            read_open(api, &query.filter, start, limit).await?
        }
    };
    let summary = |order| order_response::summary(order, query.is_operator);
    let body = OrderPageResponse {
        orders: orders.iter().map(summary).collect(),
        next_cursor: next.map(|cursor| paging::encode_cursor(&json!(cursor).to_string())),
    };
    let tag = etag::of(None, &body);
    Ok(etag::conditional(request, &tag, Response::json(StatusCode::OK, &body)))
}

/// A page of orders, and where the next one starts.
type Page = (Vec<Order>, Option<Cursor>);

async fn read_lists<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    lists: &[OrderList],
    filter: &Filter,
    start: Cursor,
    limit: u32,
) -> Result<Page, Problem> {
    let mut cursor = Some(start);
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..MAX_QUERIES {
        let missing = limit - u32::try_from(orders.len()).unwrap_or(limit);
        let Some(position) = cursor.as_ref().filter(|_| missing > 0) else { break };
        let Some(list) = lists.get(usize::from(position.list)) else { break };
        let page = api.orders.list(list, position.place.as_ref(), missing).await?;
        orders.extend(page.orders.into_iter().filter(|order| filter.matches(order)));
        cursor = match page.next {
            Some(place) => Some(Cursor { list: position.list, place: Some(place) }),
            None => Some(Cursor { list: position.list + 1, place: None })
                .filter(|next| usize::from(next.list) < lists.len()),
        };
    }
    Ok((orders, cursor))
}

async fn read_open<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    filter: &Filter,
    start: Cursor,
    limit: u32,
) -> Result<Page, Problem> {
    let mut entries = api.orders.open_orders().await?;
    entries.retain(|entry| filter.admits(entry.status, entry.created_at));
    let place = |entry: &OpenOrder| (Reverse(entry.created_at), entry.order_id.clone());
    entries.sort_by_cached_key(place);
    let passed = start.place.map_or(0, |after| {
        let after = (Reverse(after.at), after.order_id);
        entries.partition_point(|entry| place(entry) <= after)
    });
    let mut rest = entries.into_iter().skip(passed);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = rest.next().and_then(|_| page.last()).map(|last| {
        let place = PageCursor { order_id: last.order_id.clone(), at: last.created_at };
        Cursor { list: 0, place: Some(place) }
    });
    let ids: Vec<_> = page.into_iter().map(|entry| entry.order_id).collect();
    let mut orders = api.orders.load_all(&ids).await?;
    // The index lags behind.
    orders.retain(|order| filter.matches(order));
    Ok((orders, next))
}

impl OrderQuery {
    /// The query of a request, which the caller's token must allow.
    fn authorize(request: &Request) -> Result<Self, Problem> {
        let attention = parse_attention(request)?;
        let mut filter = Filter {
            status: parse_status(request)?,
            only_open: parse_open(request)?,
            created_after: parse_time(request, "createdAfter")?,
            created_before: parse_time(request, "createdBefore")?,
        };
        let operators_only = attention.is_some() || filter.only_open;
        let any_of: &[Scope] = match (operators_only, filter.status) {
            (true, _) => &[Scope::OrdersOperate],
            (false, Some(_)) => &[Scope::OrdersOperate, Scope::OrdersRead],
            (false, None) => &[Scope::OrdersRead],
        };
        let caller = Caller::authorize(request, any_of)?;
        let is_operator = caller.has(Scope::OrdersOperate);
        let source = match (attention, filter.status) {
            (Some(attention), _) => Source::Lists(vec![OrderList::Attention(attention)]),
            (None, _) if filter.only_open => Source::Open,
            // An operator who names a status asks for all orders with it.
            (None, Some(status)) if is_operator && status.is_closed() => {
                let days = (0..DAYS_OF_CLOSED_ORDERS).map(|ago| request.at.plus_hours(-24 * ago));
                Source::Lists(days.map(|at| OrderList::ClosedOn(at.day())).collect())
            }
            (None, Some(_)) if is_operator => {
                filter.only_open = true;
                Source::Open
            }
            (None, _) => Source::Lists(vec![OrderList::Customer(caller.id)]),
        };
        Ok(Self { source, filter, is_operator })
    }
}

impl Filter {
    fn matches(&self, order: &Order) -> bool {
        self.admits(order.status, order.created_at)
    }

    fn admits(&self, status: Status, created_at: Timestamp) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
            && !(self.only_open && status.is_closed())
            && self.created_after.is_none_or(|after| created_at > after)
            && self.created_before.is_none_or(|before| created_at < before)
    }
}

fn invalid(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::with_field(ProblemKind::InvalidRequest, parameter, detail)
}

fn parse_status(request: &Request) -> Result<Option<Status>, Problem> {
    let parse = |name: &String| {
        name.parse::<Status>().or(Err(invalid("status", "must be a status of an order")))
    };
    request.query.get("status").map(parse).transpose()
}

fn parse_attention(request: &Request) -> Result<Option<Attention>, Problem> {
    let parse = |name: &String| {
        choice::parse(name).ok_or_else(|| invalid("attention", choice::expected::<Attention>()))
    };
    request.query.get("attention").map(parse).transpose()
}

fn parse_time(request: &Request, name: &str) -> Result<Option<Timestamp>, Problem> {
    let parse = |text: &String| {
        validation::parse_timestamp(text).map_err(|violation| invalid(name, violation))
    };
    request.query.get(name).map(parse).transpose()
}

fn parse_open(request: &Request) -> Result<bool, Problem> {
    match request.query.get("open").map(String::as_str) {
        None => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid("open", "must be `true`")),
    }
}

fn parse_cursor(request: &Request, lists: usize) -> Result<Cursor, Problem> {
    let parse = |bytes: &[u8]| {
        let cursor = serde_json::from_slice::<Cursor>(bytes).ok();
        cursor.filter(|cursor| usize::from(cursor.list) < lists)
    };
    let cursor = paging::parse_cursor(request, parse)?;
    Ok(cursor.unwrap_or(Cursor { list: 0, place: None }))
}
