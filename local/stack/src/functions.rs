//! Builds the functions that ship, in one cargo call, and finds their programs.
//!
//! One call for all, and of the same packages as the call that built whoever asks:
//! otherwise cargo would compile the dependencies that they share anew wherever
//! their features differ. Cargo's own progress and errors are shown as they come.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::template::{Template, TemplateError};

/// How the functions are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For tests: quick to build.
    Dev,
    /// For `cargo local`: optimised, but quick to link.
    Local,
    /// What ships.
    Release,
}

impl Profile {
    /// What cargo is told to build, and how.
    fn selection(self, packages: &[String]) -> Vec<&str> {
        let (profile, also): (_, &[&str]) = match self {
            // What `cargo test --workspace` builds; then there is nothing left to do.
            Self::Dev => return vec!["--workspace", "--all-targets"],
            // What `cargo run --package local-stack` builds, whose graph has the functions.
            Self::Local => ("local", &["--package", "local-stack"]),
            // What ships, and nothing else.
            Self::Release => ("release", &[]),
        };
        let functions = packages.iter().flat_map(|package| ["--package", package]);
        ["--profile", profile].into_iter().chain(also.iter().copied()).chain(functions).collect()
    }
}

/// The functions' programs, by crate name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries(BTreeMap<String, PathBuf>);

impl Binaries {
    /// Programs that are already there.
    pub fn new(programs: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self(programs.into_iter().collect())
    }

    /// The program of this function.
    pub fn get(&self, function: &str) -> Option<&Path> {
        self.0.get(function).map(PathBuf::as_path)
    }
}

/// Why there are no programs.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The template cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Cargo could not be run.
    #[error("cannot run {cargo}: {source}")]
    CargoNotRun {
        /// What was tried.
        cargo: String,
        /// Why it did not work.
        source: io::Error,
    },
    /// Cargo says why, above.
    #[error("the functions do not build: cargo's own message is above ({packages})")]
    BuildFailed {
        /// What was to be built.
        packages: String,
    },
    /// A function's package has no program of its name.
    #[error("the package {package} has no program of that name, although template.yaml names it")]
    MissingBinary {
        /// The package.
        package: String,
    },
}

/// Builds for `cargo local`, or for release.
pub fn build(root: &Path, release: bool) -> Result<Binaries, BuildError> {
    build_in(root, if release { Profile::Release } else { Profile::Local })
}

/// Builds every function of the template in this profile.
pub fn build_in(root: &Path, profile: Profile) -> Result<Binaries, BuildError> {
    let template = read_template(root)?;
    let packages: Vec<_> =
        template.functions()?.into_iter().map(|function| function.binary).collect();
    let messages = cargo_build(root, profile, &packages)?;
    let built: BTreeMap<_, _> = messages.lines().filter_map(parse_artifact).collect();
    let find = |package: &String| match built.get(package) {
        Some(path) => Ok((package.clone(), path.clone())),
        None => Err(BuildError::MissingBinary { package: package.clone() }),
    };
    packages.iter().map(find).collect::<Result<_, _>>().map(Binaries)
}

/// The template at the workspace's root.
pub fn read_template(root: &Path) -> Result<Template, BuildError> {
    let path = root.join("template.yaml");
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Unreadable { path, source })?;
    Ok(Template::parse(&text)?)
}

/// Runs cargo; what it says of its artifacts, one JSON a line.
fn cargo_build(root: &Path, profile: Profile, packages: &[String]) -> Result<String, BuildError> {
    let cargo = cargo();
    let mut command = Command::new(&cargo);
    clear_cargo_package_environment(&mut command);
    let output = command
        .current_dir(root)
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(profile.selection(packages))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::CargoNotRun { cargo, source })?;
    if !output.status.success() {
        return Err(BuildError::BuildFailed { packages: packages.join(", ") });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Takes away what the cargo that runs us says of the package that it runs. Build
/// scripts (ring's) watch these variables: with them set, cargo would compile half of
/// the dependencies again, and once more when it is next called from a shell.
#[expect(clippy::disallowed_methods, reason = "the environment is what is to be cleaned")]
fn clear_cargo_package_environment(command: &mut Command) {
    const PACKAGE_VARIABLES: [&str; 6] = [
        "CARGO_BIN_",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
    ];
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if PACKAGE_VARIABLES.iter().any(|prefix| told.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// The cargo that runs us, else the one that is found.
#[expect(clippy::disallowed_methods, reason = "cargo tells its own path by the environment")]
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The program that a message of cargo tells of, with its name.
fn parse_artifact(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message["executable"].as_str()?;
    // The harness of a program's own tests has the program's name, too.
    if message["profile"]["test"] == true {
        return None;
    }
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_read_from_cargos_messages() {
        fn check(message: &str, expected: Option<(&str, &str)>) {
            let expected = expected.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
            assert_eq!(parse_artifact(message), expected, "{message}");
        }
        check(
            r#"{"reason":"compiler-artifact","target":{"name":"order-api"},"executable":"/t/order-api"}"#,
            Some(("order-api", "/t/order-api")),
        );
        check(
            r#"{"reason":"compiler-artifact","target":{"name":"order-api"},"profile":{"test":true},"executable":"/t/order-api-0123"}"#,
            None,
        );
        check(
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#,
            None,
        );
        check(r#"{"reason":"build-finished","success":true}"#, None);
        check("not JSON", None);
    }

    #[test]
    fn a_missing_template_is_named() {
        let error = read_template(Path::new("/nowhere")).expect_err("there is none");
        assert!(error.to_string().starts_with("cannot read /nowhere/template.yaml: "), "{error}");
    }
}
