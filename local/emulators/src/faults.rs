//! Plans of injected faults: which call fails, at which fault point, and how.
//!
//! [`FaultPlan::next_fault`] counts one call and returns the fault that it meets; the caller then
//! makes the fault happen. The plan knows only its [`FaultPoint`]s, so the stack also uses it for
//! `store.*`, `function.*` and `states.*`.
//!
//! It guarantees:
//! - Calls are counted from 1 for each order and fault point. Clearing the faults keeps the counts.
//! - `calls: {from, to}` selects the calls `from` to `to`, both included. Without `to` it selects
//!   every call from `from` on; without `calls`, every call.
//! - With `times`, a fault meets at most that many calls, whichever they are: so it also fits an
//!   order that has made calls before.
//! - If several faults match, the first in the plan is triggered.
//! - A webhook event counts as a call at `gateway.webhook` or `carrier.webhook`.
//! - The plan counts how often each kind was triggered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The maximum number of faults in a plan.
const MAX_FAULTS: usize = 1_000;
/// The maximum delay of a response, in milliseconds: ten minutes.
const MAX_DELAY_MS: u64 = 600_000;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaultKind {
    /// The provider rejects the call by its business rules.
    #[serde(rename = "refuse")]
    Reject,
    /// The connection is refused: no response, no effect.
    #[serde(rename = "down")]
    ConnectionRefused,
    /// The connection stays open: no response, no effect.
    #[serde(rename = "hang")]
    Hang,
    /// The effect happens at once; the response comes `delayMs` later.
    #[serde(rename = "late")]
    Delay,
    /// No carrier answers the shipping provider: a shipment without rates.
    #[serde(rename = "no-rates")]
    NoRates,
    /// A message without a response is lost.
    #[serde(rename = "drop")]
    Drop,
    /// A message without a response is delivered twice.
    #[serde(rename = "repeat")]
    Repeat,
    /// The effect happens; then the connection closes without a response.
    #[serde(rename = "drop-answer")]
    DropResponse,
    /// The connection closes without a response; the effect happens right after the next
    /// look-up of the order, which still shows none. Only at Stripe.
    #[serde(rename = "late-effect")]
    LateEffect,
    /// 429, without the effect.
    #[serde(rename = "429")]
    TooManyRequests,
    /// 401, without the effect: the provider does not accept the API key.
    #[serde(rename = "401")]
    Unauthorized,
    /// 402, without the effect: the account at the provider has no funds.
    #[serde(rename = "402")]
    PaymentRequired,
    /// 403, without the effect: the API key may not make this call.
    #[serde(rename = "403")]
    Forbidden,
    /// 500, without the effect.
    #[serde(rename = "500")]
    ServerError,
    /// 500, after the effect.
    #[serde(rename = "500-with-effect")]
    ServerErrorAfterEffect,
    /// The effect happens; then the client gets a malformed response.
    #[serde(rename = "garbage")]
    MalformedResponse,
    /// Throttling by the store, the function host or the state machine.
    #[serde(rename = "throttle")]
    Throttle,
    /// A transaction conflict of the store.
    #[serde(rename = "conflict")]
    Conflict,
    /// A process is killed: the function, or, at a provider's fault point, the caller after the
    /// effect.
    #[serde(rename = "kill")]
    Kill,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::Reject,
        Self::ConnectionRefused,
        Self::Hang,
        Self::Delay,
        Self::NoRates,
        Self::Drop,
        Self::Repeat,
        Self::DropResponse,
        Self::LateEffect,
        Self::TooManyRequests,
        Self::Unauthorized,
        Self::PaymentRequired,
        Self::Forbidden,
        Self::ServerError,
        Self::ServerErrorAfterEffect,
        Self::MalformedResponse,
        Self::Throttle,
        Self::Conflict,
        Self::Kill,
    ];

    /// The name in a plan.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reject => "refuse",
            Self::ConnectionRefused => "down",
            Self::Hang => "hang",
            Self::Delay => "late",
            Self::NoRates => "no-rates",
            Self::Drop => "drop",
            Self::Repeat => "repeat",
            Self::DropResponse => "drop-answer",
            Self::LateEffect => "late-effect",
            Self::TooManyRequests => "429",
            Self::Unauthorized => "401",
            Self::PaymentRequired => "402",
            Self::Forbidden => "403",
            Self::ServerError => "500",
            Self::ServerErrorAfterEffect => "500-with-effect",
            Self::MalformedResponse => "garbage",
            Self::Throttle => "throttle",
            Self::Conflict => "conflict",
            Self::Kill => "kill",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A place where calls can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultPoint {
    /// The name. If it ends with a full stop, any suffix may follow (`store.GetItem`).
    pub name: &'static str,
    /// The kinds that can happen here.
    pub kinds: &'static [FaultKind],
}

impl FaultPoint {
    fn covers(&self, at: &str) -> bool {
        if self.name.ends_with('.') {
            at.strip_prefix(self.name).is_some_and(|rest| !rest.is_empty())
        } else {
            at == self.name
        }
    }
}

/// Which calls of an order at a fault point, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRange {
    /// The first call.
    pub from: u64,
    /// The last call; `None` means no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

impl CallRange {
    /// Every call.
    pub const ALL: Self = Self { from: 1, to: None };

    /// Only the `nth` call.
    pub const fn nth(nth: u64) -> Self {
        Self { from: nth, to: Some(nth) }
    }

    fn contains(self, nth: u64) -> bool {
        self.from <= nth && self.to.is_none_or(|to| nth <= to)
    }
}

/// One planned fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The name of the fault point.
    #[serde(rename = "at")]
    pub point: String,
    /// Which calls.
    pub calls: CallRange,
    /// How they fail.
    pub kind: FaultKind,
    /// The most calls that the fault meets; `None` means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The delay of the response, in real milliseconds; only for [`FaultKind::Delay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// The order whose calls fail; `None` means every order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

impl Fault {
    /// A fault for every order.
    pub fn new(point: &str, calls: CallRange, kind: FaultKind) -> Self {
        Self { point: point.to_owned(), calls, kind, times: None, delay_ms: None, order: None }
    }

    /// Limits the fault to one order.
    #[must_use]
    pub fn for_order(mut self, order: &str) -> Self {
        self.order = Some(order.to_owned());
        self
    }

    /// Sets the delay of the response.
    #[must_use]
    pub fn with_delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = Some(delay_ms);
        self
    }

    /// Parses a list of faults, or `{"faults": […]}`. [`FaultPlan::add`] checks them against the
    /// fault points.
    ///
    /// # Errors
    ///
    /// If a field is missing, unknown or of the wrong type.
    pub fn parse_list(value: &Value) -> Result<Vec<Self>, FaultPlanError> {
        let list = match value {
            Value::Object(object) => match (object.len(), object.get("faults")) {
                (1, Some(list)) => list,
                _ => return Err(FaultPlanError::new("", "must be a list, or {\"faults\": [...]}")),
            },
            list => list,
        };
        let list =
            list.as_array().ok_or_else(|| FaultPlanError::new("faults", "must be a list"))?;
        list.iter()
            .enumerate()
            .map(|(n, fault)| Self::parse(fault, &format!("faults[{n}]")))
            .collect()
    }

    fn parse(value: &Value, field: &str) -> Result<Self, FaultPlanError> {
        let object = object(value, field, &["at", "calls", "kind", "times", "delayMs", "order"])?;
        let kind = text(object, field, "kind")?
            .ok_or_else(|| FaultPlanError::new(&format!("{field}.kind"), "is missing"))?;
        let known = || FaultKind::ALL.map(FaultKind::name).join(", ");
        Ok(Self {
            point: text(object, field, "at")?
                .ok_or_else(|| FaultPlanError::new(&format!("{field}.at"), "is missing"))?,
            calls: parse_calls(object.get("calls"), &format!("{field}.calls"))?,
            kind: FaultKind::from_name(&kind).ok_or_else(|| {
                FaultPlanError::new(
                    &format!("{field}.kind"),
                    &format!("{kind:?} is none of {}", known()),
                )
            })?,
            times: integer(object, field, "times")?,
            delay_ms: integer(object, field, "delayMs")?,
            order: text(object, field, "order")?,
        })
    }
}

fn parse_calls(value: Option<&Value>, field: &str) -> Result<CallRange, FaultPlanError> {
    let Some(value) = value else { return Ok(CallRange::ALL) };
    let object = object(value, field, &["from", "to"])?;
    let from = integer(object, field, "from")?
        .ok_or_else(|| FaultPlanError::new(&format!("{field}.from"), "is missing"))?;
    Ok(CallRange { from, to: integer(object, field, "to")? })
}

fn object<'a>(
    value: &'a Value,
    field: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, FaultPlanError> {
    let object =
        value.as_object().ok_or_else(|| FaultPlanError::new(field, "must be an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(FaultPlanError::new(
            &format!("{field}.{key}"),
            &format!("is not known; the fields are {}", known.join(", ")),
        )),
        None => Ok(object),
    }
}

fn text(
    object: &Map<String, Value>,
    field: &str,
    name: &str,
) -> Result<Option<String>, FaultPlanError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(FaultPlanError::new(&format!("{field}.{name}"), "must be a string")),
    }
}

fn integer(
    object: &Map<String, Value>,
    field: &str,
    name: &str,
) -> Result<Option<u64>, FaultPlanError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| {
            FaultPlanError::new(&format!("{field}.{name}"), "must be a non-negative integer")
        }),
    }
}

/// Why a plan is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}{}{reason}", if field.is_empty() { "" } else { ": " })]
pub struct FaultPlanError {
    /// The path of the invalid field: `faults[2].calls.from`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FaultPlanError {
    fn new(field: &str, reason: &str) -> Self {
        Self { field: field.to_owned(), reason: reason.to_owned() }
    }
}

#[derive(Debug, Clone)]
struct PlannedFault {
    fault: Fault,
    triggered: u64,
}

impl PlannedFault {
    fn is_used_up(&self) -> bool {
        self.fault.times.is_some_and(|times| self.triggered >= times)
    }
}

/// The planned faults and the call counts.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    points: &'static [FaultPoint],
    faults: Vec<PlannedFault>,
    calls: BTreeMap<Option<String>, BTreeMap<String, u64>>,
    triggered: BTreeMap<FaultKind, u64>,
}

impl FaultPlan {
    /// An empty plan for these fault points.
    pub const fn new(points: &'static [FaultPoint]) -> Self {
        Self { points, faults: Vec::new(), calls: BTreeMap::new(), triggered: BTreeMap::new() }
    }

    /// Whether this plan has the fault point `at`.
    pub fn has_point(&self, at: &str) -> bool {
        self.points.iter().any(|point| point.covers(at))
    }

    /// Appends faults: all of them, or none.
    ///
    /// # Errors
    ///
    /// The first fault that is invalid for this plan.
    pub fn add(&mut self, faults: Vec<Fault>) -> Result<(), FaultPlanError> {
        self.validate(&faults)?;
        self.faults.extend(faults.into_iter().map(|fault| PlannedFault { fault, triggered: 0 }));
        Ok(())
    }

    /// Checks whether [`FaultPlan::add`] would accept these faults.
    ///
    /// # Errors
    ///
    /// The first fault that is invalid for this plan.
    pub fn validate(&self, faults: &[Fault]) -> Result<(), FaultPlanError> {
        if self.faults.len() + faults.len() > MAX_FAULTS {
            return Err(FaultPlanError::new("faults", &format!("more than {MAX_FAULTS}")));
        }
        for (n, fault) in faults.iter().enumerate() {
            self.check(fault, &format!("faults[{n}]"))?;
        }
        Ok(())
    }

    fn check(&self, fault: &Fault, field: &str) -> Result<(), FaultPlanError> {
        let invalid =
            |name: &str, reason: &str| Err(FaultPlanError::new(&format!("{field}.{name}"), reason));
        let Some(point) = self.points.iter().find(|point| point.covers(&fault.point)) else {
            let names: Vec<_> = self.points.iter().map(|point| point.name).collect();
            return invalid("at", &format!("{:?} is none of {}", fault.point, names.join(", ")));
        };
        if !point.kinds.contains(&fault.kind) {
            let names: Vec<_> = point.kinds.iter().map(|kind| kind.name()).collect();
            let reason = format!(
                "{} cannot happen at {}, only {}",
                fault.kind.name(),
                fault.point,
                names.join(", ")
            );
            return invalid("kind", &reason);
        }
        if fault.calls.from == 0 {
            return invalid("calls.from", "must be 1 or more: the first call is 1");
        }
        if fault.calls.to.is_some_and(|to| to < fault.calls.from) {
            return invalid("calls.to", "must not be less than from");
        }
        if fault.times == Some(0) {
            return invalid("times", "must be 1 or more");
        }
        match (fault.kind, fault.delay_ms) {
            (FaultKind::Delay, None) => invalid("delayMs", "is missing: kind late needs a delay"),
            (FaultKind::Delay, Some(delay)) if delay > MAX_DELAY_MS => {
                invalid("delayMs", &format!("must be {MAX_DELAY_MS} or less"))
            }
            (FaultKind::Delay, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => invalid("delayMs", "only goes with kind late"),
        }
    }

    /// Removes all faults. The counts stay.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// Removes the faults that are limited to this order. The counts stay.
    pub fn clear_order(&mut self, order: &str) {
        self.faults.retain(|planned| planned.fault.order.as_deref() != Some(order));
    }

    /// Counts one call of `order` at `point`, and returns the fault that it meets.
    pub fn next_fault(&mut self, point: &str, order: Option<&str>) -> Option<Fault> {
        self.next_fault_among(point, order, |_| true)
    }

    /// As [`FaultPlan::next_fault`], but skips kinds that cannot happen to this call.
    pub fn next_fault_among(
        &mut self,
        point: &str,
        order: Option<&str>,
        can_happen: impl Fn(FaultKind) -> bool,
    ) -> Option<Fault> {
        let nth = self.count(point, order);
        let planned = self.faults.iter_mut().find(|planned| {
            let fault = &planned.fault;
            fault.point == point
                && fault.calls.contains(nth)
                && !planned.is_used_up()
                && fault.order.as_deref().is_none_or(|only| Some(only) == order)
                && can_happen(fault.kind)
        })?;
        planned.triggered += 1;
        *self.triggered.entry(planned.fault.kind).or_default() += 1;
        Some(planned.fault.clone())
    }

    fn count(&mut self, point: &str, order: Option<&str>) -> u64 {
        let points = self.calls.entry(order.map(str::to_owned)).or_default();
        let nth = points.entry(point.to_owned()).or_default();
        *nth += 1;
        *nth
    }

    /// How many calls of `order` were counted at `point`.
    pub fn call_count(&self, point: &str, order: Option<&str>) -> u64 {
        let points = self.calls.get(&order.map(str::to_owned));
        points.and_then(|points| points.get(point)).copied().unwrap_or(0)
    }

    /// How many calls of `order` were counted at each point.
    pub fn order_call_counts(&self, order: &str) -> BTreeMap<String, u64> {
        self.calls.get(&Some(order.to_owned())).cloned().unwrap_or_default()
    }

    /// How many calls of all orders were counted at each point.
    pub fn call_counts(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (point, calls) in self.calls.values().flatten() {
            *sum.entry(point.clone()).or_default() += calls;
        }
        sum
    }

    /// How often each kind was triggered. A kind that never was is absent.
    pub fn triggered_counts(&self) -> &BTreeMap<FaultKind, u64> {
        &self.triggered
    }

    /// The faults that are limited to an order, each with how many calls it has met.
    pub fn of_order<'a>(&'a self, order: &'a str) -> impl Iterator<Item = (&'a Fault, u64)> + 'a {
        let planned = self.faults.iter().map(|planned| (&planned.fault, planned.triggered));
        planned.filter(move |(fault, _)| fault.order.as_deref() == Some(order))
    }

    /// The planned faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().map(|planned| &planned.fault)
    }

    /// The plan as JSON: each fault with its trigger count, and the totals.
    pub fn to_json(&self) -> Value {
        let faults: Vec<Value> = self.faults.iter().map(PlannedFault::to_json).collect();
        let triggered: Map<String, Value> = self
            .triggered
            .iter()
            .map(|(kind, triggered)| (kind.name().to_owned(), json!(triggered)))
            .collect();
        json!({ "faults": faults, "met": triggered, "calls": self.call_counts() })
    }
}

impl PlannedFault {
    fn to_json(&self) -> Value {
        let mut shown =
            json!({ "at": self.fault.point, "calls": self.fault.calls, "kind": self.fault.kind });
        if let Some(times) = self.fault.times {
            shown["times"] = json!(times);
        }
        if let Some(delay) = self.fault.delay_ms {
            shown["delayMs"] = json!(delay);
        }
        if let Some(order) = &self.fault.order {
            shown["order"] = json!(order);
        }
        shown["met"] = json!(self.triggered);
        shown
    }
}
