//! The gateway's lists, newest first, a page at a time.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::StripeEmulator;
use super::error::ApiError;
use super::params::Params;

const INTENTS: &[&str] =
    &["created", "customer", "ending_before", "expand", "limit", "starting_after"];
const REFUNDS: &[&str] =
    &["charge", "created", "ending_before", "expand", "limit", "payment_intent", "starting_after"];

/// What a list shows of one object: its id, when it was made, and its body.
type Row = (String, Timestamp, Value);

impl StripeEmulator {
    pub(super) fn list_intents(&self, params: &Params) -> Result<Value, ApiError> {
        params.only(INTENTS)?;
        let expand: Vec<String> = params
            .expand(&["data.latest_charge"])?
            .iter()
            .map(|field| field.trim_start_matches("data.").to_owned())
            .collect();
        let customer = params.text("customer");
        let rows = self.intents.iter().enumerate().rev().filter_map(|(index, intent)| {
            let requested = customer.is_none() || intent.customer.as_deref() == customer;
            requested
                .then(|| (intent.id.clone(), intent.created, self.render_intent(index, &expand)))
        });
        page(rows, params, "/v1/payment_intents")
    }

    pub(super) fn list_refunds(&self, params: &Params) -> Result<Value, ApiError> {
        params.only(REFUNDS)?;
        params.expand(&[])?;
        let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
        let rows = self.refunds.iter().enumerate().rev().filter_map(|(number, refund)| {
            let requested = intent.is_none_or(|id| refund.intent == id)
                && charge.is_none_or(|id| refund.charge == id);
            requested.then(|| (refund.id.clone(), refund.created, self.render_refund(number, &[])))
        });
        page(rows, params, "/v1/refunds")
    }
}

fn page(rows: impl Iterator<Item = Row>, params: &Params, url: &str) -> Result<Value, ApiError> {
    let limit = match params.whole("limit")? {
        None => 10,
        Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(10),
        Some(_) => {
            return Err(
                ApiError::invalid("Invalid limit: must be 1 to 100").with("param", json!("limit"))
            );
        }
    };
    let bounds = bounds(params)?;
    let mut rows: Vec<Row> =
        rows.filter(|(_, at, _)| bounds.iter().all(|bound| bound.mark_in_flight(*at))).collect();
    if let Some(after) = params.text("starting_after") {
        let Some(index) = rows.iter().position(|(id, _, _)| id == after) else {
            return Err(ApiError::missing(400, "starting_after", "object", after));
        };
        rows.drain(..=index);
    }
    if let Some(before) = params.text("ending_before") {
        let Some(index) = rows.iter().position(|(id, _, _)| id == before) else {
            return Err(ApiError::missing(400, "ending_before", "object", before));
        };
        rows.truncate(index);
        rows.drain(..index.saturating_sub(limit));
    }
    let has_more = rows.len() > limit;
    let data: Vec<Value> = rows.into_iter().take(limit).map(|(_, _, body)| body).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

struct Bound {
    how: String,
    second: i64,
}

impl Bound {
    fn mark_in_flight(&self, at: Timestamp) -> bool {
        let at = at.as_second();
        match self.how.as_str() {
            "gt" => at > self.second,
            "gte" => at >= self.second,
            "lt" => at < self.second,
            "lte" => at <= self.second,
            _ => at == self.second,
        }
    }
}

fn bounds(params: &Params) -> Result<Vec<Bound>, ApiError> {
    let mut bounds = Vec::new();
    if let Some(second) = params.whole("created")? {
        bounds.push(Bound { how: "eq".to_owned(), second });
    }
    for (how, text) in params.map("created") {
        let error = || {
            ApiError::invalid(&format!("Invalid integer: {text}")).with("param", json!("created"))
        };
        if !["gt", "gte", "lt", "lte"].contains(&how.as_str()) {
            return Err(ApiError::invalid(&format!("Received unknown parameter: created[{how}]")));
        }
        bounds.push(Bound { how, second: text.parse().ok().ok_or_else(error)? });
    }
    Ok(bounds)
}
