//! The list of known disagreements, each with its reason.
//!
//! Each line has `outcome` or `history`, the recording's name and the reason, separated by tabs;
//! lines that begin with `#` are comments. A check fails on a disagreement that is not listed, and
//! on a listed one that no longer exists.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::report::Disagreement;

/// Disagreements that are not listed and listed ones that no longer exist, one per line. Empty
/// if the list is correct.
pub(super) fn compare(list: &Path, found: &[Disagreement]) -> Result<String> {
    let text = std::fs::read_to_string(list);
    let text = text.with_context(|| format!("cannot read {}", list.display()))?;
    let known = parse(&text)?;
    let mut changes = String::new();
    for Disagreement { name, part, why } in found {
        if !known.contains(&(*part, name.as_str())) {
            // Writing to a String cannot fail.
            let _ = writeln!(changes, "new: {part} of {name}: {why}");
        }
    }
    let found: BTreeSet<_> = found.iter().map(|one| (one.part, one.name.as_str())).collect();
    for (part, name) in known.difference(&found) {
        let _ = writeln!(changes, "fixed, remove it from the list: {part} of {name}");
    }
    Ok(changes)
}

fn parse(text: &str) -> Result<BTreeSet<(&str, &str)>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [part, name, reason] if !reason.trim().is_empty() => Ok((part, name)),
            _ => bail!("not `part<tab>name<tab>reason`: {line}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_fixed_disagreements_are_reported() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# why\nhistory\told\tbecause\noutcome\tsame\tbecause\n")
            .unwrap();
        let found = |name: &str| Disagreement {
            name: name.to_owned(),
            part: "outcome",
            why: "x".to_owned(),
        };
        let changes = compare(file.path(), &[found("same"), found("other")]).unwrap();
        assert_eq!(
            changes,
            "new: outcome of other: x\nfixed, remove it from the list: history of old\n"
        );
    }

    #[test]
    fn a_line_without_a_reason_is_rejected() {
        assert!(parse("outcome\tname\t").is_err());
        assert!(parse("outcome\tname").is_err());
    }
}
