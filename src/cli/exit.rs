//! How a command ends: what is said on stderr, and the exit code.

use std::process::ExitCode;

#[cfg(feature = "cluster")]
use super::hints;
use super::output::Printer;
#[cfg(feature = "cluster")]
use crate::ops;
use crate::plan::PlanError;

/// What a command gives.
pub(super) type Done = Result<(), Failure>;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong usage or input: exit code 2.
    Input(String),
    /// The operation failed, or what was verified does not hold: exit code 1.
    Operation(String),
    /// What clap says: help, version, or wrong usage with its own layout.
    Usage(Box<clap::Error>),
    /// Whoever read our output has gone: no error.
    ClosedPipe,
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        Failure::Input(error.to_string())
    }
}

#[cfg(feature = "cluster")]
impl From<ops::Error> for Failure {
    fn from(error: ops::Error) -> Failure {
        Failure::Operation(hints::explain(&error, &|_| None))
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

/// Says what went wrong and gives the exit code.
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
        Err(Failure::Usage(error)) => {
            // Where even this cannot be printed there is nobody to tell.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    };
    ExitCode::from(code)
}
