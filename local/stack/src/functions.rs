//! Builds the functions with one cargo call and finds their binaries.
//!
//! The call selects the same packages as the call that built the running program.
//! Otherwise the features of shared dependencies would differ, and cargo would compile
//! them again. Cargo's progress and errors go to the terminal.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::template::{Template, TemplateError};

/// A cargo profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For tests: fast to build.
    Dev,
    /// For `cargo local`: optimized, but fast to link.
    Local,
    /// The profile that ships.
    Release,
}

impl Profile {
    /// Cargo's arguments for the profile and the packages.
    fn selection(self, packages: &[String]) -> Vec<&str> {
        let (profile, also): (_, &[&str]) = match self {
            // Same as `cargo test --workspace`, after which nothing is left to build.
            Self::Dev => return vec!["--workspace", "--all-targets"],
            // Same as `cargo run --package local-stack`, whose graph contains the functions.
            Self::Local => ("local", &["--package", "local-stack"]),
            // Only the functions.
            Self::Release => ("release", &[]),
        };
        let functions = packages.iter().flat_map(|package| ["--package", package]);
        ["--profile", profile].into_iter().chain(also.iter().copied()).chain(functions).collect()
    }
}

/// The functions' binaries by crate name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries(BTreeMap<String, PathBuf>);

impl Binaries {
    /// Binaries that exist already.
    pub fn new(binaries: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self(binaries.into_iter().collect())
    }

    /// The binary of this function.
    pub fn get(&self, function: &str) -> Option<&Path> {
        self.0.get(function).map(PathBuf::as_path)
    }
}

/// Why the functions could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The template cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The template is invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Cargo could not be started.
    #[error("cannot run {cargo}: {source}")]
    CargoNotRun {
        /// The path of cargo.
        cargo: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The build failed. Cargo has printed why.
    #[error("the functions do not build: cargo's own message is above ({packages})")]
    BuildFailed {
        /// The packages.
        packages: String,
    },
    /// A function's package has no binary with its name.
    #[error("the package {package}, which template.yaml names, has no binary of that name")]
    MissingBinary {
        /// The package.
        package: String,
    },
}

/// Builds every function of the template for `cargo local`, or for release.
///
/// # Errors
/// When the template is invalid or the build fails.
pub fn build(root: &Path, release: bool) -> Result<Binaries, BuildError> {
    build_in(root, if release { Profile::Release } else { Profile::Local })
}

/// Builds every function of the template in this profile.
///
/// # Errors
/// When the template is invalid or the build fails.
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

/// Reads `template.yaml` at the root of the workspace.
///
/// # Errors
/// When the file cannot be read or the template is invalid.
pub fn read_template(root: &Path) -> Result<Template, BuildError> {
    let path = root.join("template.yaml");
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Unreadable { path, source })?;
    Ok(Template::parse(&text)?)
}

/// Runs cargo. Returns its messages, one JSON object a line.
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

/// Removes the variables that the outer cargo sets for the running package. Build scripts
/// (ring's) watch these variables: with them, cargo would compile half of the dependencies
/// again, and once more at the next call from a shell.
#[expect(clippy::disallowed_methods, reason = "this function removes variables of the environment")]
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
        let name_text = name.to_string_lossy();
        if PACKAGE_VARIABLES.iter().any(|prefix| name_text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// The path of the outer cargo, or `cargo` from the search path.
#[expect(clippy::disallowed_methods, reason = "cargo passes its own path as a variable")]
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The name and path of the binary in a message of cargo.
fn parse_artifact(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message["executable"].as_str()?;
    // The test harness of a binary has the same name.
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
    fn binaries_are_read_from_cargos_messages() {
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
        let error = read_template(Path::new("/nowhere")).expect_err("no such file");
        assert!(error.to_string().starts_with("cannot read /nowhere/template.yaml: "), "{error}");
    }
}
