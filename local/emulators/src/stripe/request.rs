//! The parameters of each call on an intent, parsed and validated before the call is executed.

use serde_json::json;

use super::cards::{self, Card};
use super::error::ApiError;
use super::params::Params;

const CREATE: &[&str] = &[
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "expand",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
const CONFIRM: &[&str] = &[
    "capture_method",
    "error_on_requires_action",
    "expand",
    "mandate",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
];
const CAPTURE: &[&str] = &[
    "amount_to_capture",
    "expand",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
];
const CANCEL: &[&str] = &["cancellation_reason", "expand"];
const CANCEL_REASONS: &[&str] = &["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
const CAPTURE_METHODS: &[&str] = &["automatic", "automatic_async", "manual"];
const EXPANDABLE: &[&str] = &["latest_charge"];

/// The minimum amount of each currency, in minor units (docs.stripe.com/currencies).
const MIN_AMOUNTS: &[(&str, i64)] = &[
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1_500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1_000),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("sek", 300),
    ("sgd", 50),
    ("usd", 50),
];
const MAX_AMOUNT: i64 = 99_999_999;

/// The parameters of a creation.
#[derive(Debug)]
pub(super) struct NewIntent {
    pub(super) amount: i64,
    pub(super) currency: &'static str,
    pub(super) capture_method: &'static str,
    /// `allow_redirects`, if automatic payment methods are enabled.
    pub(super) automatic_methods: Option<&'static str>,
    pub(super) card: Option<&'static Card>,
    pub(super) customer: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: Vec<(String, String)>,
    /// Present if the intent is confirmed at once.
    pub(super) confirmation: Option<Confirmation>,
    pub(super) expand: Vec<String>,
}

impl NewIntent {
    pub(super) fn parse(params: &Params) -> Result<Self, ApiError> {
        params.reject_unknown(CREATE)?;
        let (amount, currency) = price(params)?;
        let confirm = params.boolean("confirm")?;
        if !confirm && params.text("off_session").is_some() {
            return Err(ApiError::invalid(
                "You can only set `off_session` when `confirm` is true.",
            ));
        }
        Ok(Self {
            amount,
            currency,
            capture_method: params
                .one_of("capture_method", CAPTURE_METHODS)?
                .unwrap_or("automatic"),
            automatic_methods: automatic_methods(params)?,
            card: payment_method(params)?,
            customer: params.text("customer").map(str::to_owned),
            description: params.text("description").map(str::to_owned),
            metadata: params.map("metadata"),
            confirmation: if confirm { Some(Confirmation::from_params(params)?) } else { None },
            expand: params.expand(EXPANDABLE)?,
        })
    }
}

/// The parameters of a confirmation.
#[derive(Debug)]
pub(super) struct Confirmation {
    /// Replaces the card of the intent.
    pub(super) card: Option<&'static Card>,
    /// Decline instead of requiring an action of the cardholder.
    pub(super) error_on_requires_action: bool,
    /// The cardholder is not present.
    pub(super) off_session: bool,
    pub(super) expand: Vec<String>,
}

impl Confirmation {
    pub(super) fn parse(params: &Params) -> Result<Self, ApiError> {
        params.reject_unknown(CONFIRM)?;
        Self::from_params(params)
    }

    fn from_params(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            card: payment_method(params)?,
            error_on_requires_action: params.boolean("error_on_requires_action")?,
            off_session: matches!(
                params.text("off_session"),
                Some("true" | "one_off" | "recurring")
            ),
            expand: params.expand(EXPANDABLE)?,
        })
    }
}

/// The parameters of a capture.
#[derive(Debug)]
pub(super) struct Capture {
    /// The amount to capture; `None` means all.
    pub(super) amount: Option<i64>,
    pub(super) expand: Vec<String>,
}

impl Capture {
    pub(super) fn parse(params: &Params) -> Result<Self, ApiError> {
        params.reject_unknown(CAPTURE)?;
        Ok(Self {
            amount: params.integer("amount_to_capture")?,
            expand: params.expand(EXPANDABLE)?,
        })
    }
}

/// The parameters of a cancellation.
#[derive(Debug)]
pub(super) struct Cancellation {
    pub(super) reason: Option<&'static str>,
    pub(super) expand: Vec<String>,
}

impl Cancellation {
    pub(super) fn parse(params: &Params) -> Result<Self, ApiError> {
        params.reject_unknown(CANCEL)?;
        let reason = params.one_of("cancellation_reason", CANCEL_REASONS)?;
        Ok(Self { reason, expand: params.expand(EXPANDABLE)? })
    }
}

/// The `expand` parameter of a retrieve call.
pub(super) fn retrieve_expand(params: &Params) -> Result<Vec<String>, ApiError> {
    params.reject_unknown(&["client_secret", "expand"])?;
    params.expand(EXPANDABLE)
}

fn price(params: &Params) -> Result<(i64, &'static str), ApiError> {
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or(0);
    let currency = params.required("currency")?.to_ascii_lowercase();
    let Some((currency, minimum)) = MIN_AMOUNTS.iter().find(|(known, _)| *known == currency) else {
        let known: Vec<_> = MIN_AMOUNTS.iter().map(|(known, _)| *known).collect();
        let message =
            format!("Invalid currency: {currency}. It must be one of {}", known.join(", "));
        return Err(ApiError::invalid(&message).with("param", json!("currency")));
    };
    if amount < *minimum {
        let message = format!("Amount must be at least {minimum} {currency}");
        return Err(ApiError::parameter("amount_too_small", "amount", &message));
    }
    if amount > MAX_AMOUNT {
        let message = format!("Amount must be no more than {MAX_AMOUNT} {currency}");
        return Err(ApiError::parameter("amount_too_large", "amount", &message));
    }
    Ok((amount, currency))
}

fn payment_method(params: &Params) -> Result<Option<&'static Card>, ApiError> {
    let Some(token) = params.text("payment_method") else { return Ok(None) };
    let missing = || ApiError::missing(400, "payment_method", "PaymentMethod", token);
    cards::find(token).map(Some).ok_or_else(missing)
}

fn automatic_methods(params: &Params) -> Result<Option<&'static str>, ApiError> {
    if !params.boolean("automatic_payment_methods[enabled]")? {
        return Ok(None);
    }
    let redirects =
        params.one_of("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
    Ok(Some(redirects.unwrap_or("always")))
}
