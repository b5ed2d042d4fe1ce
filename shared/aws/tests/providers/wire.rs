//! What the contract tests share: a wire that answers every request with the same
//! and keeps what it was asked, and where the providers' contracts are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use domain::ports::{NoResponse, Request, Response, Transport};

#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) answer: Result<Response, NoResponse>,
    pub(crate) asked: Arc<Mutex<Vec<Request>>>,
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, NoResponse> {
        self.asked.lock().unwrap().push(request);
        self.answer.clone()
    }
}

/// Where a provider's recordings are; none where this repository stands alone.
pub(crate) fn contracts(provider: &str) -> Option<PathBuf> {
    let contracts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    let folder = contracts.join(provider);
    if folder.is_dir() {
        return Some(folder);
    }
    #[expect(clippy::disallowed_methods, reason = "whether this is CI is asked nowhere else here")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "CI has the contracts beside the repository: {}", folder.display());
    println!("skipped: no contracts beside the repository");
    None
}
