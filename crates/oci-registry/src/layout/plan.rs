//! Where every byte of an archive is. Sizes are known before anything is written, so every position is.

use std::collections::BTreeMap;
use std::io;

use image_pins::Digest;
use tar::{EntryType, Header};

use super::error::ArchiveReason;
use super::{INDEX_FILE, LARGEST_INDEX, LAYOUT_FILE, blob_name, pax};

/// The unit of a tar archive, in bytes.
pub(super) const BLOCK_LEN: usize = 512;
/// The same, as a distance in a file.
pub(super) const BLOCK: u64 = BLOCK_LEN as u64;
/// The longest name in the main field of a header, in bytes.
const LONGEST_NAME: usize = 100;
/// Two blocks of zeros end an archive (POSIX, pax, "ustar Interchange Format").
const END: usize = 1024;
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// All positions of an archive, and all its bytes but those of the blobs.
///
/// There are no entries for folders. Nothing needs them: skopeo, podman and Docker create missing folders when they
/// unpack, containerd and this crate look at files only. Every entry less is a mode and an owner less to disagree about.
#[derive(Debug)]
pub(super) struct Plan {
    pub blobs: BTreeMap<Digest, BlobPlan>,
    /// The entries `oci-layout` and `index.json`, from position 0.
    pub start: Vec<u8>,
    /// The length of the archive.
    pub length: u64,
}

/// Where a blob is, and the header before it.
#[derive(Debug)]
pub(super) struct BlobPlan {
    pub header: Vec<u8>,
    pub header_position: u64,
    pub position: u64,
    pub size: u64,
}

impl BlobPlan {
    /// Returns where the content ends and zeros fill the block.
    pub fn end(&self) -> u64 {
        self.position + self.size
    }

    /// Returns the zeros behind the content.
    pub fn padding(&self) -> &'static [u8] {
        padding(self.size)
    }
}

impl Plan {
    /// Lays out an archive of these blobs, which may repeat.
    pub fn new(
        blobs: impl IntoIterator<Item = (Digest, u64)>,
        index_json: &[u8],
    ) -> Result<Plan, ArchiveReason> {
        let size = index_json.len() as u64;
        if size > LARGEST_INDEX {
            return Err(ArchiveReason::EntryTooLarge {
                entry: INDEX_FILE.to_owned(),
                size,
                limit: LARGEST_INDEX,
            });
        }
        let mut sizes = BTreeMap::new();
        for (digest, size) in blobs {
            match sizes.insert(digest, size) {
                Some(first) if first != size => {
                    return Err(ArchiveReason::SizeConflict {
                        digest,
                        first,
                        second: size,
                    });
                }
                _ => {}
            }
        }
        let mut start = Vec::new();
        for (name, content) in [(LAYOUT_FILE, LAYOUT), (INDEX_FILE, index_json)] {
            start.extend(headers(name, content.len() as u64)?);
            start.extend(content);
            start.extend(padding(content.len() as u64));
        }
        let mut next = start.len() as u64;
        let mut plans = BTreeMap::new();
        for (digest, size) in sizes {
            let header = headers(&blob_name(&digest), size)?;
            let position = next + header.len() as u64;
            let plan = BlobPlan {
                header,
                header_position: next,
                position,
                size,
            };
            next = position
                .checked_add(size)
                .and_then(|end| end.checked_next_multiple_of(BLOCK))
                // A file has at most this length (POSIX, off_t).
                .filter(|end| *end < i64::MAX.unsigned_abs() - END as u64)
                .ok_or(ArchiveReason::TooLarge)?;
            plans.insert(digest, plan);
        }
        Ok(Plan {
            blobs: plans,
            start,
            length: next + END as u64,
        })
    }

    /// Returns where the zeros are that end the archive, and the zeros.
    pub fn end(&self) -> (u64, &'static [u8]) {
        (self.length - END as u64, &[0; END])
    }
}

/// Returns the zeros that fill the last block of a content.
fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK_LEN] = [0; BLOCK_LEN];
    let count = (BLOCK - size % BLOCK) % BLOCK;
    let count = usize::try_from(count).unwrap_or_default();
    ZEROS.get(..count).unwrap_or_default()
}

/// Returns the header of a file; two headers if the name does not fit into one, as that of a SHA-512 digest.
fn headers(name: &str, size: u64) -> Result<Vec<u8>, ArchiveReason> {
    if name.len() <= LONGEST_NAME {
        return Ok(header(name, size, EntryType::Regular)?.as_bytes().to_vec());
    }
    let record = pax::record("path", name);
    let short = |prefix: &str| -> String {
        let whole = format!("{prefix}{name}");
        whole.chars().take(LONGEST_NAME).collect()
    };
    let mut bytes = header(
        &short("PaxHeaders.0/"),
        record.len() as u64,
        EntryType::XHeader,
    )?
    .as_bytes()
    .to_vec();
    bytes.extend(record.as_bytes());
    bytes.extend(padding(record.len() as u64));
    bytes.extend(header(&short(""), size, EntryType::Regular)?.as_bytes());
    Ok(bytes)
}

/// Returns a header that says nothing about the machine or the time that it was made on.
fn header(name: &str, size: u64, kind: EntryType) -> Result<Header, ArchiveReason> {
    let mut header = Header::new_ustar();
    fill(&mut header, name, size, kind).map_err(ArchiveReason::io("make a tar header"))?;
    Ok(header)
}

fn fill(header: &mut Header, name: &str, size: u64, kind: EntryType) -> io::Result<()> {
    header.set_path(name)?;
    header.set_entry_type(kind);
    // From 8 GiB on, this is the base-256 form, which all readers know.
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    header.set_cksum();
    Ok(())
}
