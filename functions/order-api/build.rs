//! Embeds the files of the web page: reads `console/` and `statemachine.asl.json`,
//! compresses each file, and writes the table that `src/console.rs` includes.
//!
//! Files of the page are those with a known content type. `console/local/` is for the
//! local stack only, and a folder of tests or packages is not part of the page.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

#[path = "src/console/content_type.rs"]
mod content_type;

/// Folders of `console/` that are not embedded.
const NOT_EMBEDDED: [&str; 3] = ["local", "node_modules", "tests"];

#[expect(clippy::disallowed_methods, reason = "cargo passes the folders as variables")]
fn main() -> io::Result<()> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).ok_or(missing(name));
    let (manifest, out) = (folder("CARGO_MANIFEST_DIR")?, folder("OUT_DIR")?);
    let root = manifest.join("../..");
    let console = root.join("console");
    let workflow = root.join("statemachine.asl.json");

    let mut files = Vec::new();
    collect(&console, "", &mut files)?;
    files.push(("workflow.json".to_owned(), workflow.clone()));
    files.sort();

    let mut table = "&[\n".to_owned();
    for (number, (name, path)) in files.iter().enumerate() {
        table += &entry(name, &fs::read(path)?, &out, number)?;
    }
    table += "]\n";
    fs::write(out.join("console.rs"), table)?;
    watch(&[&console, &workflow])
}

fn watch(paths: &[&Path]) -> io::Result<()> {
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.canonicalize()?.display());
    }
    Ok(())
}

fn missing(variable: &str) -> io::Error {
    io::Error::other(format!("cargo did not set {variable}"))
}

/// Every file below a folder that is part of the page, by its path in `console/`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            let is_embedded = !prefix.is_empty() || !NOT_EMBEDDED.contains(&name.as_str());
            if is_embedded {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if content_type::content_type(&name).is_some() {
            files.push((path, entry.path()));
        }
    }
    Ok(())
}

/// The expression of one file; writes its encodings to the folder `out`.
fn entry(name: &str, identity: &[u8], out: &Path, number: usize) -> io::Result<String> {
    let mut expression =
        format!("    ConsoleFile {{ name: {name:?}, digest: {:?}", digest(identity));
    let encodings =
        [("identity", identity.to_vec()), ("gzip", gzip(identity)?), ("brotli", brotli(identity)?)];
    for (encoding, bytes) in encodings {
        let file = format!("console-{number}.{encoding}");
        fs::write(out.join(&file), bytes)?;
        let path = format!("concat!(env!(\"OUT_DIR\"), \"/{file}\")");
        write!(expression, ", {encoding}: include_bytes!({path})").map_err(io::Error::other)?;
    }
    Ok(expression + " },\n")
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(bytes))
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let parameters =
        brotli::enc::BrotliEncoderParams { size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters)?;
    Ok(compressed)
}
