//! How tasks write data to standard output.

use std::io::{self, Write};

/// Prints the text. A closed pipe is not an error.
pub(crate) fn print(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
