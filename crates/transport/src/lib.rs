//! An HTTP client on rustls that needs no C compiler: trust roots, client certificates, proxies and timeouts.
//!
//! It sends requests to one or more servers and returns their answers; what is in them is none of its business. TLS runs
//! on graviola, unless the program has installed another [`rustls::crypto::CryptoProvider`].
//!
//! # Example
//!
//! ```no_run
//! use bytes::Bytes;
//! use transport::{Client, Trust};
//!
//! # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().trust(Trust::System).build()?;
//! let request = http::Request::get("https://example.com/").body(Bytes::new())?;
//! let answer = client.send(request).await?;
//! println!("{}", answer.status());
//! # Ok(())
//! # }
//! ```

mod body;
mod client;
mod connector;
mod environment;
mod error;
mod p521;
mod payload;
mod proxy;
mod stream;
mod system;
mod tls;
mod verifier;
mod x509;

pub use body::Body;
pub use client::{Client, ClientBuilder};
pub use environment::{EnvironmentProxy, environment_proxy};
pub use error::{BuildError, SendError};
pub use payload::{Payload, PayloadSender};
pub use proxy::{InvalidProxy, Proxy};
pub use tls::{Identity, Trust, read_certificates};
