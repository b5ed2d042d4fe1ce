//! `local/stack/grants.json`: for each grant of each role, the scenario that fails without
//! it, or the reason why none does.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::scenario::read_json;
use crate::iam::GrantUse;

/// The entry of one grant. It has either a scenario or a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantEntry {
    /// The role.
    pub role: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The scenario that fails without the grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Why no scenario fails without the grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl GrantEntry {
    /// Whether the entry is about this grant.
    pub fn is_of(&self, grant: &GrantUse) -> bool {
        (&self.role, &self.action, &self.resource) == (&grant.role, &grant.action, &grant.resource)
    }
}

/// The file's path below the root of the workspace.
pub const PATH: &str = "local/stack/grants.json";

/// Reads all entries.
///
/// # Errors
/// The file cannot be read, or an entry has both or none of scenario and reason.
pub fn load(root: &Path) -> Result<Vec<GrantEntry>> {
    let entries: Vec<GrantEntry> = read_json(&root.join(PATH)).context(PATH)?;
    for entry in &entries {
        let one = entry.scenario.is_some() != entry.reason.is_some();
        ensure!(one, "{PATH}: {entry:?} needs a scenario or a reason");
    }
    Ok(entries)
}

/// Finds the entry of a grant.
pub fn find<'a>(entries: &'a [GrantEntry], grant: &GrantUse) -> Option<&'a GrantEntry> {
    entries.iter().find(|entry| entry.is_of(grant))
}
