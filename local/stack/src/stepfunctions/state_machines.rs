//! All state machines, with their revisions, versions and aliases.
//!
//! They are kept in memory. A change is committed to the store before readers see it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use asl::StateMachine;

use super::arn::StateMachineArn;
use super::store::state_machines::{Alias, RevisionDocument, StateMachineDocument, Version};
use super::store::{Store, StoreError};

/// A revision of a state machine, with its parsed definition.
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

/// The target of a state machine's ARN, with the revision to run.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) machine: StateMachineDocument,
    pub(super) revision: Arc<Revision>,
    pub(super) version: Option<u32>,
    pub(super) alias: Option<String>,
}

/// The state machines of the stack.
#[derive(Debug)]
pub(super) struct StateMachines {
    store: Store,
    state: RwLock<State>,
    /// Held during a change, from the first read to the write.
    pub(super) change_lock: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<String, StateMachineDocument>,
    revisions: BTreeMap<i64, Arc<Revision>>,
}

impl StateMachines {
    /// Loads all state machines from the store.
    pub(super) async fn open(store: Store) -> Result<Self, StoreError> {
        let (machines, revisions) = store.load_state_machines().await?;
        let machines = machines.into_iter().map(|machine| (machine.name.clone(), machine));
        let revisions = revisions
            .into_iter()
            .map(|(id, document)| Ok((id, Arc::new(parse(id, document)?))))
            .collect::<Result<_, StoreError>>()?;
        let state = RwLock::new(State { machines: machines.collect(), revisions });
        Ok(Self { store, state, change_lock: tokio::sync::Mutex::default() })
    }

    /// The state machine with this name.
    pub(super) fn get(&self, name: &str) -> Option<StateMachineDocument> {
        self.read(|state| state.machines.get(name).cloned())
    }

    /// All state machines, ordered by name.
    pub(super) fn all(&self) -> Vec<StateMachineDocument> {
        self.read(|state| state.machines.values().cloned().collect())
    }

    /// The revision with this id.
    pub(super) fn revision(&self, id: i64) -> Result<Arc<Revision>, StoreError> {
        self.read(|state| state.revisions.get(&id).cloned())
            .ok_or_else(|| StoreError::Unusable(format!("revision {id} is missing")))
    }

    /// The target of an ARN. `draw` (0 to 99) selects the version of an alias that routes to
    /// two of them.
    pub(super) fn resolve(&self, arn: &StateMachineArn, draw: u32) -> Option<Resolved> {
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

    /// Writes a state machine. A new revision becomes its current one; a new version is
    /// published from the current revision.
    pub(super) async fn write(
        &self,
        machine: StateMachineDocument,
        revision: Option<RevisionDocument>,
        publish: Option<Version>,
    ) -> Result<StateMachineDocument, StoreError> {
        let document = revision.clone();
        let machine = self.store.write_state_machine(machine, revision, publish).await?;
        let revision = document.map(|document| parse(machine.revision, document)).transpose()?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.revisions.extend(revision.map(|revision| (revision.id, Arc::new(revision))));
        state.machines.insert(machine.name.clone(), machine.clone());
        Ok(machine)
    }

    /// Removes a state machine.
    pub(super) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.store.remove_state_machine(name.to_owned()).await?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.machines.remove(name);
        Ok(())
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The version that an alias routes to.
fn route(alias: &Alias, draw: u32) -> Option<u32> {
    let mut cumulative = 0;
    for &(version, weight) in &alias.routes {
        cumulative += weight;
        if draw < cumulative {
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
