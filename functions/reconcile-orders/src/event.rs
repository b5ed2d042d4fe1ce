//! The input and the sweep's output of `reconcile-orders` as JSON.
//!
//! The input is an event of one of the two schedules, an execution's status change, or an
//! invocation by hand; the [crate documentation](crate) lists them. An error message names
//! the malformed field, never its value.

use domain::{ErrorName, ExecutionName, OrderId, StepError, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

/// The `detail-type` of a schedule's event.
const SCHEDULED_EVENT: &str = "Scheduled Event";
/// The `detail-type` of an execution's status change.
const STATUS_CHANGE: &str = "Step Functions Execution Status Change";
/// The statuses of an ended execution. The template's rule selects no others.
const ENDED: [&str; 4] = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
/// How the name of the template's every-minute schedule ends.
const SWEEP_RULE_SUFFIX: &str = "-open-orders";
/// How the name of the template's daily schedule ends.
const RECONCILIATION_RULE_SUFFIX: &str = "-compare-books";

/// A parsed input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What to do.
    pub operation: Operation,
    /// The present, if the input has it.
    pub at: Option<Timestamp>,
}

/// An operation of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Inspect open orders. Named `look` in an input.
    Sweep(Scope),
    /// Compare the ledgers. Named `compare` in an input.
    Reconcile,
}

/// The orders that a sweep covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The open orders that are due, and the backorders.
    Due,
    /// This order, due or not.
    Order(OrderId),
    /// This order, due or not: an event says that this execution of it ended.
    Ended(OrderId, ExecutionName),
    /// No order: the ended execution does not belong to one.
    Nothing,
}

impl Event {
    /// Parses an input.
    ///
    /// # Errors
    ///
    /// `InvalidRequest`, with the name of the malformed field.
    pub fn parse(input: &Value) -> Result<Self, StepError> {
        if !input.is_object() {
            return Err(invalid("the input must be an object"));
        }
        let operation = match text(input, "detail-type")? {
            Some(SCHEDULED_EVENT) => scheduled_operation(input)?,
            Some(STATUS_CHANGE) => Operation::Sweep(ended_execution(input)?),
            Some(_) => {
                let expected = format!("`{SCHEDULED_EVENT}` or `{STATUS_CHANGE}`");
                return Err(invalid(&format!("`detail-type` must be {expected}")));
            }
            None => manual_operation(input)?,
        };
        let at = text(input, "time")?
            .map(str::parse)
            .transpose()
            .map_err(|error| invalid(&format!("`time` is {error}")))?;
        Ok(Self { operation, at })
    }
}

/// The name of the rule tells the two schedules apart.
fn scheduled_operation(input: &Value) -> Result<Operation, StepError> {
    match input["resources"][0].as_str() {
        Some(rule) if rule.ends_with(SWEEP_RULE_SUFFIX) => Ok(Operation::Sweep(Scope::Due)),
        Some(rule) if rule.ends_with(RECONCILIATION_RULE_SUFFIX) => Ok(Operation::Reconcile),
        _ => Err(invalid("`resources` must name a schedule of this function")),
    }
}

fn ended_execution(input: &Value) -> Result<Scope, StepError> {
    let name = input["detail"]["name"].as_str().map(ExecutionName::parse);
    let Some(Ok(name)) = name else {
        return Err(invalid("`detail.name` must be the name of an execution"));
    };
    let order = OrderId::from_execution_name(&name);
    let status = input["detail"]["status"].as_str();
    Ok(match order {
        Some((id, _)) if status.is_some_and(|status| ENDED.contains(&status)) => {
            Scope::Ended(id, name)
        }
        Some((id, _)) => Scope::Order(id),
        None => Scope::Nothing,
    })
}

fn manual_operation(input: &Value) -> Result<Operation, StepError> {
    let order = text(input, "orderId")?
        .map(OrderId::parse)
        .transpose()
        .map_err(|error| invalid(&format!("`orderId` {error}")))?;
    match text(input, "operation")? {
        None | Some("look") => Ok(Operation::Sweep(order.map_or(Scope::Due, Scope::Order))),
        Some("compare") => Ok(Operation::Reconcile),
        Some(_) => Err(invalid("`operation` must be `look` or `compare`")),
    }
}

fn text<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, StepError> {
    match &input[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(invalid(&format!("`{name}` must be a string"))),
    }
}

fn invalid(detail: &str) -> StepError {
    ErrorName::InvalidRequest.with_detail(detail)
}

/// The output of a sweep: what it did, as counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepOutput {
    /// Orders inspected.
    #[serde(rename = "looked")]
    pub inspected: u32,
    /// Missing executions started.
    pub started: u32,
    /// Orders restarted under a new execution because the old one had ended.
    #[serde(rename = "takenOver")]
    pub restarted: u32,
    /// Recorded decisions delivered to a waiting task.
    #[serde(rename = "answered")]
    pub delivered: u32,
    /// Backorders resumed.
    #[serde(rename = "woken")]
    pub resumed: u32,
    /// Closed orders finalized: no sweep inspects them again.
    #[serde(rename = "settled")]
    pub finalized: u32,
    /// Final orders whose personal data was removed.
    pub erased: u32,
    /// Times that attention was raised for an operator.
    pub raised: u32,
    /// Orders that could not be processed and are inspected again later.
    pub failed: u32,
    /// Orders that were postponed because a provider that they need fails in this sweep.
    pub deferred: u32,
    /// How many seconds the order that was inspected latest had been due. A metric, not
    /// part of the output.
    #[serde(skip)]
    pub delay_seconds: u64,
}

impl std::ops::AddAssign for SweepOutput {
    fn add_assign(&mut self, other: Self) {
        self.inspected += other.inspected;
        self.started += other.started;
        self.restarted += other.restarted;
        self.delivered += other.delivered;
        self.resumed += other.resumed;
        self.finalized += other.finalized;
        self.erased += other.erased;
        self.raised += other.raised;
        self.failed += other.failed;
        self.deferred += other.deferred;
        self.delay_seconds = self.delay_seconds.max(other.delay_seconds);
    }
}

impl From<SweepOutput> for Value {
    fn from(output: SweepOutput) -> Self {
        json!(output)
    }
}
