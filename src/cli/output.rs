//! Where output goes: data to stdout, everything else to stderr.

#[cfg(feature = "cluster")]
use std::io::IsTerminal as _;
use std::io::{self, BufWriter, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde_json::Value;

use helm_chart::{json, yaml};

/// The two streams of a process.
pub(super) struct Printer {
    out: BufWriter<Stdout>,
    err: Stderr,
}

impl Printer {
    pub fn of_process() -> Printer {
        Printer {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            err: io::stderr(),
        }
    }

    /// Data.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What is being done.
    #[cfg(feature = "cluster")]
    pub fn progress(text: &str) {
        // Where stderr is closed there is nobody to tell.
        let _ = io::stderr().write_all(format!("{}{text}\n", cleared()).as_bytes());
    }

    /// Whether stderr is a terminal that can take back what it shows.
    #[cfg(feature = "cluster")]
    pub fn can_be_live() -> bool {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        io::stderr().is_terminal() && !is_dumb
    }

    /// Shows a line that goes away with the next one; an empty text only takes the last one away.
    #[cfg(feature = "cluster")]
    pub fn live(text: &str) {
        let _ = io::stderr().write_all(format!("{}{text}", cleared()).as_bytes());
        HAS_LIVE_LINE.store(!text.is_empty(), Ordering::Relaxed);
    }

    /// Something to know.
    pub fn note(&mut self, text: &str) {
        self.say("note", text);
    }

    /// Something that is probably not wanted.
    pub fn warning(&mut self, text: &str) {
        self.say("warning", text);
    }

    /// Why the command failed.
    pub fn error(&mut self, text: &str) {
        self.say("error", text);
    }

    fn say(&mut self, kind: &str, text: &str) {
        // Where stderr is closed there is nobody to tell.
        let said = format!("{}{kind}: {text}\n", cleared());
        let _ = self.err.write_all(said.as_bytes());
    }
}

/// Whether the terminal shows a line that is to go away.
static HAS_LIVE_LINE: AtomicBool = AtomicBool::new(false);

/// What takes that line away (ECMA-48: carriage return, erase in line).
fn cleared() -> &'static str {
    match HAS_LIVE_LINE.swap(false, Ordering::Relaxed) {
        true => "\r\x1b[K",
        false => "",
    }
}

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
}

/// The flag for it.
#[derive(Debug, clap::Args)]
pub(super) struct FormatArg {
    /// How it is printed.
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    pub format: Format,
}

impl Format {
    /// The data as it is printed; `table` is for people.
    pub fn text(self, data: &Value, table: impl FnOnce() -> String) -> String {
        match self {
            Format::Table => table(),
            Format::Json => json::pretty(data) + "\n",
            Format::Yaml => yaml::to_yaml(data),
        }
    }
}

/// Rows in columns, each as wide as its widest cell, as kubectl prints them.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 3));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&mut header.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".into(), "bb".into()],
            vec!["ccc".into(), String::new()],
        ];
        assert_eq!(table(&["X", "YYY"], &rows), "X     YYY\na     bb\nccc\n");
    }
}
