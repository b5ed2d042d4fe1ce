//! The file `local/stack/grants.json`: for each grant, the scenario that fails without it.

use std::fmt::Write as _;
use std::path::Path;

use local_stack::iam::GrantUse;
use local_stack::scenarios::grants::{self, GrantEntry};

/// Writes the file, one entry a line.
pub(crate) fn write(root: &Path, entries: &[GrantEntry]) {
    let mut text = String::from("[\n");
    for (number, entry) in entries.iter().enumerate() {
        let comma = if number + 1 < entries.len() { "," } else { "" };
        writeln!(text, "  {}{comma}", serde_json::to_string(entry).unwrap()).unwrap();
    }
    text.push_str("]\n");
    std::fs::write(root.join(grants::PATH), text).unwrap();
}

/// The grants that only the template or only the file has.
pub(crate) fn differences(entries: &[GrantEntry], granted: &[GrantUse]) -> Vec<String> {
    let unlisted = granted.iter().filter(|grant| grants::find(entries, grant).is_none());
    let unlisted = unlisted.map(|grant| {
        format!("add (UPDATE_GRANTS=1 does): {} {} {}", grant.role, grant.action, grant.resource)
    });
    let gone = entries.iter().filter(|entry| !granted.iter().any(|grant| entry.is_of(grant)));
    unlisted.chain(gone.map(|entry| format!("remove: {entry:?}"))).collect()
}
