//! The folder in which a stack keeps its state, and the lock on it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::State;

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another stack has it.
    #[error(
        "another stack keeps its state in {}: end it, or give this one another --state-dir",
        .0.display()
    )]
    InUse(PathBuf),
    /// The system says why.
    #[error("cannot keep the state in {}: {source}", folder.display())]
    Io {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An opened folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    hold: Hold,
}

/// What ends with the stack: a temporary folder, or the lock on a kept one.
#[derive(Debug)]
enum Hold {
    Temporary(TempDir),
    Kept { _lock: File },
}

/// The file whose lock says that the folder is in use. It stays when the stack
/// ends; the lock does not, not even after `kill -9`.
const LOCK: &str = "lock";

impl Folder {
    pub(super) fn open(state: &State) -> Result<Self, FolderError> {
        match state {
            State::Temporary => {
                let made = tempfile::Builder::new().prefix("local-stack-").tempdir();
                let made = made
                    .map_err(|source| FolderError::Io { folder: std::env::temp_dir(), source })?;
                Ok(Self { path: made.path().to_owned(), hold: Hold::Temporary(made) })
            }
            State::Kept { folder, fresh } => {
                let lock = lock(folder)?;
                if *fresh {
                    empty(folder).map_err(because(folder))?;
                }
                Ok(Self { path: folder.clone(), hold: Hold::Kept { _lock: lock } })
            }
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    /// The path of a file that may be written.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of a file that is found again by the next stack, if there is one.
    pub(super) fn kept(&self, name: &str) -> Option<PathBuf> {
        match self.hold {
            Hold::Kept { .. } => Some(self.path(name)),
            Hold::Temporary(_) => None,
        }
    }

    /// Gives the folder up; a temporary one is removed.
    pub(super) fn close(self) {
        if let Hold::Temporary(folder) = self.hold
            && let Err(error) = folder.close()
        {
            tracing::warn!(%error, "a temporary folder is left behind");
        }
    }
}

fn lock(folder: &Path) -> Result<File, FolderError> {
    fs::create_dir_all(folder).map_err(because(folder))?;
    let file = File::options().create(true).append(true).open(folder.join(LOCK));
    let file = file.map_err(because(folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(because(folder)(source)),
    }
}

/// Removes the files that stacks leave, and nothing else that may lie there.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if OURS.iter().any(|ours| name.starts_with(ours)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// How the names of our files begin; SQLite adds files of its own to two of them.
const OURS: [&str; 6] = [
    "tables.sqlite",
    "executions.sqlite",
    "gateway.jsonl",
    "carrier.jsonl",
    "functions.log",
    "clock.json",
];

fn because(folder: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let folder = folder.to_owned();
    move |source| FolderError::Io { folder, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, fresh: bool) -> Result<Folder, FolderError> {
        Folder::open(&State::Kept { folder: folder.to_owned(), fresh })
    }

    #[test]
    fn a_folder_serves_one_stack_at_a_time() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join(".local");
        let first = kept(&path, false).expect("nobody has it");
        let error = kept(&path, false).expect_err("the first one has it").to_string();
        assert!(error.contains("another stack keeps its state") && error.contains("--state-dir"));
        first.close();
        assert!(kept(&path, false).is_ok(), "it was given up");
    }

    #[test]
    fn fresh_removes_what_stacks_leave_and_nothing_else() {
        let parent = tempfile::tempdir().expect("a folder");
        let leaves = ["tables.sqlite", "tables.sqlite-wal", "gateway.jsonl"];
        for name in leaves.iter().chain(&["notes.txt"]) {
            fs::write(parent.path().join(name), "x").expect("it is written");
        }
        kept(parent.path(), false).expect("nobody has it").close();
        assert!(parent.path().join("tables.sqlite").exists());
        kept(parent.path(), true).expect("nobody has it").close();
        for name in leaves {
            assert!(!parent.path().join(name).exists(), "{name} is still there");
        }
        assert!(parent.path().join("notes.txt").exists());
    }

    #[test]
    fn a_temporary_folder_is_gone_when_it_is_closed() {
        let folder = Folder::open(&State::Temporary).expect("it is made");
        let path = folder.path("functions.log");
        fs::write(&path, "x").expect("it is written");
        assert_eq!(folder.kept("tables.sqlite"), None);
        folder.close();
        assert!(!path.parent().expect("its folder").exists());
    }
}
