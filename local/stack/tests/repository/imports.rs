//! The layout: which package may use which, and that no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

use crate::files::{files_below, packages, read, relative, root, rust_files_below};
use crate::sources::{is_test, parse};

#[test]
fn every_source_file_opens_with_its_documentation() {
    let sources = ["shared", "functions", "local"].map(rust_files_below).concat();
    assert!(sources.len() > 50, "only {} sources were found", sources.len());
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with //!", path.display());
    }
}

#[test]
fn no_shipped_package_depends_on_the_local_stack() {
    let local: BTreeSet<String> =
        packages().iter().filter(|p| p.starts_with("local/")).map(|p| package_name(p)).collect();
    assert!(local.contains("asl") && local.contains("emulators"), "{local:?}");
    let forbidden: Vec<String> = packages()
        .iter()
        .filter(|package| !package.starts_with("local/"))
        .flat_map(|package| {
            let names = local.iter().filter(|name| depends_on(package, name));
            names.map(|name| format!("{package} depends on {name}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn the_domain_depends_on_no_other_package_of_ours() {
    let domain = "shared/domain";
    for package in packages().iter().filter(|package| *package != domain) {
        let name = package_name(package);
        // `testing` is a dev-dependency: it never ships.
        assert!(name == "testing" || !depends_on(domain, &name), "domain depends on {name}");
    }
}

#[test]
fn folder_package_and_library_have_one_name() {
    for package in packages() {
        let folder = package.rsplit('/').next().unwrap();
        let expected = match package.as_str() {
            // `http` and `stack` alone would say too little where they are used.
            "shared/http" => "http-client",
            "local/stack" => "local-stack",
            _ => folder,
        };
        assert_eq!(package_name(&package), expected, "{package}");
    }
}

fn package_name(package: &str) -> String {
    let manifest = read(&format!("{package}/Cargo.toml"));
    let line = manifest.lines().find(|line| line.starts_with("name = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn depends_on(package: &str, name: &str) -> bool {
    read(&format!("{package}/Cargo.toml"))
        .lines()
        .any(|line| line.split(['.', ' ', '=']).next().is_some_and(|word| word == name))
}

#[test]
fn no_two_files_import_each_other() {
    let mut circles = Vec::new();
    for package in packages() {
        let graph = import_graph(&root().join(package).join("src"));
        circles.extend(strongly_connected(&graph));
    }
    let described: Vec<String> = circles
        .iter()
        .map(|files| files.iter().map(|file| relative(file)).collect::<Vec<_>>().join(" <-> "))
        .collect();
    assert!(described.is_empty(), "files that import each other:\n{}", described.join("\n"));
}

type Graph = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Which file imports which, within one package. A parent that only declares or
/// re-exports its children does not import them, and a test module does not count.
fn import_graph(src: &Path) -> Graph {
    let modules: BTreeMap<Vec<String>, PathBuf> = files_below(&relative(src))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !relative(path).contains("/tests"))
        .map(|path| (module_path(src, &path), path))
        .collect();
    let mut graph = Graph::new();
    for (module, path) in &modules {
        let mut imports = Imports { module: module.clone(), found: BTreeSet::new() };
        imports.visit_file(&parse(path));
        let targets = imports
            .found
            .iter()
            .filter_map(|import| file_of(&modules, import))
            .filter(|target| *target != path)
            .cloned()
            .collect();
        graph.insert(path.clone(), targets);
    }
    graph
}

/// The file that defines what a path names: that of its longest module.
fn file_of<'a>(
    modules: &'a BTreeMap<Vec<String>, PathBuf>,
    import: &[String],
) -> Option<&'a PathBuf> {
    (0..=import.len()).rev().find_map(|length| modules.get(&import[..length]))
}

fn module_path(src: &Path, path: &Path) -> Vec<String> {
    let inside = path.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Vec<String> =
        inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// The paths that a file names from `crate`, `self` or `super`.
struct Imports {
    module: Vec<String>,
    found: BTreeSet<Vec<String>>,
}

impl Imports {
    fn add(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            _ => return,
        };
        for part in path {
            match part.as_str() {
                "crate" | "self" => {}
                "super" => drop(base.pop()),
                part => base.push(part.to_owned()),
            }
        }
        // A module may use its own submodules, which may use what it shares with them.
        if !base.starts_with(&self.module) {
            self.found.insert(base);
        }
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) if name.ident == "self" => self.add(prefix),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_tree(prefix, item));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) && !is_test(&item.attrs) {
            self.add_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1 {
            self.add(&parts);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The groups of files that reach each other.
fn strongly_connected(graph: &Graph) -> Vec<Vec<PathBuf>> {
    let reachable: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        graph.keys().map(|file| (file, reachable_from(graph, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, targets) in &reachable {
        let circle: Vec<PathBuf> = targets
            .iter()
            .filter(|target| reachable[**target].contains(*file))
            .map(|target| (*target).clone())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reachable_from<'a>(graph: &'a Graph, file: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&PathBuf> = graph[file].iter().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}
