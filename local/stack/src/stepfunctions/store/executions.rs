//! Executions in the store: how they began, what they were told, how they ended.

use asl::{Event, ExecutionStatus, StartParameters};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// The key of an execution in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::stepfunctions) struct Id(i64);

impl Id {
    pub(in crate::stepfunctions) fn of(number: i64) -> Self {
        Self(number)
    }

    pub(in crate::stepfunctions) fn number(self) -> i64 {
        self.0
    }
}

/// How an execution was asked for, beyond what it can see itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::stepfunctions) struct About {
    /// The version that was named, by its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) version: Option<String>,
    /// The alias that was named, by its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) alias: Option<String>,
    /// The caller's trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) trace_header: Option<String>,
    /// The attempt of another execution that asked for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) parent: Option<String>,
}

/// An execution to be written down for the first time.
#[derive(Debug)]
pub(in crate::stepfunctions) struct New {
    pub(in crate::stepfunctions) id: Id,
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) start: StartParameters,
    pub(in crate::stepfunctions) about: About,
    pub(in crate::stepfunctions) started_at: Timestamp,
    /// What it was told and became at once.
    pub(in crate::stepfunctions) first: Step,
}

/// What an execution was told in one go, and what follows for its row.
#[derive(Debug, Default)]
pub(in crate::stepfunctions) struct Step {
    /// The number of the first of the events.
    pub(in crate::stepfunctions) seq: u64,
    pub(in crate::stepfunctions) events: Vec<(Event, Timestamp)>,
    /// Tokens by which it can be answered from now on.
    pub(in crate::stepfunctions) tokens: Vec<String>,
    /// When it was redriven, where this is a redrive.
    pub(in crate::stepfunctions) redriven_at: Option<Timestamp>,
    /// The caller's token of the redrive.
    pub(in crate::stepfunctions) redrive_token: Option<String>,
    /// Set when it ended.
    pub(in crate::stepfunctions) ended: Option<Ended>,
}

/// How an execution ended, and when.
#[derive(Debug, Clone)]
pub(in crate::stepfunctions) struct Ended {
    pub(in crate::stepfunctions) status: ExecutionStatus,
    pub(in crate::stepfunctions) at: Timestamp,
}

/// The row of an execution.
#[derive(Debug, Clone)]
pub(in crate::stepfunctions) struct Record {
    pub(in crate::stepfunctions) id: Id,
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) start: StartParameters,
    pub(in crate::stepfunctions) about: About,
    pub(in crate::stepfunctions) started_at: Timestamp,
    pub(in crate::stepfunctions) status: String,
    pub(in crate::stepfunctions) stopped_at: Option<Timestamp>,
    pub(in crate::stepfunctions) output: Option<String>,
    pub(in crate::stepfunctions) error: Option<String>,
    pub(in crate::stepfunctions) cause: Option<String>,
    pub(in crate::stepfunctions) redrives: u64,
    pub(in crate::stepfunctions) redriven_at: Option<Timestamp>,
    pub(in crate::stepfunctions) redrive_token: Option<String>,
}

/// Which executions are asked for; the newest come first.
#[derive(Debug, Clone, Default)]
pub(in crate::stepfunctions) struct Query {
    pub(in crate::stepfunctions) machine: String,
    /// Only those begun by this version or alias, by its ARN.
    pub(in crate::stepfunctions) by: Option<String>,
    pub(in crate::stepfunctions) status: Option<String>,
    /// Only those that were, or were not, redriven.
    pub(in crate::stepfunctions) redriven: Option<bool>,
    /// Those after this one, which was the last of the page before.
    pub(in crate::stepfunctions) after: Option<Place>,
    pub(in crate::stepfunctions) limit: usize,
}

/// The place of an execution in the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stepfunctions) struct Place {
    pub(in crate::stepfunctions) started_at: i64,
    pub(in crate::stepfunctions) id: i64,
}

impl Record {
    pub(in crate::stepfunctions) fn is_running(&self) -> bool {
        self.status == RUNNING
    }

    pub(in crate::stepfunctions) fn place(&self) -> Place {
        Place { started_at: milliseconds(self.started_at), id: self.id.0 }
    }
}

/// The name of the status that is not an end.
pub(in crate::stepfunctions) const RUNNING: &str = "RUNNING";

/// AWS's name of a status.
pub(in crate::stepfunctions) fn status_name(status: &ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Running => RUNNING,
        ExecutionStatus::Succeeded { .. } => "SUCCEEDED",
        ExecutionStatus::Failed { .. } => "FAILED",
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Aborted { .. } => "ABORTED",
    }
}

impl Store {
    /// Writes down a new execution, unless its name is taken: then by which.
    pub(in crate::stepfunctions) async fn begin(
        &self,
        new: New,
    ) -> Result<Option<Box<Record>>, StoreError> {
        self.run(move |connection| {
            let start = &new.start;
            let taken = find(connection, &start.state_machine_name, &start.execution_name)?;
            if taken.is_none() {
                insert(connection, &new)?;
                write_step(connection, new.id, &new.first)?;
            }
            Ok(taken.map(Box::new))
        })
        .await
    }

    /// A key that no execution has, nor any after it.
    pub(in crate::stepfunctions) async fn next_id(&self) -> Result<Id, StoreError> {
        self.run(|connection| {
            let text = "SELECT COALESCE(MAX(id), 0) + 1 FROM executions";
            Ok(connection.query_row(text, [], |row| row.get(0).map(Id))?)
        })
        .await
    }

    /// Writes down what an execution was told.
    pub(in crate::stepfunctions) async fn append(
        &self,
        id: Id,
        step: Step,
    ) -> Result<(), StoreError> {
        self.run(move |connection| write_step(connection, id, &step)).await
    }

    /// The execution of that name.
    pub(in crate::stepfunctions) async fn find(
        &self,
        machine: String,
        name: String,
    ) -> Result<Option<Record>, StoreError> {
        self.run(move |connection| find(connection, &machine, &name)).await
    }

    /// An execution with everything that it was told, in order.
    pub(in crate::stepfunctions) async fn load(
        &self,
        id: Id,
    ) -> Result<(Record, Vec<(Event, Timestamp)>), StoreError> {
        self.run(move |connection| Ok((get(connection, id)?, events(connection, id)?))).await
    }

    /// The execution that this token answers, or once answered.
    pub(in crate::stepfunctions) async fn by_token(
        &self,
        token: String,
    ) -> Result<Option<Id>, StoreError> {
        self.run(move |connection| {
            let mut query =
                connection.prepare_cached("SELECT execution FROM tokens WHERE token = ?1")?;
            Ok(query.query_row([token], |row| row.get(0)).optional()?.map(Id))
        })
        .await
    }

    /// All executions that have not ended, oldest first.
    pub(in crate::stepfunctions) async fn running(&self) -> Result<Vec<Id>, StoreError> {
        self.run(|connection| {
            let mut query = connection
                .prepare("SELECT id FROM executions WHERE status = 'RUNNING' ORDER BY id")?;
            let ids = query.query_map([], |row| row.get(0).map(Id))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many executions of a machine have not ended.
    pub(in crate::stepfunctions) async fn running_of(
        &self,
        machine: String,
    ) -> Result<u64, StoreError> {
        self.run(move |connection| {
            let text = "SELECT COUNT(*) FROM executions WHERE machine = ?1 AND status = 'RUNNING'";
            let count: i64 = connection.query_row(text, [machine], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    /// A page of a list, newest first.
    pub(in crate::stepfunctions) async fn list(
        &self,
        query: Query,
    ) -> Result<Vec<Record>, StoreError> {
        self.run(move |connection| list(connection, &query)).await
    }
}

fn insert(connection: &Connection, new: &New) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO executions (id, machine, name, revision, start, about, started_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'RUNNING')",
    )?;
    insert.execute(params![
        new.id.0,
        new.start.state_machine_name,
        new.start.execution_name,
        new.revision,
        serde_json::to_string(&new.start)?,
        serde_json::to_string(&new.about)?,
        milliseconds(new.started_at),
    ])?;
    Ok(())
}

fn write_step(connection: &Connection, id: Id, step: &Step) -> Result<(), StoreError> {
    let mut insert = connection
        .prepare_cached("INSERT INTO events (execution, seq, at, event) VALUES (?1, ?2, ?3, ?4)")?;
    for (seq, (event, at)) in (step.seq..).zip(&step.events) {
        let event = serde_json::to_string(event)?;
        insert.execute(params![id.0, seq.cast_signed(), milliseconds(*at), event])?;
    }
    let mut token = connection
        .prepare_cached("INSERT OR IGNORE INTO tokens (token, execution) VALUES (?1, ?2)")?;
    for text in &step.tokens {
        token.execute(params![text, id.0])?;
    }
    if let Some(at) = step.redriven_at {
        write_redrive(connection, id, at, step.redrive_token.as_deref())?;
    }
    step.ended.iter().try_for_each(|ended| write_end(connection, id, ended))
}

fn write_redrive(
    connection: &Connection,
    id: Id,
    at: Timestamp,
    token: Option<&str>,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE executions SET status = 'RUNNING', stopped_at = NULL, error = NULL, cause = NULL,
         redrives = redrives + 1, redriven_at = ?2, redrive_token = ?3 WHERE id = ?1",
        params![id.0, milliseconds(at), token],
    )?;
    Ok(())
}

fn write_end(connection: &Connection, id: Id, ended: &Ended) -> Result<(), StoreError> {
    let (output, error, cause) = match &ended.status {
        ExecutionStatus::Succeeded { output } => (Some(output), None, None),
        ExecutionStatus::Failed { error, cause } | ExecutionStatus::Aborted { error, cause } => {
            (None, error.as_ref(), cause.as_ref())
        }
        ExecutionStatus::TimedOut | ExecutionStatus::Running => (None, None, None),
    };
    let mut update = connection.prepare_cached(
        "UPDATE executions SET status = ?2, stopped_at = ?3, output = ?4, error = ?5, cause = ?6
         WHERE id = ?1",
    )?;
    let at = milliseconds(ended.at);
    update.execute(params![id.0, status_name(&ended.status), at, output, error, cause])?;
    Ok(())
}

/// The columns of a [`Record`], in the order in which [`record`] reads them.
const COLUMNS: &str = "SELECT id, revision, start, about, started_at, status, stopped_at, output,
    error, cause, redrives, redriven_at, redrive_token FROM executions";

fn get(connection: &Connection, id: Id) -> Result<Record, StoreError> {
    let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    query.query_row([id.0], |row| Ok(record(row)))?
}

fn find(connection: &Connection, machine: &str, name: &str) -> Result<Option<Record>, StoreError> {
    let text = format!("{COLUMNS} WHERE machine = ?1 AND name = ?2");
    let mut query = connection.prepare_cached(&text)?;
    query.query_row([machine, name], |row| Ok(record(row))).optional()?.transpose()
}

fn list(connection: &Connection, query: &Query) -> Result<Vec<Record>, StoreError> {
    let text = format!(
        "{COLUMNS} WHERE machine = ?1
         AND (?2 IS NULL OR status = ?2)
         AND (?3 IS NULL OR (redrives > 0) = ?3)
         AND (?4 IS NULL OR about ->> 'version' = ?4 OR about ->> 'alias' = ?4)
         AND (?5 IS NULL OR (started_at, id) < (?5, ?6))
         ORDER BY started_at DESC, id DESC LIMIT ?7"
    );
    let mut select = connection.prepare_cached(&text)?;
    let rows = select.query_map(
        params![
            query.machine,
            query.status,
            query.redriven,
            query.by,
            query.after.map(|place| place.started_at),
            query.after.map(|place| place.id),
            i64::try_from(query.limit).unwrap_or(i64::MAX),
        ],
        |row| Ok(record(row)),
    )?;
    rows.map(|row| row?).collect()
}

fn events(connection: &Connection, id: Id) -> Result<Vec<(Event, Timestamp)>, StoreError> {
    let text = "SELECT at, event FROM events WHERE execution = ?1 ORDER BY seq";
    let mut query = connection.prepare_cached(text)?;
    let rows =
        query.query_map([id.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (at, event) = row?;
        Ok((serde_json::from_str(&event)?, timestamp(at)))
    })
    .collect()
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        id: Id(row.get(0)?),
        revision: row.get(1)?,
        start: serde_json::from_str(&row.get::<_, String>(2)?)?,
        about: serde_json::from_str(&row.get::<_, String>(3)?)?,
        started_at: timestamp(row.get(4)?),
        status: row.get(5)?,
        stopped_at: row.get::<_, Option<i64>>(6)?.map(timestamp),
        output: row.get(7)?,
        error: row.get(8)?,
        cause: row.get(9)?,
        redrives: row.get::<_, i64>(10)?.unsigned_abs(),
        redriven_at: row.get::<_, Option<i64>>(11)?.map(timestamp),
        redrive_token: row.get(12)?,
    })
}

/// The time as the store and AWS know it: to the millisecond. Executions are told
/// no finer time, so that a replay sees what was seen.
pub(in crate::stepfunctions) fn to_the_millisecond(at: Timestamp) -> Timestamp {
    timestamp(milliseconds(at))
}

fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
