//! State machines in the store: one document each, and one per revision.
//!
//! Revisions are never removed, because executions refer to the one on which they started.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Store, StoreError};

/// A state machine, without the content of its revisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct StateMachineDocument {
    pub(in crate::stepfunctions) name: String,
    /// `STANDARD` or `EXPRESS`.
    pub(in crate::stepfunctions) kind: String,
    pub(in crate::stepfunctions) created_at: Timestamp,
    /// Status `DELETING`: the state machine is removed when its last execution ends.
    pub(in crate::stepfunctions) deleting: bool,
    /// The newest revision, to which an unqualified ARN refers.
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) versions: BTreeMap<u32, Version>,
    /// The number of the next version; numbers are never reused.
    pub(in crate::stepfunctions) next_version: u32,
    pub(in crate::stepfunctions) aliases: BTreeMap<String, Alias>,
    pub(in crate::stepfunctions) tags: Vec<Value>,
}

impl StateMachineDocument {
    pub(in crate::stepfunctions) fn is_express(&self) -> bool {
        self.kind == "EXPRESS"
    }
}

/// A published revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct Version {
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) description: Option<String>,
}

/// A name for one version, or for two with weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct Alias {
    pub(in crate::stepfunctions) description: Option<String>,
    /// Version numbers, each with its weight in percent.
    pub(in crate::stepfunctions) routes: Vec<(u32, u32)>,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) updated_at: Timestamp,
}

/// The content of a revision, which never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct RevisionDocument {
    /// AWS's id of the revision; the first revision has none.
    pub(in crate::stepfunctions) revision_id: Option<String>,
    pub(in crate::stepfunctions) definition: String,
    pub(in crate::stepfunctions) role_arn: String,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) logging: Value,
    pub(in crate::stepfunctions) tracing: Value,
    pub(in crate::stepfunctions) encryption: Value,
}

impl Store {
    /// All state machines, and all revisions by their ids.
    pub(in crate::stepfunctions) async fn load_state_machines(
        &self,
    ) -> Result<(Vec<StateMachineDocument>, BTreeMap<i64, RevisionDocument>), StoreError> {
        self.run(|connection| {
            let mut machines = connection.prepare("SELECT body FROM machines ORDER BY name")?;
            let machines = machines.query_map([], |row| row.get::<_, String>(0))?;
            let machines = machines.map(|body| Ok(serde_json::from_str(&body?)?));
            let mut revisions = connection.prepare("SELECT id, body FROM revisions ORDER BY id")?;
            let revisions = revisions
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
            let revisions = revisions.map(|row| {
                let (id, body) = row?;
                Ok((id, serde_json::from_str(&body)?))
            });
            let machines: Result<_, StoreError> = machines.collect();
            let revisions: Result<_, StoreError> = revisions.collect();
            Ok((machines?, revisions?))
        })
        .await
    }

    /// Writes a state machine. A new revision gets an id and becomes the current one; a new
    /// version gets a number and the current revision.
    pub(in crate::stepfunctions) async fn write_state_machine(
        &self,
        mut machine: StateMachineDocument,
        revision: Option<RevisionDocument>,
        publish: Option<Version>,
    ) -> Result<StateMachineDocument, StoreError> {
        self.run(move |connection| {
            if let Some(revision) = revision {
                connection.execute(
                    "INSERT INTO revisions (machine, body) VALUES (?1, ?2)",
                    params![machine.name, serde_json::to_string(&revision)?],
                )?;
                machine.revision = connection.last_insert_rowid();
            }
            if let Some(mut version) = publish {
                version.revision = machine.revision;
                machine.versions.insert(machine.next_version, version);
                machine.next_version += 1;
            }
            connection.execute(
                "INSERT OR REPLACE INTO machines (name, body) VALUES (?1, ?2)",
                params![machine.name, serde_json::to_string(&machine)?],
            )?;
            Ok(machine)
        })
        .await
    }

    /// Removes a state machine. Its executions and revisions stay.
    pub(in crate::stepfunctions) async fn remove_state_machine(
        &self,
        name: String,
    ) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.execute("DELETE FROM machines WHERE name = ?1", [name])?;
            Ok(())
        })
        .await
    }
}
