//! Authorizes the calls that an execution makes in the name of its state machine's role.

use crate::iam::access::Access;
use crate::iam::{DeniedCall, Permissions, Principal};

/// What the role of one execution allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authorizer<'a> {
    /// Without it, everything is allowed.
    pub(super) permissions: Option<&'a Permissions>,
    pub(super) role_arn: &'a str,
}

impl Authorizer<'_> {
    /// Checks a call that needs these accesses.
    ///
    /// # Errors
    /// The first access that is denied.
    pub(super) fn check(&self, needed: &[Access]) -> Result<(), DeniedCall> {
        let principal = Principal::Execution { role_arn: self.role_arn };
        self.permissions.map_or(Ok(()), |permissions| permissions.check(principal, needed))
    }
}
