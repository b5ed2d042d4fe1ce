//! Lists EasyPost's ledger: every shipment with a bought label, newest first, in pages.
//!
//! A shipment without a label costs nothing and is not listed. Every request states both
//! dates, because EasyPost assumes a month if one is missing. Source:
//! <https://docs.easypost.com/docs/shipments>, "Retrieve a list of Shipments".

use domain::ledger::{LabelEntry, LedgerPage, ListLabels};
use domain::ports::{ApiKeySource, CallOutcome, ShippingRejection, Transport};
use domain::{ShipmentId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::EasyPost;
use crate::response::classify;
use crate::wire::WireShipment;

/// Shipments per page. One shipment with its rates and addresses has 10 to 20 KiB, and a
/// response over 1 MiB is not read. EasyPost's maximum is 100.
const PAGE_SIZE: &str = "40";

/// A date before EasyPost's first shipment.
const EARLIEST: &str = "2012-01-01T00:00:00.000Z";

impl<T: Transport, K: ApiKeySource> ListLabels for EasyPost<T, K> {
    async fn list_labels(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let path = format!("shipments?{}", query(since, until, after));
        self.get(&path, |response, mode| classify(response, mode, parse_page)).await
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        let parse = |body: &[u8]| parse_entry(serde_json::from_slice(body).ok()?);
        self.get(&format!("shipments/{id}"), |response, mode| classify(response, mode, parse)).await
    }
}

fn query(since: Option<Timestamp>, until: Timestamp, after: Option<&str>) -> String {
    let since = since.map_or_else(|| EARLIEST.to_owned(), |since| since.to_string());
    let until = until.to_string();
    let filters = [
        ("page_size", PAGE_SIZE),
        ("purchased", "true"),
        ("start_datetime", &since),
        ("end_datetime", &until),
    ];
    let cursor = after.map(|id| ("before_id", id));
    Serializer::new(String::new()).extend_pairs(filters).extend_pairs(cursor).finish()
}

#[derive(Deserialize)]
struct WirePage {
    shipments: Vec<Value>,
    has_more: bool,
}

/// The page; `None` if it has a successor and ends without an id.
fn parse_page(body: &[u8]) -> Option<LedgerPage<LabelEntry>> {
    let page: WirePage = serde_json::from_slice(body).ok()?;
    let count = page.shipments.len();
    let last = page.shipments.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
    let next = if page.has_more { Some(last?) } else { None };
    let entries: Vec<_> = page.shipments.into_iter().filter_map(parse_entry).collect();
    Some(LedgerPage { unreadable: count - entries.len(), entries, next })
}

#[derive(Deserialize)]
struct WireEntry {
    #[serde(default)]
    reference: Option<String>,
    #[serde(flatten)]
    shipment: WireShipment,
}

/// The domain's entry; `None` if the shipment is malformed.
fn parse_entry(entry: Value) -> Option<LabelEntry> {
    let entry: WireEntry = serde_json::from_value(entry).ok()?;
    let shipment = entry.shipment.parse()?;
    Some(LabelEntry {
        id: shipment.id,
        reference: entry.reference,
        is_bought: shipment.bought.is_some(),
        tracking_code: shipment.bought.and_then(|label| label.tracking_code),
        refund: shipment.refund,
    })
}
