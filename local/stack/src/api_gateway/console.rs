//! The web page of the working copy: a file that differs from the one in `order-api`'s
//! binary comes from the disk, so that an edit shows on reload without a build. Also the
//! files that never ship, in `console/local`. Any other file comes from the function.

use std::path::PathBuf;

use domain::Timestamp;
use order_api::console::{self, SignIn};
use order_api::event::Request;
use serde_json::Value;

/// The folder `console/` of the working copy.
#[derive(Debug)]
pub(super) struct ConsoleFolder(PathBuf);

impl ConsoleFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The response to this event, as the function would return it, if it asks for a file
    /// that the function does not have in this version.
    pub(super) async fn respond(&self, event: &Value) -> Option<Value> {
        let request =
            Request::parse(event, || Timestamp::from_jiff(jiff::Timestamp::UNIX_EPOCH)).ok()?;
        let name = console::file_name(&request.path)?;
        if name.split('/').any(|part| part == "..") {
            return None;
        }
        let bytes = tokio::fs::read(self.0.join(name)).await.ok()?;
        let embedded = console::FILES.iter().find(|file| file.name == name);
        if embedded.is_some_and(|file| file.digest == console::digest(&bytes)) {
            return None;
        }
        let response = console::serve_unembedded(&request, name, &bytes, &SignIn::Development)?;
        Some(response.into_event())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn get(folder: &ConsoleFolder, path: &str) -> Option<Value> {
        let context = json!({"http": {"method": "GET"}, "timeEpoch": 1});
        folder.respond(&json!({"rawPath": path, "requestContext": context})).await
    }

    #[tokio::test]
    async fn only_a_file_that_differs_from_the_embedded_one_comes_from_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        };
        let index = console::FILES.iter().find(|file| file.name == "index.html");
        let page = ConsoleFolder::new(folder.path().join("console"));
        assert_eq!(get(&page, "/").await, None, "no such file");
        write("console/index.html", index.expect("an index").identity);
        assert_eq!(get(&page, "/").await, None, "the embedded file");
        write("console/index.html", b"edited");
        let edited = get(&page, "/").await.expect("the edited file");
        assert_eq!((&edited["statusCode"], &edited["body"]), (&json!(200), &json!("ZWRpdGVk")));
        assert_eq!(edited["headers"]["content-type"], "text/html; charset=utf-8");
        write("console/local/panel.js", b"panel");
        assert!(get(&page, "/console/local/panel.js").await.is_some(), "a local file");
        write("secret.html", b"secret");
        assert_eq!(get(&page, "/console/../secret.html").await, None, "outside the folder");
        write("console/package.json", b"{}");
        assert_eq!(get(&page, "/console/package.json").await, None, "not part of the page");
        assert_eq!(get(&page, "/orders").await, None);
    }
}
