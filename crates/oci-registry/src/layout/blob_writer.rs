//! Writes one blob of an archive.

use std::io;
use std::mem;
use std::sync::Arc;

use image_pins::Digest;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use super::error::{ArchiveError, ArchiveReason};
use super::file;
use super::unfinished::Unfinished;
use crate::hash::Hasher;

/// How many bytes are hashed and written at once.
const PIECE: usize = 512 << 10;

/// Writes one blob, from the first byte to the last.
///
/// The bytes are written and hashed on other threads while the next ones arrive. Dropped before
/// [`finish`](BlobWriter::finish), the blob is not complete.
#[derive(Debug)]
pub(crate) struct BlobWriter {
    archive: Arc<Unfinished>,
    digest: Digest,
    size: u64,
    received: u64,
    buffer: Vec<u8>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Idle(Sink),
    Busy(JoinHandle<Result<Sink, ArchiveReason>>),
    Failed,
}

/// Where the next piece goes.
struct Sink {
    archive: Arc<Unfinished>,
    hasher: Hasher,
    position: u64,
    turn: OwnedMutexGuard<()>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Sink");
        debug
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Sink {
    fn write(mut self, piece: &[u8]) -> Result<Sink, ArchiveReason> {
        let position = self.position;
        self.archive
            .write(|file| file::write_all_at(file, piece, position))?;
        self.hasher.update(piece);
        self.position += piece.len() as u64;
        Ok(self)
    }
}

impl BlobWriter {
    /// Creates a writer for the blob that belongs at this position.
    pub(super) fn new(
        archive: Arc<Unfinished>,
        digest: Digest,
        position: u64,
        size: u64,
        turn: OwnedMutexGuard<()>,
    ) -> BlobWriter {
        let sink = Sink {
            archive: Arc::clone(&archive),
            hasher: Hasher::new(digest.algorithm()),
            position,
            turn,
        };
        BlobWriter {
            archive,
            digest,
            size,
            received: 0,
            buffer: Vec::new(),
            work: Work::Idle(sink),
        }
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// The blob would be larger than its size, or an earlier write failed. The next blob is never touched.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > self.size {
            return Err(self.wrong_size(received));
        }
        self.received = received;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = PIECE.saturating_sub(self.buffer.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() >= PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Completes the blob.
    ///
    /// # Errors
    /// The bytes do not have the size and the digest, or a write failed. The blob is not complete then; the next writer
    /// starts from its first byte.
    pub async fn finish(mut self) -> Result<(), ArchiveError> {
        if self.received != self.size {
            return Err(self.wrong_size(self.received));
        }
        if !self.buffer.is_empty() {
            self.flush().await?;
        }
        let Sink { hasher, turn, .. } = self.take_sink().await?;
        let actual = hasher.finish();
        if actual != self.digest {
            let reason = ArchiveReason::Digest {
                expected: self.digest,
                actual: Box::new(actual),
            };
            return Err(reason.at(self.archive.path()));
        }
        self.archive.complete(&self.digest);
        drop(turn);
        Ok(())
    }

    /// Starts to write what is in the buffer.
    async fn flush(&mut self) -> Result<(), ArchiveError> {
        let sink = self.take_sink().await?;
        // Nothing waits between here and the end, so a dropped future cannot lose the sink.
        let piece = mem::take(&mut self.buffer);
        self.work = Work::Busy(tokio::task::spawn_blocking(move || sink.write(&piece)));
        Ok(())
    }

    /// Waits for the piece that is being written.
    async fn take_sink(&mut self) -> Result<Sink, ArchiveError> {
        if let Work::Busy(task) = &mut self.work {
            let written = match task.await {
                Ok(written) => written,
                Err(error) => Err(ArchiveReason::io("work on the file")(io::Error::other(
                    error,
                ))),
            };
            self.work = Work::Failed;
            let sink = written.map_err(|reason| reason.at(self.archive.path()))?;
            self.work = Work::Idle(sink);
        }
        match mem::replace(&mut self.work, Work::Failed) {
            Work::Idle(sink) => Ok(sink),
            Work::Busy(_) | Work::Failed => {
                let digest = self.digest;
                Err(ArchiveReason::Interrupted { digest }.at(self.archive.path()))
            }
        }
    }

    fn wrong_size(&self, actual: u64) -> ArchiveError {
        let reason = ArchiveReason::Size {
            digest: self.digest,
            expected: self.size,
            actual,
        };
        reason.at(self.archive.path())
    }
}
