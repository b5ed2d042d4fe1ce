//! The engine agrees with the recordings of the real Step Functions, except where
//! `local/asl/disagreements.txt` says why not.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

/// The recordings, which are no part of this repository. Where they are absent the test
/// says so; on CI, which has them, it fails.
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
fn the_list_of_disagreements_with_aws_neither_grows_nor_lags_behind() {
    let Some(recordings) = recordings() else { return };
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../asl/disagreements.txt");
    let changes = local_stack::conformance::changes(&recordings, &list).unwrap();
    assert_eq!(changes, "", "\n{changes}");
}
