//! The engine against recordings of the real Step Functions: `cargo local conformance`.
//!
//! `vectors.rs` reads the recordings, `drive.rs` runs one through the engine on virtual
//! time, `compare.rs` says what counts as equal, `executions.rs` and `definitions.rs`
//! pair what happened with what was recorded, `report.rs` counts, and `known.rs` holds
//! the result against the list of disagreements that are accepted, each with its reason.

mod compare;
mod definitions;
mod drive;
mod executions;
mod known;
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
    /// Holds `vectors/` or `definitions/` (with `PROVENANCE.json`), or is one of them.
    pub dir: PathBuf,
    /// Prints the counts as JSON, alone on stdout.
    #[arg(long)]
    pub json: bool,
    /// Fails unless exactly what this file lists disagrees.
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// Writes every compared pair to this file, one JSON object a line.
    #[arg(long, hide = true, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

/// Runs everything in the folder and prints what agrees and what does not.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut dump = args.dump.as_deref().map(Dump::create).transpose()?;
    let report = examine(&args.dir, dump.as_mut())?;
    let text = if args.json { format!("{}\n", report.json()) } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    let Some(known) = &args.known else { return Ok(ExitCode::SUCCESS) };
    let news = known::compare(known, &report.disagreements)?;
    std::io::stderr().write_all(news.as_bytes())?;
    Ok(if news.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is new or gone in comparison with the list of known disagreements; empty when
/// nothing is. This is what CI asks.
///
/// # Errors
/// When a file cannot be read.
pub fn changes(dir: &Path, known: &Path) -> Result<String> {
    known::compare(known, &examine(dir, None)?.disagreements)
}

fn examine(dir: &Path, mut dump: Option<&mut Dump>) -> Result<Report> {
    let mut report = Report::default();
    let folders = Folders::of(dir)?;
    if let Some(folder) = folders.vectors {
        for vector in Vector::read_all(&folder)? {
            let (verdict, has_history) = judge(&vector);
            report.add(&verdict, has_history);
            dump.as_deref_mut().map_or(Ok(()), |dump| dump.write(&verdict))?;
        }
    }
    if let Some(folder) = folders.definitions {
        for verdict in definitions::judge_all(&folder)? {
            report.add(&verdict, false);
            dump.as_deref_mut().map_or(Ok(()), |dump| dump.write(&verdict))?;
        }
    }
    Ok(report)
}

fn judge(vector: &Vector) -> (Verdict, bool) {
    match vector {
        Vector::Execution(recording) => {
            (executions::judge(recording), recording.expected_history.is_some())
        }
        Vector::ApiError(request) => (definitions::judge_refusal(request), false),
        Vector::ValidateDefinition(request) => (definitions::judge_validation(request), false),
        Vector::Strange(strange) => (executions::refuse(strange), false),
    }
}

/// What the folder holds.
struct Folders {
    vectors: Option<PathBuf>,
    definitions: Option<PathBuf>,
}

impl Folders {
    fn of(dir: &Path) -> Result<Self> {
        let existing = |path: PathBuf| path.is_dir().then_some(path);
        let mut found = Self {
            vectors: existing(dir.join("vectors")),
            definitions: existing(dir.join("definitions")),
        };
        if found.vectors.is_none() && found.definitions.is_none() {
            // Then it must be one of the two itself, whatever its name.
            let definitions = dir.join("PROVENANCE.json").is_file();
            if !definitions && Vector::files(dir)?.is_empty() {
                bail!("{} holds neither vectors/ nor definitions/", dir.display());
            }
            let folder = Some(dir.to_owned());
            *(if definitions { &mut found.definitions } else { &mut found.vectors }) = folder;
        }
        Ok(found)
    }
}

/// The pairs that were compared, for a second opinion.
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
