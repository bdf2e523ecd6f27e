//! Output: data goes to stdout, progress, notes, warnings and errors to stderr.

#[cfg(feature = "cluster")]
use std::io::IsTerminal as _;
use std::io::{self, BufWriter, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::AutoStream;
use anstyle::AnsiColor;
use clap::{ColorChoice, ValueEnum};
use serde_json::Value;

use helm_chart::{json, yaml};

/// The two streams of a process.
pub(super) struct Printer {
    out: BufWriter<Stdout>,
    err: AutoStream<Stderr>,
}

impl Printer {
    /// The streams of this process. stderr has colors if `color` allows it: `Auto` heeds `NO_COLOR` and
    /// `CLICOLOR_FORCE`, and otherwise needs a terminal.
    pub fn of_process(color: ColorChoice) -> Printer {
        match color {
            ColorChoice::Auto => {}
            ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
            ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
        }
        Printer {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            err: AutoStream::auto(io::stderr()),
        }
    }

    /// Writes data to stdout.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Reports progress.
    #[cfg(feature = "cluster")]
    pub fn progress(text: &str) {
        // A failed write to stderr cannot be reported.
        let _ = io::stderr().write_all(format!("{}{text}\n", cleared()).as_bytes());
    }

    /// Returns whether stderr is a terminal that can erase a line.
    #[cfg(feature = "cluster")]
    pub fn can_be_live() -> bool {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        io::stderr().is_terminal() && !is_dumb
    }

    /// Shows a line that the next output erases; an empty string only erases the last one.
    #[cfg(feature = "cluster")]
    pub fn live(text: &str) {
        let _ = io::stderr().write_all(format!("{}{text}", cleared()).as_bytes());
        HAS_LIVE_LINE.store(!text.is_empty(), Ordering::Relaxed);
    }

    /// Prints a note.
    pub fn note(&mut self, text: &str) {
        self.say("note", AnsiColor::Green, text);
    }

    /// Prints a warning.
    pub fn warning(&mut self, text: &str) {
        self.say("warning", AnsiColor::Yellow, text);
    }

    /// Prints the error that ends the command.
    pub fn error(&mut self, text: &str) {
        self.say("error", AnsiColor::Red, text);
    }

    fn say(&mut self, kind: &str, color: AnsiColor, text: &str) {
        // A failed write to stderr cannot be reported.
        let _ = io::stderr().write_all(cleared().as_bytes());
        let style = color.on_default().bold();
        let line = format!("{style}{kind}{style:#}: {text}\n");
        let _ = self.err.write_all(line.as_bytes());
    }
}

/// Whether the terminal shows a line that the next output erases.
static HAS_LIVE_LINE: AtomicBool = AtomicBool::new(false);

/// Returns the sequence that erases that line (ECMA-48: carriage return, erase in line).
fn cleared() -> &'static str {
    match HAS_LIVE_LINE.swap(false, Ordering::Relaxed) {
        true => "\r\x1b[K",
        false => "",
    }
}

/// The output format of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
    Yaml,
}

/// The flag `-o`.
#[derive(Debug, clap::Args)]
pub(super) struct FormatArg {
    /// Output format
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        help_heading = "Output"
    )]
    pub format: Format,
}

impl Format {
    /// Formats the data; `table` gives the columns.
    pub fn text(self, data: &Value, table: impl FnOnce() -> String) -> String {
        match self {
            Format::Table => table(),
            Format::Json => json::pretty(data) + "\n",
            Format::Yaml => yaml::to_yaml(data),
        }
    }
}

/// Returns a dash instead of an empty cell.
#[cfg(feature = "cluster")]
pub(super) fn or_dash(text: String) -> String {
    match text.is_empty() {
        true => "-".to_owned(),
        false => text,
    }
}

/// Formats rows as columns, each as wide as its widest cell, as kubectl does.
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
