//! The direct dependencies of the packages that ship.
//!
//! Each one is weight, a license and an owner to trust, so a new one is a decision:
//! add it here in the commit that says why.

use std::collections::BTreeSet;

use crate::files::{packages, read};

/// The packages of ours that ship, and what each depends on directly.
const DIRECT: &[(&str, &str)] = &[
    ("functions/check-inventory", "aws domain serde_json tokio"),
    ("functions/initiate-shipping", "aws domain easypost http-client serde_json tokio"),
    (
        "functions/order-api",
        "aws base64 domain easypost hex lambda_http serde serde_json sha2 stripe strum tokio \
         tracing utoipa",
    ),
    ("functions/process-payment", "aws domain http-client serde_json stripe tokio"),
    (
        "functions/reconcile-orders",
        "aws domain easypost futures-util http-client serde serde_json stripe strum tokio tracing",
    ),
    (
        "shared/aws",
        "aws-config aws-credential-types aws-sdk-dynamodb aws-sdk-secretsmanager aws-sdk-sfn \
         aws-smithy-http-client aws-smithy-runtime-api aws-smithy-types domain fastrand jiff lambda_runtime \
         serde serde_dynamo serde_json strum thiserror tokio tracing tracing-subscriber url",
    ),
    ("shared/domain", "jiff serde serde_json strum thiserror uuid"),
    ("shared/easypost", "base64 domain hex hmac serde serde_json sha2 unicode-normalization url"),
    ("shared/http", "domain reqwest rustls thiserror webpki-roots"),
    ("shared/stripe", "domain hex hmac serde serde_json sha2 url"),
];

#[test]
fn every_shipped_package_depends_on_what_is_listed_and_nothing_else() {
    let shipped: Vec<_> = packages()
        .into_iter()
        .filter(|package| !package.starts_with("local/") && package != "shared/testing")
        .collect();
    let listed: BTreeSet<&str> = DIRECT.iter().map(|(package, _)| *package).collect();
    let shipped: BTreeSet<&str> = shipped.iter().map(String::as_str).collect();
    let missing: Vec<_> = shipped.difference(&listed).collect();
    assert!(missing.is_empty(), "add to DIRECT: {missing:?}");
    let gone: Vec<_> = listed.difference(&shipped).collect();
    assert!(gone.is_empty(), "remove from DIRECT: {gone:?}");
    let mut differences = Vec::new();
    for (package, dependencies) in DIRECT {
        let expected: BTreeSet<&str> = dependencies.split_whitespace().collect();
        let manifest = read(&format!("{package}/Cargo.toml"));
        let found: BTreeSet<&str> = dependencies_of(&manifest).collect();
        if found != expected {
            let (new, unused) = (found.difference(&expected), expected.difference(&found));
            differences.push(format!(
                "{package}: not listed {:?}, listed but unused {:?}",
                new.collect::<Vec<_>>(),
                unused.collect::<Vec<_>>()
            ));
        }
    }
    assert!(differences.is_empty(), "direct dependencies:\n{}", differences.join("\n"));
}

#[test]
fn telemetry_logs_every_shipped_package_at_its_level() {
    let shipped: BTreeSet<String> = DIRECT
        .iter()
        .map(|(package, _)| {
            let manifest = read(&format!("{package}/Cargo.toml"));
            let line = manifest.lines().find(|line| line.starts_with("name = ")).unwrap();
            line.split('"').nth(1).unwrap().replace('-', "_")
        })
        .collect();
    let known: BTreeSet<String> =
        aws::telemetry::SHIPPED_CRATES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(known, shipped, "aws::telemetry::SHIPPED_CRATES");
}

#[test]
fn the_local_stack_depends_on_every_function() {
    let manifest = read("local/stack/Cargo.toml");
    let listed: BTreeSet<&str> = dependencies_of(&manifest).collect();
    let missing: Vec<String> = packages()
        .into_iter()
        .filter_map(|package| package.strip_prefix("functions/").map(str::to_owned))
        .filter(|function| !listed.contains(function.as_str()))
        .collect();
    assert!(missing.is_empty(), "add to [dependencies] of local/stack/Cargo.toml: {missing:?}");
}

/// The names in the `[dependencies]` table of a manifest.
fn dependencies_of(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}
