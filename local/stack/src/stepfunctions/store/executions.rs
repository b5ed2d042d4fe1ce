//! Executions in the store: how they started, their events, and how they ended.

use asl::{Event, ExecutionStatus, StartParameters};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::stepfunctions::arn::ExecutionArn;

/// The id of an execution in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::stepfunctions) struct ExecutionId(i64);

impl ExecutionId {
    pub(in crate::stepfunctions) fn new(number: i64) -> Self {
        Self(number)
    }

    pub(in crate::stepfunctions) fn value(self) -> i64 {
        self.0
    }
}

/// The parts of a start request that the execution itself cannot see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::stepfunctions) struct StartContext {
    /// The ARN of the version in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) version: Option<String>,
    /// The ARN of the alias in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) alias: Option<String>,
    /// The caller's trace header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) trace_header: Option<String>,
    /// The task attempt of another execution that started this one as its child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stepfunctions) parent: Option<String>,
}

/// An execution to insert.
#[derive(Debug)]
pub(in crate::stepfunctions) struct NewExecution {
    pub(in crate::stepfunctions) id: ExecutionId,
    pub(in crate::stepfunctions) arn: ExecutionArn,
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) start: StartParameters,
    pub(in crate::stepfunctions) context: StartContext,
    pub(in crate::stepfunctions) started_at: Timestamp,
    /// The result of its start.
    pub(in crate::stepfunctions) first: ExecutionUpdate,
}

/// Events that one request or timer caused, and what they change in the execution's row.
#[derive(Debug, Default)]
pub(in crate::stepfunctions) struct ExecutionUpdate {
    /// The sequence number of the first event.
    pub(in crate::stepfunctions) seq: u64,
    pub(in crate::stepfunctions) events: Vec<(Event, Timestamp)>,
    /// New task tokens.
    pub(in crate::stepfunctions) tokens: Vec<String>,
    /// The time of a redrive, if this is one.
    pub(in crate::stepfunctions) redriven_at: Option<Timestamp>,
    /// The `clientToken` of the redrive.
    pub(in crate::stepfunctions) redrive_token: Option<String>,
    /// Set if the execution ended.
    pub(in crate::stepfunctions) completion: Option<Completion>,
}

/// How an execution ended, and when.
#[derive(Debug, Clone)]
pub(in crate::stepfunctions) struct Completion {
    pub(in crate::stepfunctions) status: ExecutionStatus,
    pub(in crate::stepfunctions) at: Timestamp,
}

/// The row of an execution.
#[derive(Debug, Clone)]
pub(in crate::stepfunctions) struct Record {
    pub(in crate::stepfunctions) id: ExecutionId,
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) start: StartParameters,
    pub(in crate::stepfunctions) context: StartContext,
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

/// The position of an execution in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stepfunctions) struct PageKey {
    pub(in crate::stepfunctions) started_at: i64,
    pub(in crate::stepfunctions) id: i64,
}

impl Record {
    pub(in crate::stepfunctions) fn is_running(&self) -> bool {
        self.status == RUNNING
    }

    pub(in crate::stepfunctions) fn page_key(&self) -> PageKey {
        PageKey { started_at: milliseconds(self.started_at), id: self.id.0 }
    }
}

/// The status of an execution that has not ended.
pub(in crate::stepfunctions) const RUNNING: &str = "RUNNING";

/// AWS's name for a status.
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
    /// Inserts a new execution, unless its name is taken; then returns the existing one.
    pub(in crate::stepfunctions) async fn insert(
        &self,
        new: NewExecution,
    ) -> Result<Option<Box<Record>>, StoreError> {
        self.run(move |connection| {
            let existing = find(connection, &new.arn)?;
            if existing.is_none() {
                insert(connection, &new)?;
                write_update(connection, new.id, &new.first)?;
            }
            Ok(existing.map(Box::new))
        })
        .await
    }

    /// The id after the largest one in the store.
    pub(in crate::stepfunctions) async fn next_id(&self) -> Result<ExecutionId, StoreError> {
        self.run(|connection| {
            let text = "SELECT COALESCE(MAX(id), 0) + 1 FROM executions";
            Ok(connection.query_row(text, [], |row| row.get(0).map(ExecutionId))?)
        })
        .await
    }

    /// Appends events to an execution.
    pub(in crate::stepfunctions) async fn append(
        &self,
        id: ExecutionId,
        update: ExecutionUpdate,
    ) -> Result<(), StoreError> {
        self.run(move |connection| write_update(connection, id, &update)).await
    }

    /// The execution with this ARN.
    pub(in crate::stepfunctions) async fn find(
        &self,
        arn: ExecutionArn,
    ) -> Result<Option<Record>, StoreError> {
        self.run(move |connection| find(connection, &arn)).await
    }

    /// The execution with this id.
    pub(in crate::stepfunctions) async fn get(
        &self,
        id: ExecutionId,
    ) -> Result<Record, StoreError> {
        self.run(move |connection| get(connection, id)).await
    }

    /// An execution with all its events, in order.
    pub(in crate::stepfunctions) async fn load(
        &self,
        id: ExecutionId,
    ) -> Result<(Record, Vec<(Event, Timestamp)>), StoreError> {
        self.run(move |connection| Ok((get(connection, id)?, events(connection, id)?))).await
    }

    /// The execution of the task that this token belongs to, also after the task has ended.
    pub(in crate::stepfunctions) async fn find_by_token(
        &self,
        token: String,
    ) -> Result<Option<ExecutionId>, StoreError> {
        self.run(move |connection| {
            let mut query =
                connection.prepare_cached("SELECT execution FROM tokens WHERE token = ?1")?;
            Ok(query.query_row([token], |row| row.get(0)).optional()?.map(ExecutionId))
        })
        .await
    }

    /// All running executions, oldest first.
    pub(in crate::stepfunctions) async fn running(&self) -> Result<Vec<ExecutionId>, StoreError> {
        self.run(|connection| {
            let mut query = connection
                .prepare("SELECT id FROM executions WHERE status = 'RUNNING' ORDER BY id")?;
            let ids = query.query_map([], |row| row.get(0).map(ExecutionId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The number of running executions of a state machine.
    pub(in crate::stepfunctions) async fn count_running(
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
}

fn insert(connection: &Connection, new: &NewExecution) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO executions (id, machine, name, revision, start, about, started_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'RUNNING')",
    )?;
    insert.execute(params![
        new.id.0,
        new.arn.machine,
        new.arn.unique_name(),
        new.revision,
        serde_json::to_string(&new.start)?,
        serde_json::to_string(&new.context)?,
        milliseconds(new.started_at),
    ])?;
    Ok(())
}

fn write_update(
    connection: &Connection,
    id: ExecutionId,
    update: &ExecutionUpdate,
) -> Result<(), StoreError> {
    let mut insert = connection
        .prepare_cached("INSERT INTO events (execution, seq, at, event) VALUES (?1, ?2, ?3, ?4)")?;
    for (seq, (event, at)) in (update.seq..).zip(&update.events) {
        let event = serde_json::to_string(event)?;
        insert.execute(params![id.0, seq.cast_signed(), milliseconds(*at), event])?;
    }
    let mut token = connection
        .prepare_cached("INSERT OR IGNORE INTO tokens (token, execution) VALUES (?1, ?2)")?;
    for text in &update.tokens {
        token.execute(params![text, id.0])?;
    }
    if let Some(at) = update.redriven_at {
        write_redrive(connection, id, at, update.redrive_token.as_deref())?;
    }
    update.completion.iter().try_for_each(|completion| write_completion(connection, id, completion))
}

fn write_redrive(
    connection: &Connection,
    id: ExecutionId,
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

fn write_completion(
    connection: &Connection,
    id: ExecutionId,
    completion: &Completion,
) -> Result<(), StoreError> {
    let (output, error, cause) = match &completion.status {
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
    let at = milliseconds(completion.at);
    update.execute(params![id.0, status_name(&completion.status), at, output, error, cause])?;
    Ok(())
}

/// The columns of a [`Record`], in the order in which [`record`] reads them.
pub(super) const COLUMNS: &str =
    "SELECT id, revision, start, about, started_at, status, stopped_at, output,
    error, cause, redrives, redriven_at, redrive_token FROM executions";

fn get(connection: &Connection, id: ExecutionId) -> Result<Record, StoreError> {
    let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    query.query_row([id.0], |row| Ok(record(row)))?
}

fn find(connection: &Connection, arn: &ExecutionArn) -> Result<Option<Record>, StoreError> {
    let text = format!("{COLUMNS} WHERE machine = ?1 AND name = ?2");
    let mut query = connection.prepare_cached(&text)?;
    query
        .query_row([&arn.machine, &arn.unique_name()], |row| Ok(record(row)))
        .optional()?
        .transpose()
}

fn events(connection: &Connection, id: ExecutionId) -> Result<Vec<(Event, Timestamp)>, StoreError> {
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

pub(super) fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        id: ExecutionId(row.get(0)?),
        revision: row.get(1)?,
        start: serde_json::from_str(&row.get::<_, String>(2)?)?,
        context: serde_json::from_str(&row.get::<_, String>(3)?)?,
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

/// The time to the millisecond, as AWS and the store have it. Executions see no finer time, so
/// that a replay sees the same times.
pub(in crate::stepfunctions) fn truncate_to_millisecond(at: Timestamp) -> Timestamp {
    timestamp(milliseconds(at))
}

fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
