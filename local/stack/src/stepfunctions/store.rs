//! The store: state machines, and executions as lists of events.
//!
//! One thread owns the SQLite connection. It runs closures in the order in which they arrive and
//! commits all that wait at one moment together, so a hundred executions share one `fsync`.
//!
//! A call returns only after its work is committed. The journal is a WAL with
//! `synchronous = FULL`, so neither `kill -9` nor a power failure loses acknowledged work, and
//! unacknowledged work is either complete or absent.
//!
//! [`executions`], [`listing`] and [`state_machines`] have the queries.

pub(super) mod executions;
pub(super) mod listing;
pub(super) mod state_machines;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, Savepoint, params};
use thiserror::Error;
use tokio::sync::oneshot;

/// Where executions are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// In memory, until the stack stops.
    Memory,
    /// In this SQLite file.
    File(PathBuf),
}

/// An operation of the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite reported an error.
    #[error("execution store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction with this work could not be committed.
    #[error("execution store: could not commit: {0}")]
    Commit(String),
    /// This release cannot use the store's content.
    #[error("execution store: cannot be used: {0}")]
    Unusable(String),
    /// A row has content that this release cannot read.
    #[error("execution store: unreadable row: {0}")]
    Row(#[from] serde_json::Error),
    /// The store was closed.
    #[error("execution store: closed")]
    Closed,
}

/// A handle to the store's thread. Clones share one store.
#[derive(Clone)]
pub(super) struct Store {
    jobs: Sender<Job>,
    closed: Arc<AtomicBool>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Work for the thread. It runs at once; its reply goes out after the commit.
type Job = Box<dyn FnOnce(&mut Connection) -> Reply + Send>;
/// Sends the result of a job to its caller, given the result of the commit.
type Reply = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The maximum number of jobs in one transaction.
const MAX_JOBS_PER_COMMIT: usize = 512;

impl Store {
    /// Opens the store; creates it if it does not exist.
    pub(super) fn open(location: &StoreLocation) -> Result<Self, StoreError> {
        let connection = match location {
            StoreLocation::Memory => Connection::open_in_memory()?,
            StoreLocation::File(path) => Connection::open(path)?,
        };
        configure(&connection)?;
        let (jobs, inbox) = channel();
        let thread = std::thread::Builder::new().name("executions".to_owned());
        thread
            .spawn(move || run_jobs(connection, &inbox))
            .map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Self { jobs, closed: Arc::default() })
    }

    /// Runs the work and waits until it is committed. Work that fails is rolled back.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        self.send(work).await
    }

    /// Accepts no more work, and waits until all accepted work is committed.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // An error means that the store was closed already.
        let _already_closed = self.send(|_| Ok(())).await;
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = run_in_savepoint(connection, work);
            Box::new(move |committed| {
                let committed = committed.map_err(|error| StoreError::Commit(error.to_owned()));
                // The caller may have stopped waiting; the work is committed all the same.
                let _canceled = sender.send(committed.and(result));
            })
        });
        self.jobs.send(job).map_err(|_closed| StoreError::Closed)?;
        receiver.await.map_err(|_closed| StoreError::Closed)?
    }
}

/// Runs one job in a savepoint, so that its failure rolls back only its own work.
fn run_in_savepoint<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut savepoint: Savepoint<'_> = connection.savepoint()?;
    match work(&savepoint) {
        Ok(value) => {
            savepoint.commit()?;
            Ok(value)
        }
        Err(error) => {
            savepoint.rollback()?;
            Err(error)
        }
    }
}

/// The thread's loop: runs all waiting jobs in one transaction, commits it, then replies.
fn run_jobs(mut connection: Connection, inbox: &Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let began = connection.execute_batch("BEGIN IMMEDIATE");
        let mut replies = vec![first(&mut connection)];
        while replies.len() < MAX_JOBS_PER_COMMIT {
            let Ok(job) = inbox.try_recv() else { break };
            replies.push(job(&mut connection));
        }
        let committed = began.and_then(|()| connection.execute_batch("COMMIT"));
        let committed = committed.map_err(|error| error.to_string());
        if committed.is_err() {
            // A failed commit may leave the transaction open.
            let _not_open = connection.execute_batch("ROLLBACK");
        }
        for reply in replies {
            reply(committed.as_ref().map(|&()| ()).map_err(String::as_str));
        }
    }
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(SCHEMA)?;
    let found: i64 = connection.query_row("PRAGMA user_version", params![], |row| row.get(0))?;
    match found {
        0 => Ok(connection.pragma_update(None, "user_version", SCHEMA_VERSION)?),
        SCHEMA_VERSION => Ok(()),
        other => Err(StoreError::Unusable(format!(
            "it was written by another release (schema {other}; this release has {SCHEMA_VERSION})"
        ))),
    }
}

/// The version of the schema below. A change that older stores do not fit increases it.
const SCHEMA_VERSION: i64 = 2;

/// Times are milliseconds since the epoch.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS machines (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (
    id INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS executions (
    id INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revisions (id),
    start TEXT NOT NULL,
    about TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    stopped_at INTEGER,
    output TEXT,
    error TEXT,
    cause TEXT,
    redrives INTEGER NOT NULL DEFAULT 0,
    redriven_at INTEGER,
    redrive_token TEXT,
    UNIQUE (machine, name)
);
CREATE INDEX IF NOT EXISTS executions_by_start ON executions (machine, started_at, id);
CREATE INDEX IF NOT EXISTS executions_by_status ON executions (machine, status, started_at, id);
CREATE INDEX IF NOT EXISTS executions_running ON executions (id) WHERE status = 'RUNNING';
CREATE TABLE IF NOT EXISTS events (
    execution INTEGER NOT NULL REFERENCES executions (id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (execution, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY,
    execution INTEGER NOT NULL REFERENCES executions (id)
) WITHOUT ROWID;
";
