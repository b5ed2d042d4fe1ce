//! Building the functions, in workspaces with one function each.

use std::fs;
use std::path::Path;
use std::process::Command;

use local_stack::functions::{BuildError, Profile, build_in};
use tempfile::TempDir;

/// A workspace with one function, the package `local-stack`, and a template that names
/// `greeter`.
fn workspace(package: &str, main: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = "[profile.local]\ninherits = \"dev\"\n";
    let files = [
        ("Cargo.toml", format!("[workspace]\nmembers = [\"f\", \"local\"]\n{profile}")),
        ("f/Cargo.toml", manifest(package)),
        ("f/src/main.rs", main.to_owned()),
        ("local/Cargo.toml", manifest("local-stack")),
        ("local/src/lib.rs", String::new()),
        ("template.yaml", TEMPLATE.to_owned()),
    ];
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

const TEMPLATE: &str = "Resources: {F: {Type: AWS::Serverless::Function, \
                        Metadata: {BuildProperties: {Binary: greeter}}}}";

fn manifest(package: &str) -> String {
    format!("[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n")
}

fn build(folder: &Path) -> Result<local_stack::functions::Binaries, BuildError> {
    build_in(folder, Profile::Local)
}

#[test]
fn a_function_is_built_and_its_binary_is_found() {
    let folder = workspace("greeter", "fn main() { println!(\"hello\"); }");
    let binaries = build(folder.path()).expect("a successful build");
    let parse_artifact = binaries.get("greeter").expect("the binary");
    let ran = Command::new(parse_artifact).output().expect("the binary runs");
    assert_eq!(ran.stdout, b"hello\n");
    assert_eq!(binaries.get("another"), None);
}

#[test]
fn a_function_that_does_not_build_is_named() {
    let folder = workspace("greeter", "fn main() { this is not Rust }");
    let error = build(folder.path()).expect_err("a failed build").to_string();
    assert_eq!(error, "the functions do not build: cargo's own message is above (greeter)");
}

#[test]
fn a_template_that_names_an_unknown_package_is_an_error() {
    let folder = workspace("another-package", "fn main() {}");
    let error = build(folder.path()).expect_err("an unknown package");
    assert!(matches!(error, BuildError::BuildFailed { .. }), "{error}");
}
