//! Lists of intents and refunds: newest first, with pagination.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::StripeEmulator;
use super::error::ApiError;
use super::params::Params;

const INTENT_PARAMS: &[&str] =
    &["created", "customer", "ending_before", "expand", "limit", "starting_after"];
const REFUND_PARAMS: &[&str] =
    &["charge", "created", "ending_before", "expand", "limit", "payment_intent", "starting_after"];

/// An object in a list: its id, when it was created, and its JSON.
type Row = (String, Timestamp, Value);

impl StripeEmulator {
    pub(super) fn list_intents(&self, params: &Params) -> Result<Value, ApiError> {
        params.reject_unknown(INTENT_PARAMS)?;
        let expand: Vec<String> = params
            .expand(&["data.latest_charge"])?
            .iter()
            .map(|field| field.trim_start_matches("data.").to_owned())
            .collect();
        let customer = params.text("customer");
        let rows = self.intents.iter().enumerate().rev().filter_map(|(index, intent)| {
            let is_selected = customer.is_none() || intent.customer.as_deref() == customer;
            is_selected
                .then(|| (intent.id.clone(), intent.created, self.render_intent(index, &expand)))
        });
        page(rows, params, "/v1/payment_intents")
    }

    pub(super) fn list_refunds(&self, params: &Params) -> Result<Value, ApiError> {
        params.reject_unknown(REFUND_PARAMS)?;
        params.expand(&[])?;
        let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
        let rows = self.refunds.iter().enumerate().rev().filter_map(|(index, refund)| {
            let is_selected = intent.is_none_or(|id| refund.intent == id)
                && charge.is_none_or(|id| refund.charge == id);
            is_selected.then(|| (refund.id.clone(), refund.created, self.render_refund(index, &[])))
        });
        page(rows, params, "/v1/refunds")
    }
}

fn page(rows: impl Iterator<Item = Row>, params: &Params, url: &str) -> Result<Value, ApiError> {
    let limit = match params.integer("limit")? {
        None => 10,
        Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(10),
        Some(_) => {
            return Err(
                ApiError::invalid("Invalid limit: must be 1 to 100").with("param", json!("limit"))
            );
        }
    };
    let bounds = created_bounds(params)?;
    let mut rows: Vec<Row> =
        rows.filter(|(_, at, _)| bounds.iter().all(|bound| bound.contains(*at))).collect();
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

/// One condition of the `created` filter.
struct CreatedBound {
    comparison: Comparison,
    second: i64,
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "gt" => Some(Self::Greater),
            "gte" => Some(Self::GreaterOrEqual),
            "lt" => Some(Self::Less),
            "lte" => Some(Self::LessOrEqual),
            _ => None,
        }
    }
}

impl CreatedBound {
    fn contains(&self, at: Timestamp) -> bool {
        let at = at.as_second();
        match self.comparison {
            Comparison::Equal => at == self.second,
            Comparison::Greater => at > self.second,
            Comparison::GreaterOrEqual => at >= self.second,
            Comparison::Less => at < self.second,
            Comparison::LessOrEqual => at <= self.second,
        }
    }
}

fn created_bounds(params: &Params) -> Result<Vec<CreatedBound>, ApiError> {
    let mut bounds = Vec::new();
    if let Some(second) = params.integer("created")? {
        bounds.push(CreatedBound { comparison: Comparison::Equal, second });
    }
    for (name, text) in params.map("created") {
        let comparison = Comparison::parse(&name).ok_or_else(|| {
            ApiError::invalid(&format!("Received unknown parameter: created[{name}]"))
        })?;
        let error = || {
            ApiError::invalid(&format!("Invalid integer: {text}")).with("param", json!("created"))
        };
        bounds.push(CreatedBound { comparison, second: text.parse().ok().ok_or_else(error)? });
    }
    Ok(bounds)
}
