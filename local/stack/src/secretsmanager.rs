//! Secrets Manager: the secrets of the template, over AWS's JSON 1.1 protocol.
//!
//! As on AWS a secret may have no value, each new value is a version, and the previous one
//! stays readable as `AWSPREVIOUS`. The state is one file, written whole after each change,
//! or memory in a temporary stack.
//!
//! The stack stores test keys in the secrets that the template creates without a value.
//! Such a key ends with the name of the function that reads it ([`PER_FUNCTION`]), so that
//! the ledgers of the provider emulators show which function made a call. A value that is
//! stored through the API is returned as it is.

mod operations;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::aws::error::AwsError;
use crate::aws::service_reply::ServiceReply;
use crate::clock::StackClock;
use crate::dynamodb::Caller;
use crate::template::TemplateSecret;
use state::State;

pub use state::PER_FUNCTION;

/// The secrets of one stack.
#[derive(Debug)]
pub struct SecretsManager {
    clock: StackClock,
    file: Option<PathBuf>,
    state: Mutex<State>,
    reads: Mutex<BTreeMap<(String, String), u64>>,
}

/// The operations of [`SecretsManager::call`].
const SERVED: [&str; 5] =
    ["CreateSecret", "DescribeSecret", "GetSecretValue", "ListSecrets", "PutSecretValue"];

impl SecretsManager {
    /// Opens the secrets and creates those of the template. `test_values` are the values
    /// of secrets that the template creates without one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(
        file: Option<PathBuf>,
        template: Vec<TemplateSecret>,
        test_values: &[(&str, &str)],
        clock: StackClock,
    ) -> std::io::Result<Self> {
        let mut state = file.as_deref().map_or_else(|| Ok(State::default()), State::read)?;
        let at = clock.now();
        for secret in template {
            let test_value = test_values.iter().find(|(name, _)| *name == secret.name);
            let is_key = secret.value.is_none();
            let value = secret.value.or_else(|| test_value.map(|(_, value)| (*value).to_owned()));
            state.deploy((secret.name, secret.arn), value, is_key, at);
        }
        if let Some(file) = &file {
            state.write(file)?;
        }
        let (state, reads) = (Mutex::new(state), Mutex::default());
        Ok(Self { clock, file, state, reads })
    }

    /// Runs one operation, such as `GetSecretValue`, with its JSON body.
    pub(crate) fn serve(&self, operation: &str, body: &Value, caller: &Caller) -> ServiceReply {
        match self.call(operation, body, caller) {
            Ok(answer) => ServiceReply::Success(answer),
            Err(error) => ServiceReply::Error(error),
        }
    }

    /// Runs one operation.
    ///
    /// # Errors
    /// The error of Secrets Manager.
    pub fn call(&self, operation: &str, body: &Value, caller: &Caller) -> Result<Value, AwsError> {
        let caller = match caller {
            Caller::Function(name) => name.as_str(),
            Caller::StateMachine => "state-machine",
            Caller::Other => "other",
        };
        let now = self.clock.now();
        let mut state = self.state();
        let answer = match operation {
            "GetSecretValue" => {
                let answer = operations::get_value(&state, body, caller)?;
                self.count_read(&answer, caller);
                return Ok(answer);
            }
            "DescribeSecret" => return operations::describe(&state, body),
            "ListSecrets" => return Ok(operations::list(&state)),
            "PutSecretValue" => operations::put_value(&mut state, body, now)?,
            "CreateSecret" => operations::create(&mut state, body, now)?,
            _ => return Err(AwsError::not_served("Secrets Manager", &SERVED)),
        };
        self.save(&state)?;
        Ok(answer)
    }

    /// Removes the values of all secrets that the template creates without one, as in a
    /// first deployment.
    pub fn remove_keys(&self) {
        let mut state = self.state();
        for secret in state.secrets.iter_mut().filter(|secret| secret.is_key) {
            secret.versions.clear();
        }
        // Only scenarios call this, on a stack that keeps no file.
        let _kept_in_memory = self.save(&state);
    }

    /// The value of a secret now, as this function reads it; none without one.
    pub fn value(&self, name: &str, function: &str) -> Option<String> {
        let state = self.state();
        let secret = state.secrets.iter().find(|secret| secret.name == name)?;
        secret.current().map(|version| version.value_for(function))
    }

    /// The ARN of the secret that this `SecretId` names.
    pub(crate) fn arn(&self, id: &str) -> Option<String> {
        let state = self.state();
        let place = operations::find(&state, &json!({ "SecretId": id })).ok()?;
        Some(state.secrets[place].arn.clone())
    }

    /// How often each secret was read by each caller.
    pub fn reads(&self) -> BTreeMap<(String, String), u64> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count_read(&self, answer: &Value, caller: &str) {
        let secret = answer["Name"].as_str().unwrap_or_default().to_owned();
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        *reads.entry((secret, caller.to_owned())).or_default() += 1;
    }

    fn save(&self, state: &State) -> Result<(), AwsError> {
        let written = self.file.as_deref().map_or(Ok(()), |file| state.write(file));
        written.map_err(|error| AwsError::server("InternalServiceError", error.to_string()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
