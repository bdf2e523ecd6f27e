//! The end of a command: the error on stderr and the exit code.

use std::process::ExitCode;

use super::flag_names::explain_plan;
#[cfg(feature = "cluster")]
use super::hints;
use super::output::Printer;
#[cfg(feature = "cluster")]
use super::wait_hints::Origins;
use crate::mesh::PlanError;
#[cfg(feature = "cluster")]
use crate::ops;

/// The result of a command.
pub(super) type Done = Result<(), Failure>;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong usage or input: exit code 2.
    Input(String),
    /// The operation failed, or what was verified does not hold: exit code 1.
    Operation(String),
    /// Help, version or wrong usage, in the layout of clap.
    Usage(Box<clap::Error>),
    /// The reader of the output has closed the pipe. This is not an error.
    ClosedPipe,
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        Failure::Input(explain_plan(&error))
    }
}

#[cfg(feature = "cluster")]
impl Failure {
    /// The failure of an operation, with the origins of images that cannot be pulled.
    pub fn of_operation(error: &ops::Error, origins: Origins<'_>) -> Failure {
        let message = hints::explain(error, origins);
        match error.is_wrong_input() {
            true => Failure::Input(message),
            false => Failure::Operation(message),
        }
    }
}

#[cfg(feature = "cluster")]
impl From<ops::Error> for Failure {
    fn from(error: ops::Error) -> Failure {
        Failure::of_operation(&error, &|_| None)
    }
}

#[cfg(feature = "cluster")]
impl From<helm_release::Error> for Failure {
    fn from(error: helm_release::Error) -> Failure {
        ops::Error::from(error).into()
    }
}

#[cfg(feature = "cluster")]
impl From<helm_release::client::ClientError> for Failure {
    fn from(error: helm_release::client::ClientError) -> Failure {
        ops::Error::from(error).into()
    }
}

#[cfg(feature = "cluster")]
impl From<helm_release::release::ReleaseError> for Failure {
    fn from(error: helm_release::release::ReleaseError) -> Failure {
        ops::Error::from(error).into()
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Failure {
        Failure::Usage(Box::new(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Operation(format!("cannot write the output: {error}")),
        }
    }
}

/// Prints the error, if there is one, and returns the exit code.
pub(super) fn code(done: Done, printer: &mut Printer) -> ExitCode {
    let done = done.and_then(|()| Ok(printer.flush()?));
    let code = match done {
        Ok(()) | Err(Failure::ClosedPipe) => 0,
        Err(Failure::Input(message)) => {
            printer.error(&message);
            2
        }
        Err(Failure::Operation(message)) => {
            printer.error(&message);
            1
        }
        Err(Failure::Usage(error)) => match error.print().map_err(Failure::from) {
            // Help and versions are the output; if wrong usage cannot be reported, nothing else can.
            Err(Failure::Operation(message)) if !error.use_stderr() => {
                printer.error(&message);
                1
            }
            _ => u8::try_from(error.exit_code()).unwrap_or(2),
        },
    };
    ExitCode::from(code)
}
