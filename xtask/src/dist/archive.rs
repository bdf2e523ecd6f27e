//! Archives whose bytes depend on the content alone: sorted, of no user, with one time.

use std::io::{Cursor, Write as _};

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, GzBuilder};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use crate::source_date::SourceDate;

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its path, with slashes.
    pub(super) path: String,
    /// Whether it is a program.
    pub(super) is_program: bool,
    /// Its content.
    pub(super) content: Vec<u8>,
}

impl File {
    fn mode(&self) -> u32 {
        match self.is_program {
            true => 0o755,
            false => 0o644,
        }
    }
}

/// Returns files in the order of their paths.
fn sorted(files: &[File]) -> Vec<&File> {
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by_key(|file| &file.path);
    files
}

/// Packs files as a compressed archive of tar.
pub(super) fn tar_gz(files: &[File], time: SourceDate) -> Result<Vec<u8>, String> {
    let pack = || {
        // The header of the compression has no time and no name of a file.
        let encoder = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut archive = tar::Builder::new(encoder);
        for file in sorted(files) {
            let mut header = tar::Header::new_gnu();
            header.set_size(file.content.len() as u64);
            header.set_mode(file.mode());
            header.set_mtime(time.seconds());
            // Who unpacks it as root gets files of root, not of a user with the number of whoever packed it.
            header.set_uid(0);
            header.set_gid(0);
            archive.append_data(&mut header, &file.path, file.content.as_slice())?;
        }
        archive.into_inner().and_then(GzEncoder::finish)
    };
    pack().map_err(|e: std::io::Error| e.to_string())
}

/// Packs files as a zip archive.
pub(super) fn zip(files: &[File], time: SourceDate) -> Result<Vec<u8>, String> {
    let seconds = i64::try_from(time.seconds()).map_err(|e| e.to_string())?;
    let pack = || {
        let mut archive = ZipArchiveWriter::new(Cursor::new(Vec::new()));
        for file in sorted(files) {
            let (mut entry, config) = archive
                .new_file(&file.path)
                .compression_method(CompressionMethod::DEFLATE)
                .unix_permissions(0o100_000 | file.mode())
                .last_modified(UtcDateTime::from_unix(seconds))
                .start()?;
            let encoder = DeflateEncoder::new(&mut entry, Compression::best());
            let mut writer = config.wrap(encoder);
            writer.write_all(&file.content)?;
            let (encoder, descriptor) = writer.finish()?;
            encoder.finish()?;
            entry.finish(descriptor)?;
        }
        Ok(archive.finish()?.into_inner())
    };
    pack().map_err(|e: rawzip::Error| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::bufread::{DeflateDecoder, GzDecoder};

    use super::*;

    fn files() -> Vec<File> {
        let file = |path: &str, is_program, content: &[u8]| File {
            path: path.to_owned(),
            is_program,
            content: content.to_owned(),
        };
        vec![
            file("linux-amd64/osm", true, &[7; 100_000]),
            file("linux-amd64/LICENSE", false, b"text\n"),
            file("linux-amd64/man/osm.1", false, b""),
        ]
    }

    fn time() -> SourceDate {
        "1796083199".parse().unwrap()
    }

    /// The path, the mode, the time and the content of each file.
    type Found = Vec<(String, u32, u64, Vec<u8>)>;

    fn in_tar(bytes: &[u8]) -> Found {
        let mut archive = tar::Archive::new(GzDecoder::new(bytes));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (path, mode, time, content)
        });
        entries.collect()
    }

    fn in_zip(bytes: &[u8]) -> Found {
        let archive = rawzip::ZipArchive::from_slice(bytes).unwrap();
        let mut entries = archive.entries();
        let mut found = Vec::new();
        while let Some(header) = entries.next_entry().unwrap() {
            let entry = archive.get_entry(header.wayfinder()).unwrap();
            let mut content = Vec::new();
            entry
                .verifying_reader(DeflateDecoder::new(entry.data()))
                .read_to_end(&mut content)
                .unwrap();
            let path = header
                .file_path()
                .try_normalize()
                .unwrap()
                .as_ref()
                .to_owned();
            let mode = header.mode();
            assert_eq!(mode.value() & 0o170_000, 0o100_000, "{path} is not a file");
            let time = header.last_modified();
            // The format counts in steps of two seconds.
            assert_eq!(
                (
                    time.year(),
                    time.month(),
                    time.day(),
                    time.hour(),
                    time.minute()
                ),
                (2026, 11, 30, 23, 59)
            );
            found.push((path, mode.permissions(), 1_796_083_199, content));
        }
        found
    }

    #[test]
    fn files_are_sorted_and_have_one_mode_time_and_owner() {
        let wanted: Found = [(1, 0o644), (2, 0o644), (0, 0o755)]
            .into_iter()
            .map(|(at, mode)| {
                let file = files()[at].clone();
                (file.path, mode, 1_796_083_199, file.content)
            })
            .collect();
        assert_eq!(in_tar(&tar_gz(&files(), time()).unwrap()), wanted);
        assert_eq!(in_zip(&zip(&files(), time()).unwrap()), wanted);
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_any_order() {
        let mut other = files();
        other.reverse();
        for pack in [tar_gz, zip] {
            let bytes = pack(&files(), time()).unwrap();
            assert_eq!(bytes, pack(&other, time()).unwrap());
            assert_ne!(bytes, pack(&files(), "0".parse().unwrap()).unwrap());
            assert_ne!(bytes, pack(&files()[1..], time()).unwrap());
        }
    }
}
