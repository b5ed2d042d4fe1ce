//! `GET /orders`: a customer's own orders; for operators also the orders that need
//! attention, and the open ones. In pages, with a cursor.
//!
//! A cursor is a position in a list and never selects the list: that follows from the
//! token and the query alone. A forged cursor shows nothing that the caller may not see.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::order::{Attention, OPEN_ORDER_BUCKETS};
use domain::ports::{OrderList, PageCursor};
use domain::{Order, Status};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::choice;
use crate::event::{Request, Response};
use crate::order_response::{self, OrderSummaryResponse};
use crate::problem::{Problem, ProblemKind};

/// The page size when the client gives none.
pub(crate) const DEFAULT_LIMIT: u32 = 20;
/// The maximum page size.
pub(crate) const MAX_LIMIT: u32 = 100;
/// The maximum number of queries per page. A page may come out short; its cursor
/// continues.
const MAX_QUERIES: usize = 16;

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

/// What the caller asks for.
struct OrderQuery {
    lists: Vec<OrderList>,
    status: Option<Status>,
    only_open: bool,
}

/// `GET /orders`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    let query = OrderQuery::authorize(request)?;
    let limit = parse_limit(request)?;
    let mut cursor = Some(parse_cursor(request, query.lists.len())?);
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..MAX_QUERIES {
        let missing = limit - u32::try_from(orders.len()).unwrap_or(limit);
        let Some(position) = cursor.as_ref().filter(|_| missing > 0) else { break };
        let Some(list) = query.lists.get(usize::from(position.list)) else { break };
        let page = api.orders.list(list, position.place.as_ref(), missing).await?;
        orders.extend(page.orders.into_iter().filter(|order| query.matches(order)));
        cursor = match page.next {
            Some(place) => Some(Cursor { list: position.list, place: Some(place) }),
            None => Some(Cursor { list: position.list + 1, place: None })
                .filter(|next| usize::from(next.list) < query.lists.len()),
        };
    }
    let body = OrderPageResponse {
        orders: orders.iter().map(order_response::summary).collect(),
        next_cursor: cursor.map(|cursor| BASE64_URL_SAFE_NO_PAD.encode(json!(cursor).to_string())),
    };
    Ok(Response::json(StatusCode::OK, &body))
}

impl OrderQuery {
    /// The query of a request, which the caller's token must allow.
    fn authorize(request: &Request) -> Result<Self, Problem> {
        let status = parse_status(request)?;
        let attention = parse_attention(request)?;
        let only_open = parse_open(request)?;
        let lists = match (attention, only_open) {
            (Some(attention), _) => {
                Caller::authorize(request, &[Scope::OrdersOperate])?;
                vec![OrderList::Attention(attention)]
            }
            (None, true) => {
                Caller::authorize(request, &[Scope::OrdersOperate])?;
                (0..OPEN_ORDER_BUCKETS).map(OrderList::Open).collect()
            }
            (None, false) => {
                let caller = Caller::authorize(request, &[Scope::OrdersRead])?;
                vec![OrderList::Customer(caller.id)]
            }
        };
        Ok(Self { lists, status, only_open })
    }

    fn matches(&self, order: &Order) -> bool {
        self.status.is_none_or(|status| order.status == status)
            && (!self.only_open || order.open.is_some())
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

fn parse_open(request: &Request) -> Result<bool, Problem> {
    match request.query.get("open").map(String::as_str) {
        None => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid("open", "must be `true`")),
    }
}

fn parse_limit(request: &Request) -> Result<u32, Problem> {
    let Some(text) = request.query.get("limit") else { return Ok(DEFAULT_LIMIT) };
    // Digits only: `parse` would also accept a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_digits && (1..=MAX_LIMIT).contains(number));
    number.ok_or_else(|| invalid("limit", format!("must be an integer from 1 to {MAX_LIMIT}")))
}

fn parse_cursor(request: &Request, lists: usize) -> Result<Cursor, Problem> {
    let Some(text) = request.query.get("cursor") else {
        return Ok(Cursor { list: 0, place: None });
    };
    let cursor = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok())
        .filter(|cursor| usize::from(cursor.list) < lists);
    cursor.ok_or_else(|| invalid("cursor", "not a cursor returned by this endpoint"))
}
