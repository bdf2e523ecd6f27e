//! How tasks write data to standard output.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::Exit;

/// Prints the text. A closed pipe is not an error.
pub(crate) fn print(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints the paths of the files that a task has written, or why it has not.
pub(crate) fn print_written(
    written: Result<Vec<PathBuf>, String>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let printed = written.and_then(|paths| {
        let lines: String = paths
            .iter()
            .map(|path| format!("{}\n", path.display()))
            .collect();
        print(out, &lines).map_err(|error| format!("cannot write to standard output: {error}"))
    });
    match printed {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}
