//! The secrets with their versions, and the file that keeps them.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The part of a test key that stands for the name of the function that reads it.
pub const PER_FUNCTION: &str = "{function}";
/// The current and the previous version.
const KEPT_VERSIONS: usize = 2;

/// All secrets, in the order of their creation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) secrets: Vec<Secret>,
}

/// One secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created_at: Timestamp,
    pub(super) changed_at: Timestamp,
    /// The value that the latest deployment gave it.
    pub(super) deployed_value: Option<String>,
    /// Whether the template creates it without a value.
    pub(super) is_key: bool,
    /// The newest first.
    pub(super) versions: Vec<Version>,
}

/// One value of a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: String,
}

impl Version {
    /// The value as this function reads it. A provider's key contains no hyphens.
    pub(super) fn value_for(&self, function: &str) -> String {
        self.value.replace(PER_FUNCTION, &function.replace('-', "_"))
    }
}

impl State {
    /// Reads the file; nothing if there is none.
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        match fs::read(file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file whole, so that a crash leaves the old or the new one.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        fs::rename(new, file)
    }

    /// Creates a secret of the template, or gives it its new value if the template changed.
    /// A value that was stored by hand stays until then, as on AWS.
    pub(super) fn deploy(
        &mut self,
        (name, arn): (String, String),
        value: Option<String>,
        is_key: bool,
        at: Timestamp,
    ) {
        let known = self.secrets.iter().position(|secret| secret.name == name);
        let index = known.unwrap_or_else(|| self.create(name, arn, at));
        let secret = &mut self.secrets[index];
        secret.is_key = is_key;
        if secret.deployed_value != value {
            secret.deployed_value.clone_from(&value);
            if let Some(value) = value {
                secret.put(value, at, None);
            }
        }
    }

    /// Adds a secret without a value, and returns its place.
    pub(super) fn create(&mut self, name: String, arn: String, at: Timestamp) -> usize {
        self.secrets.push(Secret {
            name,
            arn,
            created_at: at,
            changed_at: at,
            deployed_value: None,
            is_key: false,
            versions: Vec::new(),
        });
        self.secrets.len() - 1
    }
}

impl Secret {
    pub(super) fn current(&self) -> Option<&Version> {
        self.versions.first()
    }

    /// Stores a value as the current version, and returns the version's id.
    pub(super) fn put(&mut self, value: String, at: Timestamp, id: Option<String>) -> String {
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        self.versions.insert(0, Version { id: id.clone(), value });
        self.versions.truncate(KEPT_VERSIONS);
        self.changed_at = at;
        id
    }
}
