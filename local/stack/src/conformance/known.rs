//! The list of disagreements that are known, each with its reason.
//!
//! One a line: `outcome` or `history`, the recording's name, and the reason, with tabs
//! between; lines that begin with `#` are for people. The list may neither grow
//! unnoticed nor keep what has been mended.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::report::Disagreement;

/// What is new and what is gone, a line each; empty when the list is right.
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
        let _ = writeln!(changes, "gone, strike it off the list: {part} of {name}");
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
    fn the_list_may_neither_grow_nor_keep_what_is_mended() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# why\nhistory\told\tbecause\noutcome\tsame\tbecause\n")
            .unwrap();
        let found = |name: &str| Disagreement {
            name: name.to_owned(),
            part: "outcome",
            why: "x".to_owned(),
        };
        let changes = compare(file.path(), &[found("same"), found("fresh")]).unwrap();
        assert_eq!(
            changes,
            "new: outcome of fresh: x\ngone, strike it off the list: history of old\n"
        );
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        assert!(parse("outcome\tname\t").is_err());
        assert!(parse("outcome\tname").is_err());
    }
}
