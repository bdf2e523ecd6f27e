//! The file of an archive that is being written, with the place of every blob.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use image_pins::Digest;
use tokio::sync::Mutex;

use super::error::{ArchiveError, ArchiveReason};
use super::file;
use super::plan::{BlobPlan, Plan};
use crate::hash::Hasher;

/// How many bytes are read at once to check existing blobs.
const PIECE: usize = 512 << 10;
/// How often a file is opened again that was renamed before it was locked.
const OPENS: usize = 10;

#[derive(Debug)]
pub(super) struct Unfinished {
    /// Locked as long as it is open.
    file: File,
    pub path: PathBuf,
    part: PathBuf,
    pub plan: Plan,
    pub blobs: BTreeMap<Digest, BlobState>,
}

#[derive(Debug, Default)]
pub(super) struct BlobState {
    /// Held by the one who writes the blob. A write that goes on after its writer was dropped holds it to its end, so
    /// it cannot overwrite what the next writer writes.
    pub turn: Arc<Mutex<()>>,
    pub is_complete: AtomicBool,
}

impl Unfinished {
    pub fn create(path: PathBuf, plan: Plan) -> Result<Unfinished, ArchiveReason> {
        let part = part_of(&path)?;
        if path.is_dir() {
            return Err(ArchiveReason::NotAFile);
        }
        let needed = plan.length.saturating_sub(file::allocated(&part));
        match file::free_space(folder_of(&path)) {
            free @ Some(bytes) if bytes < needed => {
                return Err(ArchiveReason::DiskFull { needed, free });
            }
            _ => {}
        }
        let file = open_locked(&part)?;
        let found = file
            .metadata()
            .map_err(ArchiveReason::io("read the size of the .part file"))?;
        if !found.is_file() {
            return Err(ArchiveReason::NotAFile);
        }
        let archive = Unfinished {
            blobs: plan
                .blobs
                .keys()
                .map(|digest| (*digest, BlobState::default()))
                .collect(),
            file,
            path,
            part,
            plan,
        };
        if found.len() == archive.plan.length {
            archive.find_complete_blobs()?;
        } else {
            // Everything between is a hole then, and reads as zeros.
            archive.write(|file| {
                file.set_len(0)
                    .and_then(|()| file.set_len(archive.plan.length))
            })?;
        }
        archive.write_frame()?;
        Ok(archive)
    }

    /// Marks the blobs that an earlier writer completed.
    fn find_complete_blobs(&self) -> Result<(), ArchiveReason> {
        let mut piece = vec![0; PIECE];
        for ((digest, plan), state) in self.plan.blobs.iter().zip(self.blobs.values()) {
            let is_complete = self
                .has_blob(digest, plan, &mut piece)
                .map_err(ArchiveReason::io("read the .part file"))?;
            state.is_complete.store(is_complete, Ordering::Release);
        }
        Ok(())
    }

    fn has_blob(&self, digest: &Digest, plan: &BlobPlan, piece: &mut [u8]) -> io::Result<bool> {
        let mut header = vec![0; plan.header.len()];
        file::read_exact_at(&self.file, &mut header, plan.header_position)?;
        if header != plan.header {
            return Ok(false);
        }
        let mut hasher = Hasher::new(digest.algorithm());
        let mut position = plan.position;
        while position < plan.end() {
            let left = usize::try_from(plan.end() - position).unwrap_or(usize::MAX);
            let count = left.min(piece.len());
            let (now, _) = piece.split_at_mut(count);
            file::read_exact_at(&self.file, now, position)?;
            hasher.update(now);
            position += count as u64;
        }
        Ok(hasher.finish() == *digest)
    }

    /// Writes everything but the blobs. It overwrites what an earlier writer left, so equal blobs give equal archives.
    fn write_frame(&self) -> Result<(), ArchiveReason> {
        self.write(|file| {
            file::write_all_at(file, &self.plan.start, 0)?;
            for blob in self.plan.blobs.values() {
                file::write_all_at(file, &blob.header, blob.header_position)?;
                file::write_all_at(file, blob.padding(), blob.end())?;
            }
            let (position, zeros) = self.plan.end();
            file::write_all_at(file, zeros, position)
        })
    }

    /// Returns the path of the archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks a blob as complete.
    pub fn complete(&self, digest: &Digest) {
        if let Some(state) = self.blobs.get(digest) {
            state.is_complete.store(true, Ordering::Release);
        }
    }

    /// Writes to the file.
    pub fn write(&self, write: impl FnOnce(&File) -> io::Result<()>) -> Result<(), ArchiveReason> {
        write(&self.file).map_err(|source| self.write_error(source))
    }

    /// Returns why a write failed, with the free space if it is the disk.
    fn write_error(&self, source: io::Error) -> ArchiveReason {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ArchiveReason::DiskFull {
                needed: self.plan.length.saturating_sub(file::allocated(&self.part)),
                free: file::free_space(folder_of(&self.path)),
            },
            _ => ArchiveReason::io("write the .part file")(source),
        }
    }

    pub fn finish(&self) -> Result<(), ArchiveReason> {
        let is_missing = |state: &BlobState| !state.is_complete.load(Ordering::Acquire);
        let mut missing = self.blobs.iter().filter(|(_, state)| is_missing(state));
        if let Some((example, _)) = missing.next() {
            return Err(ArchiveReason::Incomplete {
                missing: missing.count() + 1,
                example: *example,
            });
        }
        self.write(File::sync_all)?;
        fs::rename(&self.part, &self.path)
            .map_err(ArchiveReason::io("rename the .part file to this name"))?;
        file::sync_folder(folder_of(&self.path)).map_err(ArchiveReason::io("sync the folder"))
    }
}

/// Checks that an archive can be written to a path, and leaves nothing there.
///
/// # Errors
/// The path or its folder cannot be used, or another process writes the same archive.
pub fn check_writable(path: &Path) -> Result<(), ArchiveError> {
    let check = || {
        let part = part_of(path)?;
        if path.exists() && !path.is_file() {
            return Err(ArchiveReason::NotAFile);
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            let folder = folder.to_owned();
            return Err(ArchiveReason::NoFolder { folder });
        }
        let was_there = part.symlink_metadata().is_ok();
        let file = open_locked(&part)?;
        if !was_there {
            // The lock lasts as long as the file is open, so no other process writes to it.
            let removed = fs::remove_file(&part);
            removed.map_err(ArchiveReason::io("remove the .part file"))?;
        }
        drop(file);
        Ok(())
    };
    check().map_err(|reason| reason.at(path))
}

/// Returns the path of the unfinished file.
fn part_of(path: &Path) -> Result<PathBuf, ArchiveReason> {
    let mut name = path
        .file_name()
        .ok_or(ArchiveReason::NoFileName)?
        .to_owned();
    name.push(".part");
    Ok(path.with_file_name(name))
}

/// Returns the folder of a file.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Opens and locks the unfinished file.
fn open_locked(part: &Path) -> Result<File, ArchiveReason> {
    for _ in 0..OPENS {
        let file = file::open_or_create(part).map_err(ArchiveReason::io("open the .part file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ArchiveReason::Locked),
            // Some network file systems have no locks. The archive matters more than the second writer.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => {
                return Err(ArchiveReason::io("lock the .part file")(error));
            }
        }
        // Another process can finish the archive between the two steps. The open file has its final name then, and
        // must not be written.
        if file::is_at(&file, part) {
            return Ok(file);
        }
    }
    Err(ArchiveReason::Locked)
}
