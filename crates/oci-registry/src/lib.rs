//! A client for OCI registries: resolve, check, verify and copy container images by digest.
//!
//! Everything that a registry sends is checked before it counts: sizes, digests, media types, and where a redirect or a
//! token server is.
//!
//! # Example
//!
//! ```no_run
//! use image_pins::{Reference, Tag};
//! use oci_registry::{Client, CredentialStore, Repository};
//!
//! # async fn look() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder()
//!     .credentials(CredentialStore::from_environment())
//!     .build()?;
//! let reference: Reference = "registry.example.com/web".parse()?;
//! let repository = Repository::from(&reference);
//! let tag: Tag = "v1".parse()?;
//! match client.resolve(&repository, &tag).await? {
//!     Some(digest) => {
//!         let image = client.check_image(&repository, &digest).await?;
//!         println!("{tag} is {digest}, for {} platforms", image.platforms.len());
//!     }
//!     None => println!("the tag {tag} does not exist"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] reads from registries: [`Client::resolve`], [`Client::manifest`], [`Client::blob`], [`Client::tags`],
//!   [`Client::check_image`], [`Client::verify_signatures`].
//! - [`Client::plan_copy`] and [`Client::plan_save`] say what a copy to a registry or into an archive would send, before
//!   anything is sent. The copy brings signatures and other referrers along if that is wanted.
//! - [`CredentialStore`] finds the credentials that docker and podman use, and [`RegistryAccess`] creates a client from the
//!   files and hosts that a user names.
//! - [`layout`] has images in files, [`signature`] verifies what cosign signed, [`model`] has manifests and descriptors.

mod auth;
mod copy;
mod error;
mod hash;
pub mod layout;
mod limits;
mod link;
mod manifests;
pub mod model;
mod place;
mod registry_access;
mod remedy;
mod remote;
mod server_text;
pub mod signature;
mod source;
mod tree;

pub use auth::{CredentialStore, CredentialsError, HelperProblem, RealmError, RealmProblem};
pub use copy::{
    BlobOutcome, CopyEvent, CopyImage, CopyOptions, CopyPlan, Observer, PlannedImage, SaveImage,
    SavePlan,
};
pub use error::{Reason, RegistryError};
pub use hash::digest_of;
pub use http::Uri;
pub use place::{Host, InvalidHost, Repository};
pub use registry_access::{AccessError, RegistryAccess};
pub use remedy::Remedy;
pub use remote::{
    BlobReader, CheckedImage, Client, ClientBuilder, Log, RateLimit, Retries, Timeouts,
};
pub use source::ImageSource;
pub use transport::{BuildError, read_certificates};
