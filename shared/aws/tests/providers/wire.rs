//! A wire that answers every request with the same, and keeps what it was asked.

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
