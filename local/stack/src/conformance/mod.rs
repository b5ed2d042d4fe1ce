//! `cargo local conformance`: the engine against recordings of the real Step Functions.
//!
//! `vectors.rs` reads the recordings and `drive.rs` runs one on virtual time. `compare.rs`
//! decides which values are equal; `executions.rs` and `definitions.rs` pair actual and recorded
//! values; `report.rs` counts. `known_disagreements.rs` checks the result against the list of
//! accepted disagreements, each with its reason.

mod compare;
mod definitions;
mod drive;
mod executions;
mod known_disagreements;
mod report;
mod vectors;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;

use report::{Report, Verdict};
use vectors::Vector;

/// The arguments of `cargo local conformance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder with `vectors/` or `definitions/` (with `PROVENANCE.json`), or one of the two.
    pub dir: PathBuf,
    /// Print the counts as JSON and nothing else.
    #[arg(long)]
    pub json: bool,
    /// Fail unless the disagreements are exactly those listed in this file.
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// Write every compared pair to this file, one JSON object per line.
    #[arg(long, hide = true, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

/// Runs everything in the folder and prints the counts and disagreements.
///
/// # Errors
/// If the folder or a file in it cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut dump = args.dump.as_deref().map(Dump::create).transpose()?;
    let report = compare_all(&args.dir, dump.as_mut())?;
    let text = if args.json { format!("{}\n", report.json()) } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    let Some(known) = &args.known else { return Ok(ExitCode::SUCCESS) };
    let changes = known_disagreements::compare(known, &report.disagreements)?;
    std::io::stderr().write_all(changes.as_bytes())?;
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The differences from the list of known disagreements, one per line; empty if there are none.
///
/// # Errors
/// If a file cannot be read.
pub fn changes(dir: &Path, known: &Path) -> Result<String> {
    known_disagreements::compare(known, &compare_all(dir, None)?.disagreements)
}

fn compare_all(dir: &Path, mut dump: Option<&mut Dump>) -> Result<Report> {
    let mut report = Report::default();
    let folders = Folders::find(dir)?;
    if let Some(folder) = folders.vectors {
        for vector in Vector::read_all(&folder)? {
            let (verdict, has_history) = compare_vector(&vector);
            report.add(&verdict, has_history);
            dump.as_deref_mut().map_or(Ok(()), |dump| dump.write(&verdict))?;
        }
    }
    if let Some(folder) = folders.definitions {
        for verdict in definitions::compare_all(&folder)? {
            report.add(&verdict, false);
            dump.as_deref_mut().map_or(Ok(()), |dump| dump.write(&verdict))?;
        }
    }
    Ok(report)
}

fn compare_vector(vector: &Vector) -> (Verdict, bool) {
    match vector {
        Vector::Execution(recording) => {
            (executions::compare(recording), recording.expected_history.is_some())
        }
        Vector::ApiError(request) => (definitions::compare_rejection(request), false),
        Vector::ValidateDefinition(request) => (definitions::compare_validation(request), false),
        Vector::Unrecognized(unrecognized) => (executions::skip(unrecognized), false),
    }
}

/// The recordings in the folder.
struct Folders {
    vectors: Option<PathBuf>,
    definitions: Option<PathBuf>,
}

impl Folders {
    fn find(dir: &Path) -> Result<Self> {
        let existing = |path: PathBuf| path.is_dir().then_some(path);
        let mut found = Self {
            vectors: existing(dir.join("vectors")),
            definitions: existing(dir.join("definitions")),
        };
        if found.vectors.is_none() && found.definitions.is_none() {
            // Then the folder must be one of the two itself, under any name.
            let definitions = dir.join("PROVENANCE.json").is_file();
            if !definitions && Vector::files(dir)?.is_empty() {
                bail!("{} has neither vectors/ nor definitions/", dir.display());
            }
            let folder = Some(dir.to_owned());
            *(if definitions { &mut found.definitions } else { &mut found.vectors }) = folder;
        }
        Ok(found)
    }
}

/// Writes the compared pairs to a file, for a check by another implementation.
struct Dump(BufWriter<File>);

impl Dump {
    fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(BufWriter::new(file)))
    }

    fn write(&mut self, verdict: &Verdict) -> Result<()> {
        for (part, pair) in &verdict.parts {
            let line = json!({
                "name": verdict.name,
                "part": part.as_str(),
                "recorded": pair.recorded,
                "actual": pair.actual,
                "agree": compare::agree(&pair.recorded, &pair.actual),
            });
            writeln!(self.0, "{line}")?;
        }
        Ok(self.0.flush()?)
    }
}
