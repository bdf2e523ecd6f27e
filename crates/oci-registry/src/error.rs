//! What can go wrong between this program and a registry.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use image_pins::Digest;
use transport::SendError;

use crate::auth::{RealmProblem, RefusedUrl};
use crate::model::{ManifestError, Platform};
use crate::remote::RateLimit;

/// Why something could not be read from or written to a registry.
///
/// The message names the registry, the repository, and the tag or digest.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct RegistryError {
    /// What it is about: `registry.example.com/seaport/harbor@sha256:…`.
    pub what: String,
    /// What went wrong.
    #[source]
    pub reason: Reason,
}

/// What went wrong between this program and a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The registry does not have it, or hides that it has.
    #[error("not found{}", said(.message))]
    NotFound {
        /// What the registry says.
        message: String,
    },
    /// The registry wants to know who asks, or does not accept the credentials.
    #[error("{} refuses {}{}", .server, match .had_credentials { true => "these credentials", false => "access without credentials" }, said(.message))]
    Unauthorized {
        /// Who refuses: the registry or its token server.
        server: String,
        /// Whether credentials were sent.
        had_credentials: bool,
        /// What the server says.
        message: String,
    },
    /// The registry does not allow it to this user.
    #[error("access denied{}", said(.message))]
    Denied {
        /// What the registry says.
        message: String,
    },
    /// The registry gets too many requests. It has asked for pauses again and again, or for one that is too long to wait
    /// for.
    #[error("too many requests{}", limited(.message, *.left, .again.as_ref()))]
    RateLimited {
        /// What the registry says.
        message: String,
        /// What the registry says about its limit.
        left: Option<RateLimit>,
        /// When the registry answers again, as far as it says.
        again: Option<SystemTime>,
    },
    /// The registry does not have the repository that something is sent to, and does not create it.
    #[error("the registry has no such repository, and does not create it{}{}", said(.message), create(.create_command.as_deref()))]
    NoRepository {
        /// What the registry says.
        message: String,
        /// The command that creates the repository, if it is known.
        create_command: Option<String>,
    },
    /// The registry refuses a blob, perhaps because it has no bytes.
    #[error(
        "{0}; the blob is empty, and some registries, such as Amazon ECR, do not take empty blobs"
    )]
    EmptyBlob(#[source] Box<Reason>),
    /// The registry answers with an error.
    #[error("the registry answers {status}{}", said(.message))]
    Status {
        /// The HTTP status.
        status: http::StatusCode,
        /// What the registry says.
        message: String,
    },
    /// The connection could not be established, or broke.
    #[error("{0}")]
    Connection(#[source] SendError),
    /// The connection was silent for too long.
    #[error("no answer within {} seconds", .0.as_secs_f64())]
    Silent(Duration),
    /// The answer is larger than allowed, or larger than announced.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The answer has a different size than its descriptor says.
    #[error("it has {actual} bytes instead of {expected}")]
    Size {
        /// The size of the descriptor.
        expected: u64,
        /// The size of what the registry sends.
        actual: u64,
    },
    /// The bytes have a different digest: they are not what was asked for.
    #[error("the content has the digest {actual}: it is not what was asked for")]
    Digest {
        /// The digest of the bytes.
        actual: Digest,
    },
    /// The bytes are not a manifest.
    #[error(transparent)]
    Manifest(ManifestError),
    /// The registry encodes content that has to come as it is.
    #[error("the registry sends it with the encoding {0:?}, which changes its bytes")]
    Encoded(String),
    /// A redirect leads to where it must not.
    #[error("redirected to {to}: {why}")]
    Redirect {
        /// Where the redirect leads, without the query.
        to: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A layer is at a place from which it must not be fetched, or at none.
    #[error("the layer is not in the registry, and cannot be fetched from {url:?}: {why}")]
    LayerUrl {
        /// The URL, without query and user info, and cut if it is long.
        url: String,
        /// Why it is not fetched.
        why: RealmProblem,
    },
    /// The registry names a token server that must not be asked.
    #[error(transparent)]
    Realm(Box<crate::auth::RealmError>),
    /// The token server does not give a token.
    #[error("the token server {host} cannot be used: {problem}")]
    TokenServer {
        /// The host of the token server.
        host: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There are too many of something.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The registry does not do what the distribution specification says.
    #[error("the registry does not follow the distribution specification: {0}")]
    Protocol(String),
    /// The tag is there, with another digest.
    #[error("the tag has the digest {found} already, not {wanted}")]
    TagTaken {
        /// The digest that the tag has.
        found: Box<Digest>,
        /// The digest that it should get.
        wanted: Box<Digest>,
    },
    /// A tag of cosign has signatures that the source does not have, and lacks some that it has.
    #[error(
        "the tag has other signatures ({found}), which would be lost: sign the image at the source, too, or delete the tag"
    )]
    OtherSignatures {
        /// The digest that the tag has.
        found: Box<Digest>,
    },
    /// The tag that lists the referrers of a manifest is something else.
    #[error(
        "the tag has to list signatures and other referrers, but is something else ({found}): delete it"
    )]
    NotAList {
        /// The digest that the tag has.
        found: Box<Digest>,
    },
    /// The archive is damaged, or does not have it.
    #[error(transparent)]
    Archive(Box<crate::layout::ArchiveError>),
    /// The archive that the image belongs to has no name yet.
    #[error(
        "the archive is incomplete, because another image failed: rerun the same command when that is mended"
    )]
    Unfinished,
    /// The image does not have a platform.
    #[error("it is not for {wanted}{}", existing(.available))]
    NoPlatform {
        /// The platform.
        wanted: Box<Platform>,
        /// The platforms that it has.
        available: Vec<Platform>,
    },
    /// A blob of the image could not be copied.
    #[error("it is incomplete: {0}")]
    Incomplete(String),
    /// The client cannot be built, or the request cannot be made.
    #[error("{0}")]
    Client(String),
}

impl Reason {
    /// Returns whether the content does not exist, as far as the registry tells.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Reason::NotFound { .. })
    }

    /// Returns this reason for a place.
    pub(crate) fn at(self, what: impl Display) -> RegistryError {
        RegistryError {
            what: format!("{what}"),
            reason: self,
        }
    }
}

impl From<RefusedUrl> for Reason {
    fn from(refused: RefusedUrl) -> Reason {
        let RefusedUrl { url, why } = refused;
        Reason::LayerUrl { url, why }
    }
}

/// Returns the message of a server behind a colon.
fn said(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

/// Returns what is known about a limit on requests behind a colon.
fn limited(message: &str, left: Option<RateLimit>, again: Option<&SystemTime>) -> String {
    let message = Some(message.to_owned()).filter(|message| !message.is_empty());
    let left = left.map(|left| left.to_string());
    let again = again.map(|again| match again.duration_since(SystemTime::now()) {
        Ok(pause) => format!("try again in {} seconds", pause.as_secs().max(1)),
        Err(_) => "try again now".to_owned(),
    });
    let known: Vec<String> = [message, left, again].into_iter().flatten().collect();
    said(&known.join("; "))
}

/// Returns the platforms of an image behind a colon.
fn existing(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    match names.is_empty() {
        true => " or any other platform".to_owned(),
        false => format!(": choose from {}", names.join(", ")),
    }
}

/// Returns the command that creates what is missing behind a semicolon.
fn create(command: Option<&str>) -> String {
    match command {
        Some(command) => format!("; create it with `{command}`"),
        None => String::new(),
    }
}
