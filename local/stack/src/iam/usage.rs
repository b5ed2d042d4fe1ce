//! Counts how often each grant was used, by scenario.

use std::collections::BTreeMap;

use serde::Serialize;

use super::policy::Grant;
use super::role::Role;

/// A grant of a role, and its uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantUse {
    /// The role.
    pub role: String,
    /// The action as the policy has it.
    pub action: String,
    /// The resource as the policy has it.
    pub resource: String,
    /// The number of calls by scenario.
    pub scenarios: BTreeMap<String, u64>,
}

impl GrantUse {
    /// The number of calls in all scenarios.
    pub fn calls(&self) -> u64 {
        self.scenarios.values().sum()
    }

    fn unused(role: &Role, grant: &Grant) -> Self {
        Self {
            role: role.name.clone(),
            action: grant.action.clone(),
            resource: grant.resource.clone(),
            scenarios: BTreeMap::new(),
        }
    }
}

/// The uses of all grants.
#[derive(Debug, Default)]
pub(super) struct Usage {
    scenario: String,
    /// By role, and in the order of its statements.
    grants: Vec<(Grant, GrantUse)>,
}

impl Usage {
    pub(super) fn of<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Self {
        let of_role = |role: &'a Role| {
            let grants = role.policies.allowed.iter();
            grants.map(move |grant| (grant.clone(), GrantUse::unused(role, grant)))
        };
        let grants = roles.into_iter().flat_map(of_role).collect();
        Self { scenario: String::new(), grants }
    }

    pub(super) fn begin_scenario(&mut self, name: &str) {
        name.clone_into(&mut self.scenario);
    }

    pub(super) fn scenario(&self) -> &str {
        &self.scenario
    }

    pub(super) fn count(&mut self, role: &str, grant: &Grant) {
        let mut known = self.grants.iter_mut();
        let found = known.find(|(known, uses)| uses.role == role && known == grant);
        if let Some((_, uses)) = found {
            *uses.scenarios.entry(self.scenario.clone()).or_default() += 1;
        }
    }

    pub(super) fn grants(&self) -> Vec<GrantUse> {
        self.grants.iter().map(|(_, uses)| uses.clone()).collect()
    }
}
