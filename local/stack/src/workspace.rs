//! The location of the workspace.

use std::path::{Path, PathBuf};

/// The root of the workspace: two folders above this package's manifest.
///
/// Under `cargo run` the manifest is that of the running checkout. Without cargo it is
/// the one with which the program was built.
#[expect(clippy::disallowed_methods, reason = "cargo passes the package's folder as a variable")]
pub fn root() -> PathBuf {
    let run = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = run.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned()
}
