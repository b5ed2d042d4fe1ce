//! The engine agrees with recordings of the real Step Functions, except for the
//! disagreements that `local/asl/disagreements.txt` lists with their reasons.

#![expect(clippy::print_stdout, reason = "prints why the test was skipped")]

use std::path::{Path, PathBuf};

/// The folder of the recordings, which are not part of this repository. Without them the test
/// is skipped; in CI it fails.
fn recordings() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = root.join("../shared/conformance/asl");
    if folder.is_dir() {
        return Some(folder);
    }
    let on_ci = option_env!("CI") == Some("true");
    assert!(!on_ci, "the recordings are missing: {}", folder.display());
    println!("skipped: the recordings are missing");
    None
}

#[test]
fn the_disagreements_with_aws_are_exactly_the_listed_ones() {
    let Some(recordings) = recordings() else { return };
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../asl/disagreements.txt");
    let changes = local_stack::conformance::changes(&recordings, &list).unwrap();
    assert_eq!(changes, "", "\n{changes}");
}
