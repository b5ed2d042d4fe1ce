//! The permissions of a stack: the roles of its template.

use std::sync::Arc;

use crate::iam::Permissions;
use crate::iam::role::Role;
use crate::template::{Template, TemplateError};

/// The permissions of the template's roles, if they are enforced.
pub(super) fn of(
    template: &Template,
    enforced: bool,
) -> Result<Option<Arc<Permissions>>, TemplateError> {
    if !enforced {
        return Ok(None);
    }
    let roles = template.roles()?;
    let of_functions = roles.iter().filter_map(|role| {
        let function = role.function.clone()?;
        Some((function, role.name.clone()))
    });
    let of_functions = of_functions.collect();
    let roles = roles.into_iter().map(|role| Role { name: role.name, policies: role.policies });
    Ok(Some(Arc::new(Permissions::new(roles, of_functions))))
}
