//! The folder of a stack's state, and the lock on it.
//!
//! One stack at a time uses a folder. The operating system releases the lock when the
//! process ends, even after `kill -9`.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::settings::StateLocation;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another stack uses it.
    #[error(
        "another stack keeps its state in {}: end it, or give this one another --state-dir",
        .0.display()
    )]
    InUse(PathBuf),
    /// The operating system rejected it.
    #[error("cannot keep the state in {}: {source}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// An open folder.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    ownership: Ownership,
}

/// What the stack releases when it ends: a temporary folder, or the lock on a
/// persistent one.
#[derive(Debug)]
enum Ownership {
    Temporary(TempDir),
    Persistent { _lock: File },
}

/// The file whose lock marks the folder as used.
const LOCK: &str = "lock";

impl StateFolder {
    pub(super) fn open(state: &StateLocation) -> Result<Self, FolderError> {
        match state {
            StateLocation::Temporary => {
                let made = tempfile::Builder::new().prefix("local-stack-").tempdir();
                let made = made
                    .map_err(|source| FolderError::Io { folder: std::env::temp_dir(), source })?;
                Ok(Self { path: made.path().to_owned(), ownership: Ownership::Temporary(made) })
            }
            StateLocation::Persistent { folder, fresh } => {
                let lock = lock(folder)?;
                if *fresh {
                    empty(folder).map_err(io_error(folder))?;
                }
                Ok(Self { path: folder.clone(), ownership: Ownership::Persistent { _lock: lock } })
            }
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of a file that the next stack finds again; `None` in a temporary folder.
    pub(super) fn persistent_path(&self, name: &str) -> Option<PathBuf> {
        match self.ownership {
            Ownership::Persistent { .. } => Some(self.path(name)),
            Ownership::Temporary(_) => None,
        }
    }

    /// Releases the folder. A temporary folder is removed.
    pub(super) fn close(self) {
        if let Ownership::Temporary(folder) = self.ownership
            && let Err(error) = folder.close()
        {
            tracing::warn!(%error, "a temporary folder could not be removed");
        }
    }
}

fn lock(folder: &Path) -> Result<File, FolderError> {
    create(folder).map_err(io_error(folder))?;
    let file = File::options().create(true).append(true).open(folder.join(LOCK));
    let file = file.map_err(io_error(folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error(folder)(source)),
    }
}

/// Creates the folder for its owner only: the state holds names and addresses. The mode
/// of a folder that exists stays.
fn create(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Removes the state of earlier stacks and no other file.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if STATE_FILE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The prefixes of the state files' names. SQLite adds `-wal` and `-shm` files to two of
/// them.
const STATE_FILE_PREFIXES: [&str; 7] = [
    "tables.sqlite",
    "executions.sqlite",
    "gateway.jsonl",
    "carrier.jsonl",
    "functions.log",
    "clock.json",
    "panel.json",
];

fn io_error(folder: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let folder = folder.to_owned();
    move |source| FolderError::Io { folder, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persistent_path(folder: &Path, fresh: bool) -> Result<StateFolder, FolderError> {
        StateFolder::open(&StateLocation::Persistent { folder: folder.to_owned(), fresh })
    }

    #[test]
    fn a_folder_serves_one_stack_at_a_time() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join(".local");
        let first = persistent_path(&path, false).expect("the folder is free");
        let error = persistent_path(&path, false).expect_err("the first stack uses it").to_string();
        assert!(error.contains("another stack keeps its state") && error.contains("--state-dir"));
        first.close();
        assert!(persistent_path(&path, false).is_ok(), "the lock was released");
    }

    #[test]
    fn a_new_folder_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;

        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("nested/.local");
        persistent_path(&path, false).expect("the folder is free").close();
        let mode = fs::metadata(&path).expect("the folder exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn fresh_removes_the_state_of_earlier_stacks_and_no_other_file() {
        let parent = tempfile::tempdir().expect("a folder");
        let state_files = ["tables.sqlite", "tables.sqlite-wal", "gateway.jsonl"];
        for name in state_files.iter().chain(&["notes.txt"]) {
            fs::write(parent.path().join(name), "x").expect("the file is written");
        }
        persistent_path(parent.path(), false).expect("the folder is free").close();
        assert!(parent.path().join("tables.sqlite").exists());
        persistent_path(parent.path(), true).expect("the folder is free").close();
        for name in state_files {
            assert!(!parent.path().join(name).exists(), "{name} is still there");
        }
        assert!(parent.path().join("notes.txt").exists());
    }

    #[test]
    fn a_temporary_folder_is_gone_when_it_is_closed() {
        let folder = StateFolder::open(&StateLocation::Temporary).expect("a temporary folder");
        let path = folder.path("functions.log");
        fs::write(&path, "x").expect("the file is written");
        assert_eq!(folder.persistent_path("tables.sqlite"), None);
        folder.close();
        assert!(!path.parent().expect("its folder").exists());
    }
}
