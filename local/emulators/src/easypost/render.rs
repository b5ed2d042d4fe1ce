//! EasyPost's objects as JSON, field by field as in the recordings.

use jiff::Timestamp;
use serde_json::{Map, Number, Value, json};

use super::EasyPostEmulator;
use super::shipments::{Label, LabelRefundStatus, Rate, Shipment};

/// The id of the shop's carrier account.
pub(super) const ACCOUNT: &str = "ca_lookalike";

/// A timestamp in EasyPost's format, in whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl EasyPostEmulator {
    pub(super) fn render_address(
        &mut self,
        requested: &Map<String, Value>,
        at: Timestamp,
    ) -> Value {
        let field = |name: &str| requested.get(name).filter(|value| value.is_string()).cloned();
        let at = at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        json!({
            "id": self.ids.easypost("adr"),
            "object": "Address",
            "created_at": at,
            "updated_at": at,
            "name": field("name"),
            "company": field("company"),
            "street1": field("street1"),
            "street2": field("street2"),
            "city": field("city"),
            "state": field("state"),
            "zip": field("zip"),
            "country": field("country"),
            "phone": field("phone"),
            "email": field("email"),
            "mode": "test",
            "carrier_facility": null,
            "residential": null,
            "federal_tax_id": null,
            "state_tax_id": null,
            "verifications": {},
        })
    }

    pub(super) fn render_parcel(&mut self, requested: &Map<String, Value>, at: Timestamp) -> Value {
        // EasyPost writes every measure as a decimal: `10.0` for 10.
        let measure =
            |name: &str| requested.get(name).and_then(Value::as_f64).and_then(Number::from_f64);
        json!({
            "id": self.ids.easypost("prcl"),
            "object": "Parcel",
            "created_at": time(at),
            "updated_at": time(at),
            "length": measure("length"),
            "width": measure("width"),
            "height": measure("height"),
            "predefined_package": requested.get("predefined_package"),
            "weight": measure("weight"),
            "mode": "test",
        })
    }
}

impl Shipment {
    pub(super) fn render(&self) -> Value {
        let label = self.label.as_ref();
        json!({
            "id": self.id,
            "created_at": time(self.created),
            "is_return": false,
            "messages": self.messages,
            "mode": "test",
            "options": self.render_options(),
            "reference": self.order,
            "status": label.map_or("unknown", |label| label.tracker.status.as_str()),
            "tracking_code": self.tracking_code(),
            "updated_at": time(self.updated),
            "batch_id": null,
            "batch_status": null,
            "batch_message": null,
            "customs_info": null,
            "from_address": self.from,
            "insurance": null,
            "order_id": null,
            "parcel": self.parcel,
            "postage_label": label.map(render_label),
            "rates": self.rates.iter().map(|rate| self.render_rate(rate)).collect::<Vec<_>>(),
            "refund_status": self.refund.map(LabelRefundStatus::name),
            "scan_form": null,
            "selected_rate": label.and_then(|label| self.rates.get(label.rate)).map(|rate| self.render_rate(rate)),
            "tracker": label.map(|label| self.render_tracker(label)),
            "to_address": self.to,
            "usps_zone": 4,
            "return_address": self.from,
            "buyer_address": self.to,
            "forms": [],
            "fees": self.render_fees(),
            "object": "Shipment",
        })
    }

    fn render_options(&self) -> Value {
        let mut options = self.options.clone();
        options.insert("currency".to_owned(), json!("USD"));
        options.insert("payment".to_owned(), json!({ "type": "SENDER" }));
        options.insert("date_advance".to_owned(), json!(0));
        Value::Object(options)
    }

    fn render_rate(&self, rate: &Rate) -> Value {
        let price = decimal(rate.cents);
        json!({
            "id": rate.id,
            "object": "Rate",
            "created_at": time(self.created),
            "updated_at": time(self.created),
            "mode": "test",
            "service": rate.service,
            "carrier": rate.carrier,
            "rate": price,
            "currency": "USD",
            // Retail is about a third more.
            "retail_rate": decimal(rate.cents + rate.cents / 3),
            "retail_currency": "USD",
            "list_rate": price,
            "list_currency": "USD",
            "billing_type": "easypost",
            "delivery_days": rate.days,
            "delivery_date": null,
            "delivery_date_guaranteed": false,
            "est_delivery_days": rate.days,
            "shipment_id": self.id,
            "carrier_account_id": ACCOUNT,
        })
    }

    pub(super) fn render_tracker(&self, label: &Label) -> Value {
        let tracker = &label.tracker;
        let carrier = self.rates.get(label.rate).map(|rate| rate.carrier);
        let details: Vec<Value> = tracker
            .details
            .iter()
            .map(|(at, status)| render_tracking_detail(*at, status, carrier))
            .collect();
        json!({
            "id": tracker.id,
            "object": "Tracker",
            "mode": "test",
            "tracking_code": label.tracking_code,
            "status": tracker.status,
            "status_detail": if tracker.details.is_empty() { "unknown" } else { "status_update" },
            "created_at": time(label.at),
            "updated_at": time(tracker.updated),
            "signed_by": null,
            "weight": null,
            "est_delivery_date": null,
            "shipment_id": self.id,
            "carrier": carrier,
            "tracking_details": details,
            "fees": [],
            "carrier_detail": null,
            "public_url": format!("https://track.easypost.com/{}", tracker.id),
        })
    }

    fn render_fees(&self) -> Vec<Value> {
        let Some(rate) = self.label.as_ref().and_then(|label| self.rates.get(label.rate)) else {
            return Vec::new();
        };
        let refunded = self.refund == Some(LabelRefundStatus::Refunded);
        let fee = |kind: &str, cents: u64| {
            let amount = format!("{}000", decimal(cents));
            json!({ "object": "Fee", "type": kind, "amount": amount, "charged": true, "refunded": refunded })
        };
        vec![fee("LabelFee", 0), fee("PostageFee", rate.cents)]
    }
}

fn render_label(label: &Label) -> Value {
    let at = time(label.at);
    json!({
        "object": "PostageLabel",
        "id": label.id,
        "created_at": at,
        "updated_at": at,
        "date_advance": 0,
        "integrated_form": "none",
        "label_date": at,
        "label_resolution": 300,
        "label_size": "4x6",
        "label_type": "default",
        "label_file_type": "image/png",
        "label_url": format!("https://easypost-files.s3.us-west-2.amazonaws.com/files/postage_label/{}.png", label.id),
        "label_pdf_url": null,
        "label_zpl_url": null,
        "label_epl2_url": null,
        "label_file": null,
    })
}

fn render_tracking_detail(at: Timestamp, status: &str, carrier: Option<&str>) -> Value {
    json!({
        "object": "TrackingDetail",
        "message": status.replace('_', " "),
        "description": "",
        "status": status,
        "status_detail": "status_update",
        "datetime": time(at),
        "source": carrier,
        "carrier_code": "",
        "tracking_location": {
            "object": "TrackingLocation", "city": null, "state": null, "country": null, "zip": null
        },
    })
}

/// Cents as a decimal: `6.07`.
fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
