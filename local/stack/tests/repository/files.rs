//! The files of the repository.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below a folder, sorted, except hidden folders and build output.
pub(crate) fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden && !path.ends_with("target") {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The Rust files below a folder.
pub(crate) fn rust_files_below(folder: &str) -> Vec<PathBuf> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files_below(folder).into_iter().filter(is_rust).collect()
}

/// The folders of all packages, from the root.
pub(crate) fn packages() -> Vec<String> {
    let mut packages: Vec<_> = ["shared", "functions", "local"]
        .map(files_below)
        .concat()
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .map(|path| relative(path.parent().unwrap()))
        .collect();
    packages.sort();
    packages
}

/// A path from the root, with forward slashes.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

/// The text of all Rust files, tests included.
pub(crate) fn rust_sources() -> String {
    let files = ["shared", "functions", "local"].map(rust_files_below).concat();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
