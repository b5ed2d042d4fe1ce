//! Where the workspace is.

use std::path::{Path, PathBuf};

/// The workspace's root: two folders above this package's. The command is built
/// where it is run, so it finds the root from wherever it is called.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}
