//! The carrier's book: all shipments whose label was bought, a page at a time,
//! newest first.
//!
//! A shipment that was not bought costs nothing, and is not listed. Both dates are
//! always given: the carrier takes a month when one of them is missing.

use domain::ledger::{LabelEntry, LedgerPage, ListLabels};
use domain::ports::{CallOutcome, Method, ShippingRejection, Transport};
use domain::{ShipmentId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::wire::WireShipment;
use super::{EasyPost, sort};

/// A shipment with its rates and addresses has some 10 to 20 KiB, and an answer of
/// more than 1 MiB is not read. The carrier gives 100 at most.
const PAGE: &str = "40";

/// Before the carrier's first shipment.
const BEGINNING: &str = "2012-01-01T00:00:00.000Z";

impl<T: Transport> ListLabels for EasyPost<T> {
    async fn list_labels(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let path = format!("shipments?{}", query(since, until, after));
        self.call(Method::Get, &path, Vec::new(), |response| sort(response, page)).await
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        let path = format!("shipments/{id}");
        let whole = |body: &[u8]| read(serde_json::from_slice(body).ok()?);
        self.call(Method::Get, &path, Vec::new(), |response| sort(response, whole)).await
    }
}

fn query(since: Option<Timestamp>, until: Timestamp, after: Option<&str>) -> String {
    let since = since.map_or_else(|| BEGINNING.to_owned(), |since| since.to_string());
    let until = until.to_string();
    let fixed = [
        ("page_size", PAGE),
        ("purchased", "true"),
        ("start_datetime", &since),
        ("end_datetime", &until),
    ];
    let place = after.map(|id| ("before_id", id));
    Serializer::new(String::new()).extend_pairs(fixed).extend_pairs(place).finish()
}

#[derive(Deserialize)]
struct WirePage {
    shipments: Vec<Value>,
    has_more: bool,
}

/// The part; none when it goes on and does not say where.
fn page(body: &[u8]) -> Option<LedgerPage<LabelEntry>> {
    let page: WirePage = serde_json::from_slice(body).ok()?;
    let all = page.shipments.len();
    let last = page.shipments.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
    let next = if page.has_more { Some(last?) } else { None };
    let entries: Vec<_> = page.shipments.into_iter().filter_map(read).collect();
    Some(LedgerPage { unreadable: all - entries.len(), entries, next })
}

#[derive(Deserialize)]
struct WireEntry {
    #[serde(default)]
    reference: Option<String>,
    #[serde(flatten)]
    shipment: WireShipment,
}

/// The entry in our words; none for one that makes no sense.
fn read(entry: Value) -> Option<LabelEntry> {
    let entry: WireEntry = serde_json::from_value(entry).ok()?;
    let shipment = entry.shipment.parse()?;
    Some(LabelEntry {
        id: shipment.id,
        reference: entry.reference,
        tracking_code: shipment.bought.map(|(code, _)| code),
        refund: shipment.refund,
    })
}
