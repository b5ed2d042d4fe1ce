//! The life of a shipment: it is created with rates, one label is bought, the label is refunded.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::history::{HistoryEntry, LabelTotals};
use super::{EasyPostEmulator, RefundTimer, address};
use crate::emulator::ControlActionError;
use crate::exchange::HttpResponse;
use crate::schedule::ScheduleKey;

/// How long a label refund stays submitted.
pub const REFUND_COMPLETES_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The status of a label refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelRefundStatus {
    /// EasyPost has submitted it to the carrier.
    Submitted,
    /// The carrier refunded the label.
    Refunded,
    /// The carrier rejected the refund; the label stays paid.
    Rejected,
    /// The carrier does not charge for an unused label.
    NotApplicable,
}

impl LabelRefundStatus {
    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Refunded => "refunded",
            Self::Rejected => "rejected",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// What the carriers base their prices on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted {
    tenths_of_ounce: u64,
    is_domestic: bool,
}

/// An offer of a carrier for a shipment.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) id: String,
    pub(crate) carrier: &'static str,
    pub(crate) service: &'static str,
    pub(crate) cents: u64,
    pub(crate) days: Option<u8>,
}

/// A bought label.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) rate: usize,
    pub(crate) tracking_code: String,
    pub(crate) tracker: Tracker,
}

/// The tracking state of the parcel.
#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) updated: Timestamp,
    pub(crate) details: Vec<(Timestamp, String)>,
}

/// One shipment.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// `shp_…`.
    pub id: String,
    /// The order in `reference`.
    pub order: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// The status of its label refund, if one was requested.
    pub refund: Option<LabelRefundStatus>,
    /// Its events, oldest first.
    pub history: Vec<HistoryEntry>,
    pub(crate) updated: Timestamp,
    pub(crate) label: Option<Label>,
    pub(crate) quoted: Quoted,
    pub(crate) rates: Vec<Rate>,
    pub(crate) messages: Vec<Value>,
    pub(crate) from: Value,
    pub(crate) to: Value,
    pub(crate) parcel: Value,
    pub(crate) options: Map<String, Value>,
    pub(crate) timer: Option<ScheduleKey>,
}

impl Shipment {
    /// The tracking code of the label, once bought.
    pub fn tracking_code(&self) -> Option<&str> {
        self.label.as_ref().map(|label| label.tracking_code.as_str())
    }

    /// Its labels: none or one.
    pub fn labels(&self) -> LabelTotals {
        let given_back = !matches!(self.refund, None | Some(LabelRefundStatus::Rejected));
        LabelTotals {
            labels: u64::from(self.label.is_some()),
            label_refunds: u64::from(given_back),
        }
    }

    /// Its entry in the ledger.
    pub(crate) fn to_ledger(&self) -> Value {
        let rate = self.label.as_ref().and_then(|label| self.rates.get(label.rate));
        json!({
            "id": self.id, "object": "Shipment", "order": self.order, "created": self.created,
            "trackingCode": self.tracking_code(), "carrier": rate.map(|rate| rate.carrier),
            "service": rate.map(|rate| rate.service), "refundStatus": self.refund,
            "tracker": self.label.as_ref().map(|label| label.tracker.status.as_str()),
            "history": self.history,
        })
    }

    fn record(&mut self, at: Timestamp, event: &str) {
        self.updated = at;
        self.history.push(HistoryEntry { at, event: event.to_owned() });
    }
}

/// The time of a call, and what the fault plan does to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallContext {
    pub(crate) at: Timestamp,
    pub(crate) reject: bool,
    /// No carrier answers.
    pub(crate) unrated: bool,
}

impl EasyPostEmulator {
    pub(super) fn create_shipment(
        &mut self,
        body: &Value,
        context: CallContext,
    ) -> Result<HttpResponse, ApiError> {
        let requested = body["shipment"].as_object().filter(|requested| !requested.is_empty());
        let requested = requested.ok_or_else(|| ApiError::required("shipment"))?;
        let field = |name: &str| requested.get(name).unwrap_or(&Value::Null);
        let to = address::check(field("to_address"), "to_address")?;
        let from = address::check(field("from_address"), "from_address")?;
        let parcel = field("parcel").as_object().ok_or_else(|| ApiError::required("parcel"))?;
        let tenths_of_ounce = weight(parcel)?;
        let order = field("reference").as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let is_domestic = to.get("country") == from.get("country");
        if !is_domestic && !field("customs_info").is_object() {
            return Err(ApiError::required("customs_info"));
        }
        if context.reject {
            return Err(ApiError::address_not_found());
        }
        let id = self.ids.easypost("shp");
        let quoted = Quoted { tenths_of_ounce, is_domestic };
        let (rates, messages) = self.quote(quoted, context);
        let mut shipment = Shipment {
            id: id.clone(),
            order,
            created: context.at,
            refund: None,
            history: Vec::new(),
            updated: context.at,
            label: None,
            quoted,
            rates,
            messages,
            from: self.render_address(from, context.at),
            to: self.render_address(to, context.at),
            parcel: self.render_parcel(parcel, context.at),
            options: field("options").as_object().cloned().unwrap_or_default(),
            timer: None,
        };
        shipment.record(context.at, "created");
        let response = HttpResponse::json(201, &shipment.render())
            .header("location", &format!("/api/v2/shipments/{id}"));
        self.shipments_by_id.insert(id, self.shipments.len());
        self.shipments.push(shipment);
        Ok(response)
    }

    /// Asks the carriers for their rates again. The ids of the earlier rates are no longer valid.
    pub(super) fn rerate(
        &mut self,
        id: &str,
        context: CallContext,
    ) -> Result<HttpResponse, ApiError> {
        let index = self.index_of(id)?;
        if self.shipments[index].label.is_some() {
            return Err(ApiError::postage_exists());
        }
        if context.reject {
            return Err(ApiError::address_not_found());
        }
        let (rates, messages) = self.quote(self.shipments[index].quoted, context);
        let shipment = &mut self.shipments[index];
        (shipment.rates, shipment.messages) = (rates, messages);
        shipment.record(context.at, "rerated");
        Ok(HttpResponse::json(200, &shipment.render()))
    }

    fn quote(&mut self, quoted: Quoted, context: CallContext) -> (Vec<Rate>, Vec<Value>) {
        let pounds = quoted.tenths_of_ounce.div_ceil(160);
        let services = if quoted.is_domestic { DOMESTIC } else { INTERNATIONAL };
        let (mut rates, mut messages) = (Vec::new(), Vec::new());
        for service in services {
            if context.unrated {
                messages.push(rate_error(service, "the carrier does not answer"));
            } else if pounds > service.max_pounds {
                let why = format!("the maximum weight is {} lb", service.max_pounds);
                messages.push(rate_error(service, &why));
            } else {
                let cents = service.first_pound + service.additional_pound * (pounds - 1);
                let id = self.ids.easypost("rate");
                let (carrier, days) = (service.carrier, service.days);
                rates.push(Rate { id, carrier, service: service.name, cents, days });
            }
        }
        (rates, messages)
    }

    pub(super) fn buy(
        &mut self,
        id: &str,
        body: &Value,
        context: CallContext,
    ) -> Result<HttpResponse, ApiError> {
        let index = self.index_of(id)?;
        if self.in_flight.contains(id) {
            return Err(ApiError::purchase_in_progress());
        }
        if self.shipments[index].label.is_some() {
            return Err(ApiError::postage_exists());
        }
        let requested = body["rate"]["id"].as_str().ok_or_else(|| ApiError::required("rate"))?;
        let Some(rate) = self.shipments[index].rates.iter().position(|rate| rate.id == requested)
        else {
            return Err(ApiError::invalid("rate", "is not a rate of this shipment"));
        };
        if context.reject {
            return Err(ApiError::postage_failure());
        }
        let label = Label {
            id: self.ids.easypost("pl"),
            at: context.at,
            rate,
            tracking_code: self.ids.tracking_code(),
            tracker: Tracker {
                id: self.ids.easypost("trk"),
                status: "unknown".to_owned(),
                updated: context.at,
                details: Vec::new(),
            },
        };
        let shipment = &mut self.shipments[index];
        shipment.label = Some(label);
        shipment.record(context.at, "bought");
        let response = HttpResponse::json(200, &shipment.render());
        self.queue_tracker_event("tracker.created", index, None, context.at);
        Ok(response)
    }

    pub(super) fn refund(
        &mut self,
        id: &str,
        context: CallContext,
    ) -> Result<HttpResponse, ApiError> {
        let index = self.index_of(id)?;
        let shipment = &self.shipments[index];
        if shipment.label.is_none() {
            return Err(ApiError::refund_unavailable("It has no label."));
        }
        if let Some(refund) = shipment.refund.filter(|it| *it != LabelRefundStatus::Rejected) {
            return Err(ApiError::refund_unavailable(&format!(
                "Its refund is {} already.",
                refund.name()
            )));
        }
        if context.reject {
            return Err(ApiError::refund_unavailable("The carrier does not refund it."));
        }
        let timer = self.schedule.insert(context.at + REFUND_COMPLETES_AFTER, RefundTimer(index));
        let shipment = &mut self.shipments[index];
        shipment.refund = Some(LabelRefundStatus::Submitted);
        shipment.timer = Some(timer);
        shipment.record(context.at, "refund_submitted");
        Ok(HttpResponse::json(200, &shipment.render()))
    }

    /// Finalizes a label refund. EasyPost sends an event for a completed refund, but none for a
    /// rejected one: the product sees that only by reading the shipment.
    pub(super) fn finalize_refund(&mut self, index: usize, at: Timestamp) {
        let shipment = &mut self.shipments[index];
        let order = shipment.order.as_ref();
        let refused = order.is_some_and(|order| self.rejected_refunds.contains(order));
        let waived = order.is_some_and(|order| self.waived_refunds.contains(order));
        let timer = shipment.timer.take();
        self.schedule.cancel(timer);
        if refused {
            shipment.refund = Some(LabelRefundStatus::Rejected);
            shipment.record(at, "refund_rejected");
        } else if waived {
            shipment.refund = Some(LabelRefundStatus::NotApplicable);
            shipment.record(at, "refund_not_applicable");
        } else {
            shipment.refund = Some(LabelRefundStatus::Refunded);
            shipment.record(at, "refunded");
            self.queue_refund_event(index, at);
        }
    }

    /// Records a tracking status.
    pub(super) fn update_tracker(
        &mut self,
        index: usize,
        status: &str,
        at: Timestamp,
    ) -> Result<(), ControlActionError> {
        if !TRACKER_STATUSES.contains(&status) {
            return Err(ControlActionError::UnknownStatus(status.to_owned()));
        }
        let shipment = &mut self.shipments[index];
        shipment.record(at, status);
        let Some(label) = &mut shipment.label else { return Ok(()) };
        let before = std::mem::replace(&mut label.tracker.status, status.to_owned());
        label.tracker.updated = at;
        label.tracker.details.push((at, status.to_owned()));
        self.queue_tracker_event("tracker.updated", index, Some(&before), at);
        Ok(())
    }

    pub(super) fn get(&self, id: &str) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::json(200, &self.shipments[self.index_of(id)?].render()))
    }

    pub(super) fn list(
        &self,
        query: &[(String, String)],
        at: Timestamp,
    ) -> Result<HttpResponse, ApiError> {
        let param = |name: &str| {
            query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let size = match param("page_size").map(str::parse) {
            None => 20,
            Some(Ok(size @ 1..=100)) => size,
            Some(_) => return Err(ApiError::invalid("page_size", "must be 1 to 100")),
        };
        let only_bought = param("purchased") != Some("false");
        let (start, end) = created_between(param("start_datetime"), param("end_datetime"), at)?;
        let before = match param("before_id") {
            Some(id) => self.index_of(id)?,
            None => self.shipments.len(),
        };
        let newest_first = self.shipments.iter().take(before).rev();
        let listed: Vec<&Shipment> = newest_first
            .filter(|shipment| !only_bought || shipment.label.is_some())
            .filter(|shipment| start <= shipment.created && shipment.created <= end)
            .collect();
        let has_more = listed.len() > size;
        let shipments: Vec<Value> = listed.into_iter().take(size).map(Shipment::render).collect();
        Ok(HttpResponse::json(200, &json!({ "shipments": shipments, "has_more": has_more })))
    }

    fn index_of(&self, id: &str) -> Result<usize, ApiError> {
        self.shipments_by_id.get(id).copied().ok_or_else(ApiError::not_found)
    }
}

/// What a carrier says that gives no rate.
fn rate_error(service: &Service, why: &str) -> Value {
    json!({
        "carrier": service.carrier, "carrier_account_id": super::render::ACCOUNT,
        "type": "rate_error", "message": format!("{}: {why}", service.name),
    })
}

/// The date range of a list whose range is not fully given.
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The dates between which listed shipments were created. One given date extends by a month;
/// without dates it is the last month (docs.easypost.com/docs/shipments).
fn created_between(
    start: Option<&str>,
    end: Option<&str>,
    at: Timestamp,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let read = |name: &str, text: Option<&str>| {
        let error = || ApiError::invalid(name, "must be a date and time");
        text.map(|text| text.parse::<Timestamp>().ok().ok_or_else(error)).transpose()
    };
    Ok(match (read("start_datetime", start)?, read("end_datetime", end)?) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, start.checked_add(DEFAULT_RANGE).unwrap_or(Timestamp::MAX)),
        (None, Some(end)) => (end.checked_sub(DEFAULT_RANGE).unwrap_or(Timestamp::MIN), end),
        (None, None) => (at - DEFAULT_RANGE, at),
    })
}

/// The statuses of a tracker.
const TRACKER_STATUSES: &[&str] = &[
    "unknown",
    "pre_transit",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "available_for_pickup",
    "return_to_sender",
    "failure",
    "cancelled",
    "error",
];

struct Service {
    carrier: &'static str,
    name: &'static str,
    days: Option<u8>,
    /// The price of the first pound, in cents.
    first_pound: u64,
    /// The price of each further pound or part of one, in cents.
    additional_pound: u64,
    max_pounds: u64,
}

impl Service {
    const fn of(
        (carrier, name): (&'static str, &'static str),
        days: Option<u8>,
        (first_pound, additional_pound): (u64, u64),
        max_pounds: u64,
    ) -> Self {
        Self { carrier, name, days, first_pound, additional_pound, max_pounds }
    }
}

/// Services within a country. The prices of the first pound are those of the recordings.
const DOMESTIC: &[Service] = &[
    Service::of(("USPS", "Express"), Some(1), (3_415, 310), 70),
    Service::of(("USPS", "Priority"), Some(2), (742, 96), 70),
    Service::of(("USPS", "GroundAdvantage"), Some(3), (607, 61), 70),
];

/// Services between countries. The cheapest promises no delivery day, as in reality.
const INTERNATIONAL: &[Service] = &[
    Service::of(("USPS", "FirstClassPackageInternationalService"), None, (1_689, 540), 4),
    Service::of(("USPS", "PriorityMailInternational"), Some(8), (4_420, 480), 66),
    Service::of(("DHLExpress", "ExpressWorldwideNonDoc"), Some(2), (6_890, 720), 70),
];

/// The weight in tenths of an ounce, rounded up.
fn weight(parcel: &Map<String, Value>) -> Result<u64, ApiError> {
    let value = parcel.get("weight").filter(|weight| !weight.is_null());
    let value = value.ok_or_else(|| ApiError::required("parcel.weight"))?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let error = || ApiError::invalid("parcel.weight", "must be a number greater than 0");
    tenths_of_ounce(&text).filter(|tenths_of_ounce| *tenths_of_ounce > 0).ok_or_else(error)
}

/// A decimal number in tenths, rounded up. It never becomes a float.
fn tenths_of_ounce(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if !rest.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let first = rest.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(0);
    let more = rest.chars().skip(1).any(|c| c != '0');
    whole.parse::<u64>().ok()?.checked_mul(10)?.checked_add(u64::from(first) + u64::from(more))
}

#[cfg(test)]
mod tests {
    use super::tenths_of_ounce;

    #[test]
    fn a_weight_is_parsed_in_tenths_and_rounded_up_without_a_float() {
        let cases = [
            ("15.4", Some(154)),
            ("15", Some(150)),
            ("0.01", Some(1)),
            ("15.40", Some(154)),
            ("15.41", Some(155)),
            ("0", Some(0)),
            ("-1", None),
            ("1e3", None),
            ("", None),
            ("15.x", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(tenths_of_ounce(text), expected, "{text}");
        }
    }
}
