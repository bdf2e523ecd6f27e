//! How Helm encodes a record: base64 of gzip of JSON, within the base64 of the Secret.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

/// The largest record that is decompressed, in bytes: a Secret holds one MiB, compressed.
const MAX_RECORD: u64 = 64 << 20;

/// Encodes a record for the data of its Secret.
pub(super) fn encode(content: &Value) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content.to_string().as_bytes());
    let compressed = encoder.finish().unwrap_or_default();
    BASE64.encode(BASE64.encode(compressed))
}

/// Decodes a record from the data of its Secret.
///
/// # Errors
/// Names the layer of the encoding that is damaged.
pub(super) fn decode(data: &str) -> Result<Value, String> {
    let outer = BASE64
        .decode(data)
        .map_err(|e| format!("not valid base64: {e}"))?;
    let compressed = BASE64
        .decode(&outer)
        .map_err(|e| format!("not valid base64 inside: {e}"))?;
    let json = if compressed.starts_with(&[0x1f, 0x8b]) {
        let mut json = Vec::new();
        GzDecoder::new(compressed.as_slice())
            .take(MAX_RECORD)
            .read_to_end(&mut json)
            .map_err(|e| format!("not valid gzip: {e}"))?;
        json
    } else {
        compressed
    };
    serde_json::from_slice(&json).map_err(|e| format!("not valid JSON: {e}"))
}
