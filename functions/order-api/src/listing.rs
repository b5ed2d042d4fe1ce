//! `GET /orders`: a customer's own orders; for operators those that need
//! attention, or that are open. By pages, with a cursor.
//!
//! A cursor says where in a list to go on, never in which list: that follows
//! from the token and the query alone, so that a forged one shows nobody
//! anything that is not theirs.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::order::Attention;
use domain::ports::{OrderList, PageCursor};
use domain::{Order, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::view::{self, SummaryView};
use crate::{Api, Inventory, Orders, Workflow};

/// Orders of a page, when the client does not say.
pub(crate) const USUAL: u32 = 20;
/// The most orders of a page.
pub(crate) const MOST: u32 = 100;
/// A page is filled by at most this many queries; the client asks on.
const QUERIES: usize = 16;
/// The open orders are kept in this many buckets.
const BUCKETS: u8 = domain::order::OPEN_ORDER_BUCKETS;

/// Where to go on: in which of the lists that make up the view, and where there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The number of the list; the open orders are in several.
    n: u8,
    /// The place in it; none at its beginning.
    place: Option<PageCursor>,
}

/// A page of a list of orders.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderPage)]
pub(crate) struct PageView<'a> {
    orders: Vec<SummaryView<'a>>,
    /// Where the list goes on, if it does: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Za-z0-9_-]+$")]
    next_cursor: Option<String>,
}

/// What is listed.
struct View {
    lists: Vec<OrderList>,
    status: Option<Status>,
    /// Only those that are not settled.
    open: bool,
}

/// `GET /orders`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    let view = View::of(request)?;
    let limit = limit(request)?;
    let mut cursor = Some(cursor(request, view.lists.len())?);
    let mut found: Vec<Order> = Vec::new();
    for _ in 0..QUERIES {
        let wanted = limit - u32::try_from(found.len()).unwrap_or(limit);
        let Some(at) = cursor.as_ref().filter(|_| wanted > 0) else { break };
        let Some(list) = view.lists.get(usize::from(at.n)) else { break };
        let page = api.orders.list(list, at.place.as_ref(), wanted).await?;
        found.extend(page.orders.into_iter().filter(|order| view.shows(order)));
        cursor = match page.next {
            Some(place) => Some(Cursor { n: at.n, place: Some(place) }),
            None => Some(Cursor { n: at.n + 1, place: None })
                .filter(|next| usize::from(next.n) < view.lists.len()),
        };
    }
    let orders = found.iter().map(view::summary).collect();
    let next_cursor = cursor.map(|cursor| BASE64_URL_SAFE_NO_PAD.encode(json!(cursor).to_string()));
    Ok(Reply::json(200, &PageView { orders, next_cursor }))
}

impl View {
    /// What this caller may ask for, and asks for.
    fn of(request: &Request) -> Result<Self, Problem> {
        let status = status(request)?;
        let attention = attention(request)?;
        let open = open(request)?;
        let lists = match (attention, open) {
            (Some(why), _) => {
                Caller::with(request, &[Scope::OrdersOperate])?;
                vec![OrderList::Attention(why)]
            }
            (None, true) => {
                Caller::with(request, &[Scope::OrdersOperate])?;
                (0..BUCKETS).map(OrderList::Open).collect()
            }
            (None, false) => {
                vec![OrderList::Customer(Caller::with(request, &[Scope::OrdersRead])?.id)]
            }
        };
        Ok(Self { lists, status, open })
    }

    fn shows(&self, order: &Order) -> bool {
        self.status.is_none_or(|status| order.status == status)
            && (!self.open || order.open.is_some())
    }
}

fn status(request: &Request) -> Result<Option<Status>, Problem> {
    let read = |name: &String| {
        name.parse::<Status>()
            .ok()
            .ok_or_else(|| Problem::field(Kind::Invalid, "status", "is not a status of orders"))
    };
    request.query.get("status").map(read).transpose()
}

fn attention(request: &Request) -> Result<Option<Attention>, Problem> {
    let read = |name: &String| match name.as_str() {
        "REVIEW" => Ok(Attention::Review),
        "BACKORDER" => Ok(Attention::Backorder),
        "OPERATOR" => Ok(Attention::Operator),
        _ => {
            let detail = "must be `REVIEW`, `BACKORDER` or `OPERATOR`";
            Err(Problem::field(Kind::Invalid, "attention", detail))
        }
    };
    request.query.get("attention").map(read).transpose()
}

fn open(request: &Request) -> Result<bool, Problem> {
    match request.query.get("open").map(String::as_str) {
        None => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::field(Kind::Invalid, "open", "must be `true`")),
    }
}

fn limit(request: &Request) -> Result<u32, Problem> {
    let Some(text) = request.query.get("limit") else { return Ok(USUAL) };
    // Digits only: no sign, no space.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=MOST).contains(number));
    number.ok_or_else(|| {
        Problem::field(Kind::Invalid, "limit", format!("must be a whole number from 1 to {MOST}"))
    })
}

fn cursor(request: &Request, lists: usize) -> Result<Cursor, Problem> {
    let Some(text) = request.query.get("cursor") else { return Ok(Cursor { n: 0, place: None }) };
    let parsed = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok())
        .filter(|cursor| usize::from(cursor.n) < lists);
    parsed.ok_or_else(|| {
        Problem::field(Kind::Invalid, "cursor", "is none that this list has given out")
    })
}
