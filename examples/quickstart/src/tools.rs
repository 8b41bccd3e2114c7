//! The three tools of the example: they search Markdown files, measure disk space, and count prime numbers.

use std::path::{Component, Path, PathBuf};

use platools::{ToolError, tool};
use schemars::JsonSchema;
use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

/// The folder the tools look at, and nothing outside of it.
#[derive(Debug)]
pub(crate) struct Root(pub(crate) PathBuf);

impl Root {
    /// A path inside of the folder.
    fn inside(&self, path: &str) -> Result<PathBuf, ToolError> {
        let path = Path::new(path);
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ToolError::new("`path` must be relative and must not leave the folder").with_code("bad_path"));
        }
        Ok(self.0.join(path))
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.0).unwrap_or(path).display().to_string()
    }
}

/// A matching line.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Hit {
    /// The file, relative to the folder.
    file: String,
    /// The number of the line, counted from 1.
    line: usize,
    /// The line.
    text: String,
}

/// Search the Markdown files of a folder for a text, without regard to case.
#[tool(read_only, category = "files", timeout = "20s")]
pub(crate) fn search_markdown(
    /// Text to look for.
    #[arg(length(1..=200))]
    query: &str,
    /// Limit of the lines to return.
    #[arg(default = 10, range(1..=100))]
    limit: usize,
    root: &Root,
) -> Vec<Hit> {
    let query = query.to_lowercase();
    let files = files(&root.0).filter(|file| file.path().extension().is_some_and(|extension| extension == "md"));
    let hits = files.flat_map(|file| {
        // A file that is no text has no lines to find.
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let lines = text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains(&query));
        let hit = |(index, line): (usize, &str)| Hit {
            file: root.relative(file.path()),
            line: index + 1,
            text: line.trim().to_owned(),
        };
        lines.map(hit).collect::<Vec<_>>()
    });
    hits.take(limit).collect()
}

/// Space that a path takes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// The path, relative to the folder.
    path: String,
    /// Number of files.
    files: u64,
    /// Their sizes together, in bytes.
    bytes: u64,
}

/// Tell how much disk space a file or folder takes, hidden files and build output left out.
#[tool(read_only, category = "files")]
pub(crate) async fn disk_usage(
    /// Relative to the folder; `.` is all of it.
    #[arg(default = ".")]
    path: String,
    root: &Root,
) -> Result<Usage, ToolError> {
    let absolute = root.inside(&path)?;
    if !tokio::fs::try_exists(&absolute).await? {
        return Err(ToolError::new(format!("there is nothing at {path}")).with_code("not_found"));
    }
    let sizes = tokio::task::spawn_blocking(move || {
        files(&absolute)
            .filter_map(|file| file.metadata().ok())
            .fold((0, 0), |(files, bytes), file| (files + 1, bytes + file.len()))
    });
    let (files, bytes) = sizes.await?;
    Ok(Usage { path, files, bytes })
}

/// Count the prime numbers below a number.
#[tool(read_only, idempotent, category = "numbers", max_concurrency = 2)]
pub(crate) fn count_primes(
    /// The number.
    #[arg(range(2..=50_000_000))]
    below: u32,
    /// Panic half way, to show what that does.
    #[arg(default = false)]
    panic: bool,
) -> usize {
    let below = below as usize;
    let mut composite = vec![false; below];
    for number in (2..).take_while(|number| number * number < below) {
        if !composite[number] {
            (number * number..below).step_by(number).for_each(|multiple| composite[multiple] = true);
        }
    }
    assert!(!panic, "half way through {below} numbers");
    composite.iter().skip(2).filter(|composite| !**composite).count()
}

/// The files below a path, without hidden ones and build output.
fn files(path: &Path) -> impl Iterator<Item = DirEntry> {
    let wanted = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target" || name == "node_modules")
    };
    WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(wanted)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
}
