//! The tables: DynamoDB as the crate `dynoxide-rs` emulates it, embedded.

mod operations;

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::aws::AwsError;

/// Who makes a call, as far as counting and faults need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A function of ours, by its crate's name.
    Function(String),
    /// An integration of the state machine.
    StateMachine,
    /// Anyone else: the AWS CLI, a test, the demo itself.
    Other,
}

/// Where the tables are kept.
#[derive(Debug, Clone, Copy)]
pub enum Store<'a> {
    /// In memory: gone with the stack.
    Memory,
    /// In this SQLite file.
    File(&'a Path),
}

/// The tables of one stack.
pub struct DynamoDb {
    database: dynoxide::Database,
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").finish_non_exhaustive()
    }
}

impl DynamoDb {
    /// Opens the tables.
    pub fn open(store: Store<'_>) -> Result<Self, AwsError> {
        let database = match store {
            Store::Memory => dynoxide::Database::memory(),
            Store::File(path) => dynoxide::Database::new(&path.to_string_lossy()),
        };
        Ok(Self { database: database.map_err(|error| operations::refusal(&error))? })
    }

    /// Carries out one operation, such as `UpdateItem`, with its JSON body.
    pub async fn call(
        &self,
        operation: &str,
        body: &Value,
        caller: Caller,
    ) -> Result<Value, AwsError> {
        let _ = caller;
        operations::run(&self.database, operation, body.clone()).await
    }
}
