//! Reads the digest files and groups them by release.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use image_pins::digest_file::{self, DigestFile, DigestFileError, Format, MAX_LEN, Problem};
use image_pins::{Digest, FileError, ReleaseName};
use sha2::{Digest as _, Sha256};

use super::tags;
use crate::flags::ImportDigests;

const STANDARD_INPUT: &str = "-";

/// A digest file that was read.
pub(super) struct Input {
    /// The path as given, for commands.
    pub(super) given: PathBuf,
    /// The path as shown in messages.
    pub(super) path: PathBuf,
    /// The name without the folder, as pin files record it.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) file: DigestFile,
}

/// Reads all files, groups them by release, and reports every error, not only the first.
pub(super) fn by_release(
    flags: &ImportDigests,
    stdin: &mut dyn Read,
) -> Result<BTreeMap<ReleaseName, Vec<Input>>, Vec<FileError>> {
    let mut releases: BTreeMap<ReleaseName, Vec<Input>> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut stdin = Some(stdin);
    for path in &flags.files {
        match one(path, flags, &mut stdin) {
            Ok((release, input)) => releases.entry(release).or_default().push(input),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(releases)
    } else {
        Err(errors)
    }
}

fn one(
    path: &Path,
    flags: &ImportDigests,
    stdin: &mut Option<&mut dyn Read>,
) -> Result<(ReleaseName, Input), FileError> {
    let (shown, bytes) = if path == Path::new(STANDARD_INPUT) {
        let shown = PathBuf::from("standard input");
        let Some(stdin) = stdin.take() else {
            return Err(FileError::whole(&shown, "read twice").with_hint("pass `-` once"));
        };
        let bytes = read(stdin).map_err(|error| cannot_read(&shown, &error))?;
        (shown, bytes)
    } else {
        // A file of another tag is wrong even if it exists, so that error comes first.
        let bytes = open(path).map_err(|error| {
            tags::check_name(path, flags.release.as_ref())
                .err()
                .unwrap_or(error)
        })?;
        (path.to_owned(), bytes)
    };
    let file = digest_file::parse(&bytes, &shown, flags.format).map_err(|e| with_flags(&e))?;
    let release = tags::release_of(&file, &shown, flags.release.as_ref())?;
    let name = shown
        .file_name()
        .unwrap_or(shown.as_os_str())
        .to_string_lossy()
        .into_owned();
    Ok((
        release,
        Input {
            given: path.to_owned(),
            path: shown,
            name,
            bytes,
            file,
        },
    ))
}

/// Adds the flag that helps to an error of a digest file.
fn with_flags(error: &DigestFileError) -> FileError {
    let formats = Format::ALL.map(Format::name).join(", ");
    let hint = match &error.problem {
        Problem::UnknownFormat => {
            format!("pass a digest file, or name its format with --format: {formats}")
        }
        Problem::NoRows(_) => format!("pass another file, or another --format: {formats}"),
        Problem::NotARow | Problem::Syntax(_) => {
            format!("{} with --format", error.problem.hint())
        }
        other => other.hint().to_owned(),
    };
    FileError::from(error).with_hint(hint)
}

fn open(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| cannot_read(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(
            FileError::whole(path, "this is a folder").with_hint("pass the digest files in it")
        );
    }
    read(&mut file).map_err(failed)
}

/// Reads up to one byte more than the maximum size, so that the parser can report a file that is too large.
fn read(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> FileError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "pass the path of a digest file, or `-` for standard input",
        io::ErrorKind::PermissionDenied => {
            "fix the permissions, or pass the file on standard input with `-`"
        }
        _ => "fix the permissions or the path, or pass the file on standard input with `-`",
    };
    FileError::whole(path, format_args!("cannot read it: {error}")).with_hint(hint)
}

/// Returns the format of the files of a release, which must be the same for all.
pub(super) fn format_of(inputs: &[Input]) -> Result<Format, FileError> {
    let mut formats = inputs.iter().map(|input| (input, input.file.format));
    let Some((first, format)) = formats.next() else {
        return Err(FileError::whole(
            Path::new(STANDARD_INPUT),
            "no digest file",
        ));
    };
    match formats.find(|(_, other)| *other != format) {
        None => Ok(format),
        Some((input, other)) => {
            let message = format_args!(
                "the format is {other}, but the format of {} is {format}",
                first.path.display()
            );
            let hint = "all files of a release have the same format: import one of them";
            Err(FileError::whole(&input.path, message).with_hint(hint))
        }
    }
}

/// Returns the names of the digest files and the digest of their concatenated content, which a pin file records.
///
/// The files are sorted by name, so that the order of the arguments does not matter.
pub(super) fn source_of(inputs: &[Input]) -> (String, Digest) {
    let mut inputs: Vec<&Input> = inputs.iter().collect();
    inputs.sort_by_key(|input| (&input.name, &input.bytes));
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let hash = inputs
        .iter()
        .fold(Sha256::new(), |hash, input| hash.chain_update(&input.bytes));
    (names.join(", "), Digest::Sha256(hash.finalize().into()))
}
