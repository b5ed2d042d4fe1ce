//! The providers' published API contracts, against which the adapters and emulators are
//! tested.

use std::path::PathBuf;

/// The folder of a provider's contracts; none in a clone of this repository alone.
///
/// # Panics
/// With `CI=true` if the contracts are missing: CI must not skip them.
pub fn contracts(provider: &str) -> Option<PathBuf> {
    let contracts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    let folder = contracts.join(provider);
    if folder.is_dir() {
        return Some(folder);
    }
    #[expect(clippy::disallowed_methods, reason = "whether this is CI is asked nowhere else here")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "CI has the contracts beside the repository: {}", folder.display());
    #[expect(clippy::print_stdout, reason = "a test says what it skips")]
    {
        println!("skipped: no contracts beside the repository");
    }
    None
}
