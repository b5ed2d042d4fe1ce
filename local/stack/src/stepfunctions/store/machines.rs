//! State machines in the store: one document each, and their revisions, which
//! stay for as long as an execution may have begun on them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Store, StoreError};

/// A state machine, without what its revisions say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct MachineDocument {
    pub(in crate::stepfunctions) name: String,
    /// `STANDARD` or `EXPRESS`.
    pub(in crate::stepfunctions) kind: String,
    pub(in crate::stepfunctions) created_at: Timestamp,
    /// It goes once its last execution has ended.
    pub(in crate::stepfunctions) deleting: bool,
    /// The newest revision, which an unqualified ARN means.
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) versions: BTreeMap<u32, Version>,
    /// The number that the next version gets; numbers are never given twice.
    pub(in crate::stepfunctions) next_version: u32,
    pub(in crate::stepfunctions) aliases: BTreeMap<String, Alias>,
    pub(in crate::stepfunctions) tags: Vec<Value>,
}

/// A revision that was given a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct Version {
    pub(in crate::stepfunctions) revision: i64,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) description: Option<String>,
}

/// A name for one version, or for two by weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct Alias {
    pub(in crate::stepfunctions) description: Option<String>,
    /// Version number and weight in percent.
    pub(in crate::stepfunctions) routes: Vec<(u32, u32)>,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) updated_at: Timestamp,
}

/// What a state machine said at one time; it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::stepfunctions) struct RevisionDocument {
    /// AWS's name for it; the first of a machine has none.
    pub(in crate::stepfunctions) revision_id: Option<String>,
    pub(in crate::stepfunctions) definition: String,
    pub(in crate::stepfunctions) role_arn: String,
    pub(in crate::stepfunctions) created_at: Timestamp,
    pub(in crate::stepfunctions) logging: Value,
    pub(in crate::stepfunctions) tracing: Value,
    pub(in crate::stepfunctions) encryption: Value,
}

impl Store {
    /// Everything there is, with the revisions by their keys.
    pub(in crate::stepfunctions) async fn machines(
        &self,
    ) -> Result<(Vec<MachineDocument>, BTreeMap<i64, RevisionDocument>), StoreError> {
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

    /// Writes a machine down, as it is now; a new revision gets its key and
    /// becomes the machine's.
    pub(in crate::stepfunctions) async fn write_machine(
        &self,
        mut machine: MachineDocument,
        revision: Option<RevisionDocument>,
        publish: Option<Version>,
    ) -> Result<MachineDocument, StoreError> {
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

    /// Takes a machine away. Its executions stay, and with them its revisions.
    pub(in crate::stepfunctions) async fn remove_machine(
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
