//! What is to go wrong: a plan of faults, each at one point, at the how-manieth call.
//!
//! A [`Plan`] is data and counting, nothing else: [`Plan::decide`] counts one call and
//! says which fault it meets; whoever asked makes it happen. It knows no provider, only
//! the [`Point`]s it was given, so the stack uses it for `store.*`, `function.*` and
//! `states.*` as the look-alikes do for theirs.
//!
//! It promises:
//! - Calls are counted for each order and each point, from 1, from the first call that
//!   was ever made; clearing the faults does not set the counts back.
//! - `calls: {from, to}` names the calls `from` to `to`, both included. Without `to` it is
//!   every call from `from` on. Without `calls` it is every call.
//! - Of several faults that fit, the first in the plan's order is met.
//! - Every kind counts how often it was met, over the plan's whole life.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most faults that one plan holds.
const FAULTS_AT_MOST: usize = 1_000;
/// The longest delay of an answer, in milliseconds: ten minutes.
const DELAY_AT_MOST_MS: u64 = 600_000;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A business refusal, in the provider's own words.
    #[serde(rename = "refuse")]
    Refuse,
    /// The connection is refused: no answer, no effect.
    #[serde(rename = "down")]
    Down,
    /// The request is taken and swallowed: no answer, no effect.
    #[serde(rename = "hang")]
    Hang,
    /// The effect at once, the answer `delayMs` later.
    #[serde(rename = "late")]
    Late,
    /// A message that nobody waits for is lost.
    #[serde(rename = "drop")]
    Drop,
    /// The effect, then the connection is closed without an answer.
    #[serde(rename = "drop-answer")]
    DropAnswer,
    /// 429, without effect.
    #[serde(rename = "429")]
    TooMany,
    /// 500, without effect.
    #[serde(rename = "500")]
    ServerError,
    /// 500, although the effect was had.
    #[serde(rename = "500-with-effect")]
    ServerErrorWithEffect,
    /// The effect, then an answer that is not what it says it is.
    #[serde(rename = "garbage")]
    Garbage,
    /// The store's, the function host's or the state machine's throttling.
    #[serde(rename = "throttle")]
    Throttle,
    /// The store's transaction conflict.
    #[serde(rename = "conflict")]
    Conflict,
    /// A process dies: the function; at a provider's point the caller, after the effect.
    #[serde(rename = "kill")]
    Kill,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 13] = [
        Self::Refuse,
        Self::Down,
        Self::Hang,
        Self::Late,
        Self::Drop,
        Self::DropAnswer,
        Self::TooMany,
        Self::ServerError,
        Self::ServerErrorWithEffect,
        Self::Garbage,
        Self::Throttle,
        Self::Conflict,
        Self::Kill,
    ];

    /// Its name in a plan.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Down => "down",
            Self::Hang => "hang",
            Self::Late => "late",
            Self::Drop => "drop",
            Self::DropAnswer => "drop-answer",
            Self::TooMany => "429",
            Self::ServerError => "500",
            Self::ServerErrorWithEffect => "500-with-effect",
            Self::Garbage => "garbage",
            Self::Throttle => "throttle",
            Self::Conflict => "conflict",
            Self::Kill => "kill",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A place where a plan may let a call go wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its name; where it ends with a full stop, any name may follow (`store.GetItem`).
    pub name: &'static str,
    /// The kinds that can be made to happen there.
    pub kinds: &'static [Kind],
}

impl Point {
    fn covers(&self, at: &str) -> bool {
        if self.name.ends_with('.') {
            at.strip_prefix(self.name).is_some_and(|rest| !rest.is_empty())
        } else {
            at == self.name
        }
    }
}

/// Which calls of an order at a point: the how-manieth, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// The first call that is met.
    pub from: u64,
    /// The last one; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

impl Calls {
    /// Every call.
    pub const EVERY: Self = Self { from: 1, to: None };

    /// The `nth` call only.
    pub const fn only(nth: u64) -> Self {
        Self { from: nth, to: Some(nth) }
    }

    fn hold(self, nth: u64) -> bool {
        self.from <= nth && self.to.is_none_or(|to| nth <= to)
    }
}

/// One thing that is to go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The point's name.
    pub at: String,
    /// Which calls.
    pub calls: Calls,
    /// What goes wrong.
    pub kind: Kind,
    /// How late the answer is, in real milliseconds; only for [`Kind::Late`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// The order whose calls it concerns; absent: every order's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

impl Fault {
    /// A fault of every order.
    pub fn new(at: &str, calls: Calls, kind: Kind) -> Self {
        Self { at: at.to_owned(), calls, kind, delay_ms: None, order: None }
    }

    /// The same, for one order.
    #[must_use]
    pub fn of(mut self, order: &str) -> Self {
        self.order = Some(order.to_owned());
        self
    }

    /// The same, with an answer `delay_ms` late.
    #[must_use]
    pub fn delayed(mut self, delay_ms: u64) -> Self {
        self.delay_ms = Some(delay_ms);
        self
    }

    /// Reads a list of faults, or `{"faults": […]}`. What it holds is checked against the
    /// points when it is added to a plan.
    pub fn parse_list(value: &Value) -> Result<Vec<Self>, PlanError> {
        let list = match value {
            Value::Object(object) => match (object.len(), object.get("faults")) {
                (1, Some(list)) => list,
                _ => return Err(PlanError::new("", "must be a list, or {\"faults\": [...]}")),
            },
            list => list,
        };
        let list = list.as_array().ok_or_else(|| PlanError::new("faults", "must be a list"))?;
        list.iter()
            .enumerate()
            .map(|(n, fault)| Self::parse(fault, &format!("faults[{n}]")))
            .collect()
    }

    fn parse(value: &Value, field: &str) -> Result<Self, PlanError> {
        let object = object(value, field, &["at", "calls", "kind", "delayMs", "order"])?;
        let kind = text(object, field, "kind")?
            .ok_or_else(|| PlanError::new(&format!("{field}.kind"), "is missing"))?;
        let known = || Kind::ALL.map(Kind::name).join(", ");
        Ok(Self {
            at: text(object, field, "at")?
                .ok_or_else(|| PlanError::new(&format!("{field}.at"), "is missing"))?,
            calls: parse_calls(object.get("calls"), &format!("{field}.calls"))?,
            kind: Kind::named(&kind).ok_or_else(|| {
                PlanError::new(
                    &format!("{field}.kind"),
                    &format!("{kind:?} is none of {}", known()),
                )
            })?,
            delay_ms: whole(object, field, "delayMs")?,
            order: text(object, field, "order")?,
        })
    }
}

fn parse_calls(value: Option<&Value>, field: &str) -> Result<Calls, PlanError> {
    let Some(value) = value else { return Ok(Calls::EVERY) };
    let object = object(value, field, &["from", "to"])?;
    let from = whole(object, field, "from")?
        .ok_or_else(|| PlanError::new(&format!("{field}.from"), "is missing"))?;
    Ok(Calls { from, to: whole(object, field, "to")? })
}

fn object<'a>(
    value: &'a Value,
    field: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, PlanError> {
    let object = value.as_object().ok_or_else(|| PlanError::new(field, "must be an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(PlanError::new(
            &format!("{field}.{key}"),
            &format!("is not known; the fields are {}", known.join(", ")),
        )),
        None => Ok(object),
    }
}

fn text(object: &Map<String, Value>, field: &str, name: &str) -> Result<Option<String>, PlanError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(PlanError::new(&format!("{field}.{name}"), "must be a text")),
    }
}

fn whole(object: &Map<String, Value>, field: &str, name: &str) -> Result<Option<u64>, PlanError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| {
            PlanError::new(&format!("{field}.{name}"), "must be a whole number, 0 or more")
        }),
    }
}

/// Why a plan was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}{}{reason}", if field.is_empty() { "" } else { ": " })]
pub struct PlanError {
    /// The field at fault, as a path: `faults[2].calls.from`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl PlanError {
    fn new(field: &str, reason: &str) -> Self {
        Self { field: field.to_owned(), reason: reason.to_owned() }
    }
}

#[derive(Debug, Clone)]
struct Planned {
    fault: Fault,
    met: u64,
}

/// The faults that are planned, and the calls that were counted.
#[derive(Debug, Clone)]
pub struct Plan {
    points: &'static [Point],
    faults: Vec<Planned>,
    calls: BTreeMap<Option<String>, BTreeMap<String, u64>>,
    met: BTreeMap<Kind, u64>,
}

impl Plan {
    /// An empty plan over these points.
    pub const fn new(points: &'static [Point]) -> Self {
        Self { points, faults: Vec::new(), calls: BTreeMap::new(), met: BTreeMap::new() }
    }

    /// Whether a fault at this point belongs in this plan.
    pub fn knows(&self, at: &str) -> bool {
        self.points.iter().any(|point| point.covers(at))
    }

    /// Adds faults after those that are there; all of them, or none and the first error.
    pub fn add(&mut self, faults: Vec<Fault>) -> Result<(), PlanError> {
        self.would_take(&faults)?;
        self.faults.extend(faults.into_iter().map(|fault| Planned { fault, met: 0 }));
        Ok(())
    }

    /// Whether [`Plan::add`] would take these faults.
    pub fn would_take(&self, faults: &[Fault]) -> Result<(), PlanError> {
        if self.faults.len() + faults.len() > FAULTS_AT_MOST {
            return Err(PlanError::new("faults", &format!("more than {FAULTS_AT_MOST}")));
        }
        for (n, fault) in faults.iter().enumerate() {
            self.check(fault, &format!("faults[{n}]"))?;
        }
        Ok(())
    }

    fn check(&self, fault: &Fault, field: &str) -> Result<(), PlanError> {
        let wrong =
            |name: &str, reason: &str| Err(PlanError::new(&format!("{field}.{name}"), reason));
        let Some(point) = self.points.iter().find(|point| point.covers(&fault.at)) else {
            let names: Vec<_> = self.points.iter().map(|point| point.name).collect();
            return wrong("at", &format!("{:?} is none of {}", fault.at, names.join(", ")));
        };
        if !point.kinds.contains(&fault.kind) {
            let names: Vec<_> = point.kinds.iter().map(|kind| kind.name()).collect();
            let reason = format!(
                "{} cannot happen at {}, only {}",
                fault.kind.name(),
                fault.at,
                names.join(", ")
            );
            return wrong("kind", &reason);
        }
        if fault.calls.from == 0 {
            return wrong("calls.from", "must be 1 or more: the first call is 1");
        }
        if fault.calls.to.is_some_and(|to| to < fault.calls.from) {
            return wrong("calls.to", "must not be less than from");
        }
        match (fault.kind, fault.delay_ms) {
            (Kind::Late, None) => wrong("delayMs", "is missing: how late?"),
            (Kind::Late, Some(delay)) if delay > DELAY_AT_MOST_MS => {
                wrong("delayMs", &format!("must be {DELAY_AT_MOST_MS} or less"))
            }
            (Kind::Late, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => wrong("delayMs", "only goes with kind late"),
        }
    }

    /// Takes every fault away. The counts stay.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// Counts one call of `order` at `point`, and says which fault it meets.
    pub fn decide(&mut self, point: &str, order: Option<&str>) -> Option<Fault> {
        self.decide_among(point, order, |_| true)
    }

    /// The same, passing over the kinds that cannot happen to this call.
    pub fn decide_among(
        &mut self,
        point: &str,
        order: Option<&str>,
        can_happen: impl Fn(Kind) -> bool,
    ) -> Option<Fault> {
        let nth = self.count(point, order);
        let planned = self.faults.iter_mut().find(|planned| {
            let fault = &planned.fault;
            fault.at == point
                && fault.calls.hold(nth)
                && fault.order.as_deref().is_none_or(|only| Some(only) == order)
                && can_happen(fault.kind)
        })?;
        planned.met += 1;
        *self.met.entry(planned.fault.kind).or_default() += 1;
        Some(planned.fault.clone())
    }

    fn count(&mut self, point: &str, order: Option<&str>) -> u64 {
        let points = self.calls.entry(order.map(str::to_owned)).or_default();
        let nth = points.entry(point.to_owned()).or_default();
        *nth += 1;
        *nth
    }

    /// How many calls of `order` were counted at `point`.
    pub fn calls(&self, point: &str, order: Option<&str>) -> u64 {
        let points = self.calls.get(&order.map(str::to_owned));
        points.and_then(|points| points.get(point)).copied().unwrap_or(0)
    }

    /// How many calls of `order` were counted at each point.
    pub fn calls_of(&self, order: &str) -> BTreeMap<String, u64> {
        self.calls.get(&Some(order.to_owned())).cloned().unwrap_or_default()
    }

    /// How many calls were counted at each point, over all orders.
    pub fn calls_in_all(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (point, calls) in self.calls.values().flatten() {
            *sum.entry(point.clone()).or_default() += calls;
        }
        sum
    }

    /// How often each kind was met, over the plan's whole life; kinds never met are absent.
    pub fn met(&self) -> &BTreeMap<Kind, u64> {
        &self.met
    }

    /// The faults that are planned, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().map(|planned| &planned.fault)
    }

    /// The plan as it is shown: each fault with how often it was met, and the counts.
    pub fn to_json(&self) -> Value {
        let faults: Vec<Value> = self.faults.iter().map(Planned::to_json).collect();
        let met: Map<String, Value> =
            self.met.iter().map(|(kind, met)| (kind.name().to_owned(), json!(met))).collect();
        json!({ "faults": faults, "met": met, "calls": self.calls_in_all() })
    }
}

impl Planned {
    fn to_json(&self) -> Value {
        let mut shown =
            json!({ "at": self.fault.at, "calls": self.fault.calls, "kind": self.fault.kind });
        if let Some(delay) = self.fault.delay_ms {
            shown["delayMs"] = json!(delay);
        }
        if let Some(order) = &self.fault.order {
            shown["order"] = json!(order);
        }
        shown["met"] = json!(self.met);
        shown
    }
}
