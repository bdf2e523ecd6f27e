//! One pass over the headers of an archive: where its files are, and that nothing else is in it than files.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::Path;

use image_pins::Digest;
use tar::{EntryType, Header};

use super::error::ArchiveReason;
use super::file::read_exact_at;
use super::plan::{BLOCK, BLOCK_LEN};
use super::{INDEX_FILE, LARGEST_INDEX, LAYOUT_FILE, digest_of_name, pax};
use crate::digest_of;

/// The largest number of headers of an archive.
pub(super) const HEADERS: usize = 100_000;
/// The largest content of a header that describes the next one, in bytes.
const EXTENDED: u64 = 64 << 10;
/// The largest `oci-layout`, in bytes.
const LAYOUT: u64 = 4 << 10;
/// How much of a name a message shows, in characters.
const SHOWN: usize = 200;

/// How compressed files begin, and what unpacks them.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
];

/// Where the content of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub position: u64,
    pub size: u64,
}

/// The files of a layout.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub blobs: BTreeMap<Digest, Span>,
    pub index: Option<Span>,
    pub layout: Option<Span>,
}

/// Finds the files of a layout behind at most `limit` headers. Other plain files and folders are skipped.
pub(super) fn find(file: &File, path: &Path, limit: usize) -> Result<Entries, ArchiveReason> {
    let length = file
        .metadata()
        .map_err(ArchiveReason::io("read the size of the file"))?
        .len();
    refuse_compressed(file, path, length)?;
    let mut pass = Pass {
        file,
        length,
        position: 0,
        extended: Extended::default(),
        names: HashSet::new(),
        found: Entries::default(),
    };
    for _ in 0..limit {
        if !pass.next()? {
            return Ok(pass.found);
        }
    }
    match pass.next()? {
        true => Err(ArchiveReason::TooManyEntries { limit }),
        false => Ok(pass.found),
    }
}

fn refuse_compressed(file: &File, path: &Path, length: u64) -> Result<(), ArchiveReason> {
    for (magic, program) in COMPRESSED {
        let mut start = vec![0; magic.len()];
        if magic.len() as u64 > length {
            continue;
        }
        read_exact_at(file, &mut start, 0).map_err(ArchiveReason::io("read the file"))?;
        if start == magic {
            let command = format!("{program} -dc {} > images.tar", path.display());
            return Err(ArchiveReason::Compressed { command });
        }
    }
    Ok(())
}

/// The state of the pass.
struct Pass<'a> {
    file: &'a File,
    length: u64,
    /// Where the next header is.
    position: u64,
    extended: Extended,
    /// The digests of the names so far: long names would take much memory.
    names: HashSet<Digest>,
    found: Entries,
}

/// What headers of the types `L` and `x` say about the next entry.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
    /// Where the first of them is.
    position: Option<u64>,
}

impl Pass<'_> {
    /// Reads one header; returns whether there was one.
    fn next(&mut self) -> Result<bool, ArchiveReason> {
        let start = self.position;
        let block = self.block(start)?;
        if is_zero(&block) {
            self.check_end(start)?;
            return Ok(false);
        }
        let header = Header::from_byte_slice(&block);
        check_sum(header).map_err(|problem| damaged(problem, start))?;
        let size = size_of(header).map_err(|problem| damaged(problem, start))?;
        let content = start + BLOCK;
        match header.entry_type() {
            EntryType::GNULongName => {
                let mut name = self.content(content, size, "a long name")?;
                name.truncate(
                    name.iter()
                        .position(|byte| *byte == 0)
                        .unwrap_or(name.len()),
                );
                self.extend_name(name, start)?;
            }
            // The name of a link's target: the link itself is refused.
            EntryType::GNULongLink => self.advance(content, size, "a long name")?,
            EntryType::XHeader => {
                let records = self.content(content, size, "a pax header")?;
                self.extend(&records, start)?;
            }
            EntryType::XGlobalHeader => {
                let records = self.content(content, size, "a pax header")?;
                refuse_global_names(&records).map_err(|problem| damaged(problem, start))?;
            }
            kind => {
                let extended = std::mem::take(&mut self.extended);
                let name = extended
                    .name
                    .unwrap_or_else(|| header.path_bytes().into_owned());
                let shown = shown(&name);
                let refused = |why| ArchiveReason::Refused {
                    entry: shown.clone(),
                    why,
                };
                let span = Span {
                    position: content,
                    size: extended.size.unwrap_or(size),
                };
                check_kind(kind, &name, span.size, extended.is_sparse).map_err(refused)?;
                let plain = plain_name(&name).map_err(refused)?;
                self.advance(content, span.size, &format!("its entry {shown:?}"))?;
                if kind.is_dir() || name.ends_with(b"/") {
                    return Ok(true);
                }
                if plain.is_empty() {
                    return Err(refused("it has no name"));
                }
                if !self.names.insert(digest_of(&plain)) {
                    return Err(refused("there are two of this name"));
                }
                self.take(&plain, span)?;
            }
        }
        Ok(true)
    }

    /// Keeps where a file of the layout is.
    fn take(&mut self, name: &[u8], span: Span) -> Result<(), ArchiveReason> {
        // The files of a layout have plain names.
        let Ok(name) = std::str::from_utf8(name) else {
            return Ok(());
        };
        let (place, limit) = match name {
            INDEX_FILE => (&mut self.found.index, LARGEST_INDEX),
            LAYOUT_FILE => (&mut self.found.layout, LAYOUT),
            _ => {
                if let Some(digest) = digest_of_name(name) {
                    self.found.blobs.insert(digest, span);
                }
                return Ok(());
            }
        };
        if span.size > limit {
            return Err(ArchiveReason::EntryTooLarge {
                entry: name.to_owned(),
                size: span.size,
                limit,
            });
        }
        *place = Some(span);
        Ok(())
    }

    /// Keeps what a pax header says about the next entry.
    fn extend(&mut self, records: &[u8], start: u64) -> Result<(), ArchiveReason> {
        for (key, value) in pax::records(records).map_err(|problem| damaged(problem, start))? {
            match key {
                b"path" => self.extend_name(value.to_owned(), start)?,
                b"size" => {
                    let size = pax::decimal(value)
                        .filter(|_| self.extended.size.is_none())
                        .ok_or_else(|| damaged("an invalid size in a pax header", start))?;
                    self.extended.size = Some(size);
                }
                _ if key.starts_with(b"GNU.sparse.") => self.extended.is_sparse = true,
                _ => {}
            }
        }
        self.extended.position.get_or_insert(start);
        Ok(())
    }

    fn extend_name(&mut self, name: Vec<u8>, start: u64) -> Result<(), ArchiveReason> {
        if name.contains(&0) {
            return Err(damaged("a name with a zero byte", start));
        }
        // Programs disagree about which one counts.
        if self.extended.name.replace(name).is_some() {
            return Err(damaged("a second long name for one entry", start));
        }
        self.extended.position.get_or_insert(start);
        Ok(())
    }

    /// Returns the content of a header that describes the next entry.
    fn content(&mut self, position: u64, size: u64, what: &str) -> Result<Vec<u8>, ArchiveReason> {
        let count = match usize::try_from(size) {
            Ok(count) if size <= EXTENDED => count,
            _ => {
                return Err(ArchiveReason::EntryTooLarge {
                    entry: what.to_owned(),
                    size,
                    limit: EXTENDED,
                });
            }
        };
        self.advance(position, size, what)?;
        let mut bytes = vec![0; count];
        read_exact_at(self.file, &mut bytes, position)
            .map_err(ArchiveReason::io("read the file"))?;
        Ok(bytes)
    }

    /// Goes behind a content, which has to be in the file.
    fn advance(&mut self, position: u64, size: u64, what: &str) -> Result<(), ArchiveReason> {
        let end = position
            .checked_add(size)
            .and_then(|end| end.checked_next_multiple_of(BLOCK))
            .filter(|end| *end <= self.length);
        match end {
            Some(end) => {
                self.position = end;
                Ok(())
            }
            None => Err(self.truncated(what)),
        }
    }

    fn block(&self, position: u64) -> Result<[u8; BLOCK_LEN], ArchiveReason> {
        let mut block = [0; BLOCK_LEN];
        if position + BLOCK > self.length {
            return Err(self.truncated("the header of an entry"));
        }
        read_exact_at(self.file, &mut block, position)
            .map_err(ArchiveReason::io("read the file"))?;
        Ok(block)
    }

    fn truncated(&self, place: &str) -> ArchiveReason {
        ArchiveReason::Truncated {
            length: self.length,
            place: place.to_owned(),
        }
    }

    /// Checks what is behind the first block of zeros: nothing, or another one.
    fn check_end(&self, zeros: u64) -> Result<(), ArchiveReason> {
        if let Some(position) = self.extended.position {
            return Err(damaged("a long name without its entry", position));
        }
        let next = zeros + BLOCK;
        if next + BLOCK <= self.length && !is_zero(&self.block(next)?) {
            // Some programs stop here, others go on.
            return Err(damaged("an entry behind the end of the archive", next));
        }
        Ok(())
    }
}

fn damaged(problem: &'static str, position: u64) -> ArchiveReason {
    ArchiveReason::Damaged { problem, position }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Compares the sum of the bytes of a header with the one that it names.
fn check_sum(header: &Header) -> Result<(), &'static str> {
    let named = header.cksum().map_err(|_| "a header without a checksum")?;
    let sum: u32 = header
        .as_bytes()
        .iter()
        .enumerate()
        // The field itself counts as spaces.
        .map(|(at, byte)| {
            u32::from(if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    match sum == named {
        true => Ok(()),
        false => Err("a header with a wrong checksum"),
    }
}

/// Returns the size of the content.
fn size_of(header: &Header) -> Result<u64, &'static str> {
    // The base-256 form has 95 bits. No file is that long, and not every program reads the same number.
    if let [first, rest @ ..] = &header.as_old().size
        && first & 0x80 != 0
        && (*first != 0x80 || rest.iter().take(3).any(|byte| *byte != 0))
    {
        return Err("a size that no file can have");
    }
    header
        .entry_size()
        .map_err(|_| "a size that is not a number")
}

/// Refuses what is neither a file nor a folder.
fn check_kind(
    kind: EntryType,
    name: &[u8],
    size: u64,
    is_sparse: bool,
) -> Result<(), &'static str> {
    match kind {
        _ if is_sparse => Err("it is a sparse file"),
        EntryType::Regular | EntryType::Continuous if !name.ends_with(b"/") => Ok(()),
        // The oldest form of the format marks folders by their names.
        EntryType::Regular | EntryType::Continuous | EntryType::Directory if size == 0 => Ok(()),
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => {
            Err("it is a folder with content")
        }
        EntryType::Link => Err("it is a hard link"),
        EntryType::Symlink => Err("it is a symbolic link"),
        EntryType::Char | EntryType::Block => Err("it is a device"),
        EntryType::Fifo => Err("it is a pipe"),
        EntryType::GNUSparse => Err("it is a sparse file"),
        _ => Err("it is neither a file nor a folder"),
    }
}

/// Returns the one form of a name that different spellings have: without `./` and doubled slashes.
fn plain_name(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    if name.starts_with(b"/") {
        return Err("its path is absolute");
    }
    let parts: Vec<&[u8]> = name
        .split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .collect();
    match parts.contains(&b"..".as_slice()) {
        true => Err("its path has `..`"),
        false => Ok(parts.join(&b'/')),
    }
}

/// Returns the start of a name, for a message.
fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.into_owned(),
    }
}

/// Refuses a global header that names or sizes all entries behind it: most programs ignore it, others do not.
fn refuse_global_names(records: &[u8]) -> Result<(), &'static str> {
    let decides = |key: &[u8]| matches!(key, b"path" | b"linkpath" | b"size");
    match pax::records(records)?.iter().any(|(key, _)| decides(key)) {
        true => Err("a global header with names or sizes"),
        false => Ok(()),
    }
}
