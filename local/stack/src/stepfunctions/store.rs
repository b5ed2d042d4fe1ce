//! What is kept: state machines, and executions as what happened to them.
//!
//! One thread owns the SQLite connection. Work is sent to it as closures and is
//! carried out in the order in which it was sent; whatever waits at one moment is
//! committed together, so a hundred executions share one `fsync`.
//!
//! Promise: an answer means that the work is on disk. The journal is a WAL with
//! `synchronous = FULL`, so a `kill -9`, and even a power cut, loses nothing that
//! was acknowledged; what was not acknowledged is there whole or not at all.
//!
//! Read [`executions`] and [`machines`] for what is asked of it.

pub(super) mod executions;
pub(super) mod machines;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, Savepoint, params};
use thiserror::Error;
use tokio::sync::oneshot;

/// Where executions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory: gone with the stack.
    Memory,
    /// In this SQLite file.
    File(PathBuf),
}

/// The store could not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite says why.
    #[error("the store of executions: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The group that this work was part of could not be committed.
    #[error("the store of executions could not commit: {0}")]
    Commit(String),
    /// It was opened, but this program cannot work with it.
    #[error("the store of executions cannot be used: {0}")]
    Unusable(String),
    /// A row holds what this program cannot read.
    #[error("the store of executions holds an unreadable row: {0}")]
    Row(#[from] serde_json::Error),
    /// The store was closed.
    #[error("the store of executions is closed")]
    Closed,
}

/// The way to the store's thread; a clone leads to the same.
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

/// Work for the thread: carried out now, answered once its group is committed.
type Job = Box<dyn FnOnce(&mut Connection) -> Answer + Send>;
/// Tells who asked how it went, given what became of the commit.
type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The most work that one commit may carry.
const GROUP: usize = 512;

impl Store {
    /// Opens the store, or makes it.
    pub(super) fn open(place: &Place) -> Result<Self, StoreError> {
        let connection = match place {
            Place::Memory => Connection::open_in_memory()?,
            Place::File(path) => Connection::open(path)?,
        };
        prepare(&connection)?;
        let (jobs, inbox) = channel();
        let thread = std::thread::Builder::new().name("executions".to_owned());
        thread
            .spawn(move || serve(connection, &inbox))
            .map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Self { jobs, closed: Arc::default() })
    }

    /// Does the work and waits until it is on disk. Work that fails leaves nothing
    /// behind.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        self.send(work).await
    }

    /// Takes nothing more, and waits until all that was taken is on disk.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // An error means that it was closed before.
        let _before = self.send(|_| Ok(())).await;
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = apart(connection, work);
            Box::new(move |committed| {
                let committed = committed.map_err(|error| StoreError::Commit(error.to_owned()));
                // Whoever asked may have gone; the work is done all the same.
                let _gone = reply.send(committed.and(result));
            })
        });
        self.jobs.send(job).map_err(|_closed| StoreError::Closed)?;
        answered.await.map_err(|_closed| StoreError::Closed)?
    }
}

/// Does one job so that its failure takes back its own work only.
fn apart<T>(
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

/// The thread: takes what waits, does it, commits it, answers.
fn serve(mut connection: Connection, inbox: &Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let began = connection.execute_batch("BEGIN IMMEDIATE");
        let mut answers = vec![first(&mut connection)];
        while answers.len() < GROUP {
            let Ok(job) = inbox.try_recv() else { break };
            answers.push(job(&mut connection));
        }
        let committed = began.and_then(|()| connection.execute_batch("COMMIT"));
        let committed = committed.map_err(|error| error.to_string());
        if committed.is_err() {
            // A commit that failed may have left the transaction open.
            let _nothing_open = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            answer(committed.as_ref().map(|&()| ()).map_err(String::as_str));
        }
    }
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(SCHEMA)?;
    let found: i64 = connection.query_row("PRAGMA user_version", params![], |row| row.get(0))?;
    match found {
        0 => Ok(connection.pragma_update(None, "user_version", VERSION)?),
        VERSION => Ok(()),
        other => Err(StoreError::Unusable(format!(
            "it was written by another release (layout {other}; this one has {VERSION})"
        ))),
    }
}

/// The layout of the tables below; to be raised with every change of them.
const VERSION: i64 = 2;

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
