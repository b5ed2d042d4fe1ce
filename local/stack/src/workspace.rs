//! Where the workspace is.

use std::path::{Path, PathBuf};

/// The workspace's root: two folders above the package that cargo runs, so it is
/// found from wherever the command is called. A program that is run without cargo
/// takes the place where it was built.
#[expect(clippy::disallowed_methods, reason = "cargo tells the package by the environment")]
pub fn root() -> PathBuf {
    let run = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = run.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned()
}
