//! `POST /inventory/{sku}/restock`: goods come in, and the orders that wait for
//! them are woken, oldest first, only as many as can be served.

use domain::answer::AnswerKind;
use domain::catalogue::StockItem;
use domain::ports::{OrderList, Restocked, Saved};
use domain::rounds::MOST;
use domain::{Moment, Order, OrderId, Sku};
use serde_json::json;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow, answers, body, form, orders};

/// The most that comes in at once.
const MOST_GOODS: u64 = 1_000_000;
/// Orders that are read at once.
const PAGE: u32 = 50;
/// A restock looks at no more than this many pages; the reconciler wakes the rest.
const PAGES: usize = 10;

/// Puts the goods on the shelf, once for each key, and wakes who waits.
pub(crate) async fn restock<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Reply, Problem> {
    Caller::with(request, &[Scope::InventoryWrite])?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    let key = orders::idempotency_key(request)?;
    let body = body::read(request, None)?;
    let quantity = form::read(&body, |form| form.required("quantity", form::whole(1, MOST_GOODS)))?;
    let quantity = u32::try_from(quantity).unwrap_or(u32::MAX);
    let item = match api.inventory.restock(&sku, quantity, key, request.at).await? {
        Restocked::Done(item) | Restocked::Before(item) => item,
        Restocked::UnknownSku => return Err(Problem::not_found()),
        Restocked::Contended => {
            let detail = "somebody else is at this shelf; send the request again";
            return Err(Problem::unavailable(detail, "contended"));
        }
        Restocked::OtherRequest => {
            let detail = "was used for another quantity; choose a new key for a new restock";
            return Err(Problem::field(Kind::KeyReused, "Idempotency-Key", detail));
        }
    };
    let resumed = wake(api, &item, request.at).await?;
    let answer = json!({"sku": sku, "available": item.available, "resumed": resumed});
    Ok(Reply::json(200, &answer))
}

/// Wakes the orders that wait for this item, oldest first, while there is enough
/// for them; how many were.
async fn wake<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    item: &StockItem,
    at: Moment,
) -> Result<u32, Problem> {
    let list = OrderList::WaitingFor(item.sku.clone());
    let (mut left, mut resumed, mut after) = (item.available, 0, None);
    for _ in 0..PAGES {
        let page = api.orders.list(&list, after.as_ref(), PAGE).await?;
        for order in page.orders {
            let wanted = wanted(&order, &item.sku);
            if wanted > left {
                continue;
            }
            match wake_one(api, &order.order_id, at).await? {
                Woken::Now => resumed += 1,
                // It has its goods in mind already.
                Woken::Before => {}
                Woken::NotWaiting => continue,
            }
            left -= wanted;
        }
        after = page.next;
        if after.is_none() || left == 0 {
            break;
        }
    }
    Ok(resumed)
}

fn wanted(order: &Order, sku: &Sku) -> u64 {
    let lines = order.wanted();
    lines.iter().find(|line| line.sku == *sku).map_or(0, |line| line.quantity.into())
}

enum Woken {
    Now,
    Before,
    NotWaiting,
}

/// Records that the goods are there, and tells the wait.
async fn wake_one<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    id: &OrderId,
    at: Moment,
) -> Result<Woken, Problem> {
    for _ in 0..MOST {
        let Some(before) = api.orders.load(id).await? else { return Ok(Woken::NotWaiting) };
        let Ok(after) = before.restocked(at) else {
            let told = before.answer.as_ref().is_some_and(|answer| {
                answer.kind == AnswerKind::Restock
                    && before.task_token.as_ref() == Some(&answer.token)
            });
            if told {
                answers::send(api, &before).await?;
            }
            return Ok(if told { Woken::Before } else { Woken::NotWaiting });
        };
        if api.orders.save(&before, &after).await? == Saved::Done {
            answers::send(api, &after).await?;
            return Ok(Woken::Now);
        }
    }
    Ok(Woken::NotWaiting)
}
