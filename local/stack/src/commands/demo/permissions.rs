//! The report of `--enforce-policies`: which scenarios used each grant of each role, and
//! which calls were denied.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::commands::output::Styles;
use crate::iam::{DeniedCall, GrantUse};
use crate::scenarios::grants::{self, GrantEntry};
use crate::scenarios::reconciliation;
use crate::stack::Stack;

/// The length of a scenario's name with which a line fits 100 columns.
const MAX_NAME: usize = 22;

/// What the roles granted and what was used of it.
#[derive(Debug, Serialize)]
pub(super) struct PermissionReport {
    grants: Vec<ReportedGrant>,
    denied: Vec<DeniedCall>,
    /// Why the reconciliation did not succeed.
    #[serde(skip)]
    reconciliation: Option<String>,
    /// Whether all scenarios ran. Otherwise an unused grant says nothing.
    #[serde(skip)]
    ran_all: bool,
}

/// A grant with its uses.
#[derive(Debug, Serialize)]
struct ReportedGrant {
    #[serde(flatten)]
    uses: GrantUse,
    calls: u64,
    /// Why no scenario fails without it, by `grants.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ReportedGrant {
    fn new(uses: GrantUse, entries: &[GrantEntry]) -> Self {
        let reason = grants::find(entries, &uses).and_then(|entry| entry.reason.clone());
        Self { calls: uses.calls(), uses, reason }
    }

    /// What is wrong after all scenarios, if anything.
    fn violation(&self) -> Option<String> {
        let GrantUse { role, action, resource, .. } = &self.uses;
        let unused = self.calls == 0 && self.reason.is_none();
        unused.then(|| format!("{role} grants {action} on {resource}, which no scenario uses"))
    }

    /// The grant, the number of calls, and the scenario or how many there are.
    fn line(&self, styles: &Styles) -> String {
        let scenarios = &self.uses.scenarios;
        let used_in = match (scenarios.keys().next(), scenarios.len(), &self.reason) {
            (None, _, Some(reason)) => reason.clone(),
            (None, ..) => "in no scenario".to_owned(),
            (Some(name), 1, _) => {
                format!("in {}", name.chars().take(MAX_NAME).collect::<String>())
            }
            (_, many, _) => format!("in {many} scenarios"),
        };
        let used_in = styles.secondary.apply_to(used_in);
        let mark = styles.mark(self.calls > 0 || self.reason.is_some());
        let (action, resource) = (&self.uses.action, short_resource(&self.uses.resource));
        format!("{mark} {action:29} {resource:34} {:6} {used_in}", self.calls)
    }
}

impl PermissionReport {
    /// Reads the report, if the stack enforces the policies. After all scenarios, it also
    /// runs the reconciliation, which uses further grants.
    pub(super) async fn read(stack: &Stack, root: &Path, ran_all: bool) -> Result<Option<Self>> {
        let Some(permissions) = stack.permissions() else { return Ok(None) };
        let entries = grants::load(root)?;
        let reconciled = if ran_all { reconciliation::run(stack).await } else { Ok(()) };
        let grants = permissions.grants().into_iter();
        Ok(Some(Self {
            reconciliation: reconciled.err().map(|error| error.to_string()),
            grants: grants.map(|grant| ReportedGrant::new(grant, &entries)).collect(),
            denied: permissions.denied(),
            ran_all,
        }))
    }

    /// What is wrong, one sentence each.
    pub(super) fn violations(&self) -> Vec<String> {
        let grants = self.grants.iter().filter(|_| self.ran_all);
        let denied = self.denied.iter().map(|call| format!("{}: denied: {call}", call.scenario));
        let violations = grants.filter_map(ReportedGrant::violation);
        violations.chain(denied).chain(self.reconciliation.clone()).collect()
    }

    /// One line for each grant, by role.
    pub(super) fn render(&self, styles: &Styles) -> String {
        let mut lines = vec![format!("\n{}", styles.heading.apply_to("Permissions"))];
        let mut role = "";
        for grant in &self.grants {
            if role != grant.uses.role {
                role = &grant.uses.role;
                lines.push(role.to_owned());
            }
            lines.push(grant.line(styles));
        }
        lines.join("\n")
    }
}

/// The part of an ARN after account and region.
fn short_resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(action: &str, scenarios: &[(&str, u64)], reason: Option<&str>) -> ReportedGrant {
        let uses = GrantUse {
            role: "PayFunctionRole".to_owned(),
            action: action.to_owned(),
            resource: "arn:aws:dynamodb:us-east-1:000000000000:table/Orders".to_owned(),
            scenarios: scenarios.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        };
        ReportedGrant { calls: uses.calls(), uses, reason: reason.map(str::to_owned) }
    }

    fn report(ran_all: bool, grants: Vec<ReportedGrant>) -> PermissionReport {
        PermissionReport { grants, denied: Vec::new(), reconciliation: None, ran_all }
    }

    #[test]
    fn a_grant_that_no_scenario_uses_needs_a_reason_once_all_scenarios_ran() {
        let check = |scenarios: &[(&str, u64)], reason: Option<&str>, expected: &str| {
            let grants = || vec![grant("dynamodb:GetItem", scenarios, reason)];
            assert_eq!(report(false, grants()).violations(), Vec::<String>::new());
            let violations = report(true, grants()).violations();
            assert_eq!(violations.is_empty(), expected.is_empty(), "{violations:?}");
            assert!(violations.iter().all(|text| text.contains(expected)), "{violations:?}");
        };
        check(&[("happy", 1)], None, "");
        check(&[], Some("only on AWS"), "");
        check(&[], None, "PayFunctionRole grants dynamodb:GetItem on arn:");
    }

    #[test]
    fn a_denied_call_and_a_failed_reconciliation_are_violations() {
        let mut report = report(false, Vec::new());
        report.reconciliation = Some("the reconciliation is incomplete".to_owned());
        report.denied.push(DeniedCall {
            scenario: "happy".to_owned(),
            user: "u".to_owned(),
            action: "a:X".to_owned(),
            resource: "r".to_owned(),
            explicitly: false,
        });
        let denied = "happy: denied: User: u is not authorized to perform: a:X on resource: r \
                      because no identity-based policy allows the a:X action";
        assert_eq!(report.violations(), [denied, "the reconciliation is incomplete"]);
    }

    #[test]
    fn each_grant_has_a_line_with_its_calls_and_its_scenarios() {
        let many = grant("dynamodb:GetItem", &[("declined", 1), ("happy", 2)], None);
        let one = grant("dynamodb:Query", &[("happy", 2)], None);
        let without = grant("dynamodb:Scan", &[], Some("only on AWS"));
        let none = grant("dynamodb:PutItem", &[], None);
        let rendered = report(true, vec![many, one, without, none]).render(&Styles::plain());
        let lines: Vec<_> = rendered.lines().skip(2).collect();
        let line = |mark: &str, action: &str, rest: &str| {
            format!("{mark} {action:29} {:34} {rest}", "table/Orders")
        };
        let expected = [
            "PayFunctionRole".to_owned(),
            line("✓", "dynamodb:GetItem", "     3 in 2 scenarios"),
            line("✓", "dynamodb:Query", "     2 in happy"),
            line("✓", "dynamodb:Scan", "     0 only on AWS"),
            line("✗", "dynamodb:PutItem", "     0 in no scenario"),
        ];
        assert_eq!(lines, expected);
    }
}
