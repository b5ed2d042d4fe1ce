//! A small JSON file in the folder of a persistent stack, always complete.

use std::path::PathBuf;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file. A write replaces it as a whole.
#[derive(Debug)]
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What an earlier stack wrote; the default if there was none.
    ///
    /// # Errors
    /// When the file cannot be read, or is not the JSON of this type.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> io::Result<T> {
        match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            text => Ok(serde_json::from_str(&text?)?),
        }
    }

    /// Writes a second file and renames it, so that a complete file always exists.
    pub(crate) fn write(&self, value: &impl Serialize) {
        let temporary = self.0.with_extension("json.new");
        let written = serde_json::to_string(value)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&temporary, text))
            .and_then(|()| fs::rename(&temporary, &self.0));
        if let Err(error) = written {
            tracing::warn!(file = %self.0.display(), %error, "the state could not be stored");
        }
    }
}
