//! Limits on what a registry may send. Whatever is larger is an error before it takes memory.

/// The largest manifest, in bytes (OCI distribution specification, "Pushing Manifests", names 4 MiB as what registries
/// should accept).
pub(crate) const MANIFEST: u64 = 4 << 20;
/// The largest answer of a token server, in bytes.
pub(crate) const TOKEN: u64 = 1 << 20;
/// How much of the body of an error is read, in bytes.
pub(crate) const ERROR_BODY: u64 = 64 << 10;
/// How much of an error's text is shown, in characters.
pub(crate) const SHOWN_ERROR: usize = 512;
/// How deeply indexes can be nested.
pub(crate) const INDEX_DEPTH: usize = 4;
/// The largest number of manifests of one image.
pub(crate) const MANIFESTS: usize = 1000;
/// The largest number of signatures of one image that are read, and of manifests that can have some.
pub(crate) const SIGNATURES: usize = 100;
/// The largest number of pages of a list.
pub(crate) const PAGES: usize = 100;
/// The largest number of redirects of one request.
pub(crate) const REDIRECTS: usize = 5;
/// A blob up to this size is sent in one request from memory, so that it can be sent again; signatures and configurations
/// have to be as small. In bytes.
pub(crate) const SMALL_BLOB: u64 = 4 << 20;
/// A connection may be so slow that it takes a second for this many bytes of a body that is sent at once.
pub(crate) const SLOWEST: u64 = 16 << 10;
