//! The credentials of worker processes, which name the function and the process.
//!
//! As on Lambda, each process has an access key, a secret and a session token in its
//! environment. They stay valid after the process is gone, because a request that it sent
//! may still be on its way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The credentials of one process.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkerCredentials {
    /// The access key id, in the form of AWS's temporary keys.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token.
    pub session_token: String,
    /// The crate name of the function.
    pub function: String,
    /// The id of the worker.
    pub worker: u64,
}

impl std::fmt::Debug for WorkerCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerCredentials")
            .field("function", &self.function)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// All credentials that a stack has issued. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct IssuedCredentials {
    by_key: Arc<Mutex<BTreeMap<String, WorkerCredentials>>>,
}

impl IssuedCredentials {
    /// Issues new credentials to a worker.
    pub fn issue(&self, function: &str, worker: u64) -> WorkerCredentials {
        let random = || Uuid::new_v4().simple().to_string();
        let (key, more) = (random().to_uppercase(), random());
        let credentials = WorkerCredentials {
            access_key_id: format!("ASIA{}", key.get(..16).unwrap_or_default()),
            secret_access_key: format!("{}{}", random(), more.get(..8).unwrap_or_default()),
            session_token: format!("{}{}", random(), random()),
            function: function.to_owned(),
            worker,
        };
        self.lock().insert(credentials.access_key_id.clone(), credentials.clone());
        credentials
    }

    /// The credentials with this access key id, if the stack has issued them.
    pub fn find(&self, access_key_id: &str) -> Option<WorkerCredentials> {
        self.lock().get(access_key_id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, WorkerCredentials>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_credentials_of_its_own_in_the_form_of_aws() {
        let issued = IssuedCredentials::default();
        let (first, second) = (issued.issue("pay", 1), issued.issue("pay", 2));
        assert_eq!(issued.find(&first.access_key_id), Some(first.clone()));
        assert_eq!(issued.find(&second.access_key_id), Some(second.clone()));
        assert_eq!(issued.find("AKIDEXAMPLE"), None);
        assert_ne!(first.secret_access_key, second.secret_access_key);
        assert_ne!(first.session_token, second.session_token);
        assert!(first.access_key_id.starts_with("ASIA"));
        assert_eq!((first.access_key_id.len(), first.secret_access_key.len()), (20, 40));
        assert!(!format!("{first:?}").contains(&first.secret_access_key));
    }
}
