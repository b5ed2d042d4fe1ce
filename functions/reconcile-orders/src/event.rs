//! JSON in and out: the schedules' events, the end of an execution, and what a
//! person asks for by hand (`workflow.md`, sections 2 and 6).
//!
//! The time comes with the event. Unknown fields are ignored; what is wrong is
//! named by its field, never by its value.

use domain::{ErrorName, ExecutionName, OrderId, StepError, Timestamp};
use serde_json::{Value, json};

/// What the function is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Look after the open orders.
    Look(Which),
    /// Compare the books.
    Compare,
}

/// Which orders are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those that are due, and those that wait for stock.
    Due,
    /// This one, due or not.
    One(OrderId),
    /// None: the execution that ended was no order's.
    Nobodys,
}

/// An event, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What is to be done.
    pub operation: Operation,
    /// The time, if the event brings one.
    pub at: Option<Timestamp>,
}

/// What `EventBridge` calls the tick of a schedule.
const SCHEDULED: &str = "Scheduled Event";
/// What it calls the end of an execution.
const STATUS_CHANGED: &str = "Step Functions Execution Status Change";
/// How the names of the template's two schedules end.
const OPEN_ORDERS: &str = "-open-orders";
const COMPARE_BOOKS: &str = "-compare-books";

impl Event {
    /// Reads an event.
    pub fn parse(input: &Value) -> Result<Self, StepError> {
        if !input.is_object() {
            return Err(invalid("the input must be an object"));
        }
        let operation = match text(input, "detail-type")? {
            Some(SCHEDULED) => of_schedule(input)?,
            Some(STATUS_CHANGED) => of_execution(input)?,
            Some(_) => return Err(invalid("`detail-type` is none that this function knows")),
            None => by_hand(input)?,
        };
        let at = text(input, "time")?
            .map(str::parse)
            .transpose()
            .map_err(|error| invalid(&format!("`time` is {error}")))?;
        Ok(Self { operation, at })
    }
}

/// The two schedules are told apart by the name of their rule.
fn of_schedule(input: &Value) -> Result<Operation, StepError> {
    match input["resources"][0].as_str() {
        Some(rule) if rule.ends_with(OPEN_ORDERS) => Ok(Operation::Look(Which::Due)),
        Some(rule) if rule.ends_with(COMPARE_BOOKS) => Ok(Operation::Compare),
        _ => Err(invalid("`resources` names no schedule of this function")),
    }
}

fn of_execution(input: &Value) -> Result<Operation, StepError> {
    let name = input["detail"]["name"].as_str().map(ExecutionName::parse);
    let Some(Ok(name)) = name else {
        return Err(invalid("`detail.name` is missing, or is no name of an execution"));
    };
    let order = OrderId::from_execution_name(&name);
    Ok(Operation::Look(order.map_or(Which::Nobodys, |(id, _)| Which::One(id))))
}

fn by_hand(input: &Value) -> Result<Operation, StepError> {
    let order = text(input, "orderId")?
        .map(OrderId::parse)
        .transpose()
        .map_err(|error| invalid(&format!("`orderId` {error}")))?;
    match text(input, "operation")? {
        None | Some("look") => Ok(Operation::Look(order.map_or(Which::Due, Which::One))),
        Some("compare") => Ok(Operation::Compare),
        Some(_) => Err(invalid("`operation` is none of this function's")),
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

/// What came of looking, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Orders that were looked at.
    pub looked: u32,
    /// Executions that were missing, and were started.
    pub started: u32,
    /// Orders that were taken over from an execution that had ended.
    pub taken_over: u32,
    /// Waits that were told what is on record.
    pub answered: u32,
    /// Back-orders that were woken.
    pub woken: u32,
    /// Orders that need nobody any more.
    pub settled: u32,
    /// Times that a person was called.
    pub raised: u32,
    /// Orders that could not be looked after now.
    pub failed: u32,
}

impl std::ops::AddAssign for Looked {
    fn add_assign(&mut self, other: Self) {
        self.looked += other.looked;
        self.started += other.started;
        self.taken_over += other.taken_over;
        self.answered += other.answered;
        self.woken += other.woken;
        self.settled += other.settled;
        self.raised += other.raised;
        self.failed += other.failed;
    }
}

impl From<Looked> for Value {
    fn from(seen: Looked) -> Self {
        json!({
            "looked": seen.looked,
            "started": seen.started,
            "takenOver": seen.taken_over,
            "answered": seen.answered,
            "woken": seen.woken,
            "settled": seen.settled,
            "raised": seen.raised,
            "failed": seen.failed,
        })
    }
}
