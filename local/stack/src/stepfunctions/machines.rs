//! The state machines that there are, with their revisions, versions and aliases.
//! All of them are in memory; every change is on disk before it shows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use asl::StateMachine;

use super::arn::MachineArn;
use super::store::machines::{MachineDocument, RevisionDocument, Version};
use super::store::{Store, StoreError};

/// What a state machine said at one time, parsed.
pub(super) struct Revision {
    pub(super) id: i64,
    pub(super) document: RevisionDocument,
    machine: Arc<StateMachine>,
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Revision {
    pub(super) fn machine(&self) -> Arc<StateMachine> {
        Arc::clone(&self.machine)
    }
}

/// What an ARN of a state machine means.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) machine: MachineDocument,
    pub(super) revision: Arc<Revision>,
    pub(super) version: Option<u32>,
    pub(super) alias: Option<String>,
}

/// All state machines of the stack.
#[derive(Debug)]
pub(super) struct Machines {
    store: Store,
    known: RwLock<Known>,
    /// Held over a change, from looking to writing.
    pub(super) changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    machines: BTreeMap<String, MachineDocument>,
    revisions: BTreeMap<i64, Arc<Revision>>,
}

impl Machines {
    /// Reads what is in the store.
    pub(super) async fn open(store: Store) -> Result<Self, StoreError> {
        let (machines, revisions) = store.machines().await?;
        let machines = machines.into_iter().map(|machine| (machine.name.clone(), machine));
        let revisions = revisions
            .into_iter()
            .map(|(id, document)| Ok((id, Arc::new(parse(id, document)?))))
            .collect::<Result<_, StoreError>>()?;
        let known = RwLock::new(Known { machines: machines.collect(), revisions });
        Ok(Self { store, known, changing: tokio::sync::Mutex::default() })
    }

    /// The machine of that name.
    pub(super) fn get(&self, name: &str) -> Option<MachineDocument> {
        self.read(|known| known.machines.get(name).cloned())
    }

    /// All machines, by name.
    pub(super) fn all(&self) -> Vec<MachineDocument> {
        self.read(|known| known.machines.values().cloned().collect())
    }

    /// The revision of that key.
    pub(super) fn revision(&self, id: i64) -> Result<Arc<Revision>, StoreError> {
        self.read(|known| known.revisions.get(&id).cloned())
            .ok_or_else(|| StoreError::Unusable(format!("it has no revision {id}")))
    }

    /// What an ARN means; `draw` (0 to 99) chooses where an alias has two routes.
    pub(super) fn resolve(&self, arn: &MachineArn, draw: u32) -> Option<Resolved> {
        let machine = self.get(&arn.name)?;
        let qualifier = arn.qualifier.as_deref();
        let alias = qualifier.filter(|name| machine.aliases.contains_key(*name));
        let version = match (qualifier, alias) {
            (None, _) => None,
            (Some(_), Some(alias)) => Some(route(machine.aliases.get(alias)?, draw)?),
            (Some(number), None) => Some(number.parse().ok()?),
        };
        let revision = match version {
            None => machine.revision,
            Some(number) => machine.versions.get(&number)?.revision,
        };
        let revision = self.revision(revision).ok()?;
        Some(Resolved { alias: alias.map(str::to_owned), machine, revision, version })
    }

    /// Writes a machine as it is to be, with a new revision and a new version
    /// where there is one.
    pub(super) async fn write(
        &self,
        machine: MachineDocument,
        revision: Option<RevisionDocument>,
        publish: Option<Version>,
    ) -> Result<MachineDocument, StoreError> {
        let kept = revision.clone();
        let machine = self.store.write_machine(machine, revision, publish).await?;
        let revision = kept.map(|document| parse(machine.revision, document)).transpose()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.revisions.extend(revision.map(|revision| (revision.id, Arc::new(revision))));
        known.machines.insert(machine.name.clone(), machine.clone());
        Ok(machine)
    }

    /// Takes a machine away.
    pub(super) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.store.remove_machine(name.to_owned()).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.machines.remove(name);
        Ok(())
    }

    fn read<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The version that an alias leads to.
fn route(alias: &super::store::machines::Alias, draw: u32) -> Option<u32> {
    let mut below = 0;
    for &(version, weight) in &alias.routes {
        below += weight;
        if draw < below {
            return Some(version);
        }
    }
    alias.routes.last().map(|&(version, _)| version)
}

fn parse(id: i64, document: RevisionDocument) -> Result<Revision, StoreError> {
    let machine = StateMachine::parse(&document.definition)
        .map_err(|error| StoreError::Unusable(format!("revision {id}: {error}")))?;
    Ok(Revision { id, document, machine: Arc::new(machine) })
}
