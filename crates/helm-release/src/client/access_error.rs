//! Why there is no usable configuration for a cluster.

use std::path::PathBuf;

/// Why a client for a cluster cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The TLS implementation does not run on this processor.
    #[error(
        "this processor lacks instructions that TLS needs \
         (on x86_64: adx, aes, avx2, bmi1, bmi2 and pclmulqdq)"
    )]
    UnsupportedProcessor,
    /// None of the files exists.
    #[error("no configuration for a cluster found: {} does not exist", join(files))]
    NoConfiguration {
        /// Where it was looked for; empty if neither `KUBECONFIG` nor `HOME` names a file.
        files: Vec<PathBuf>,
    },
    /// A kubeconfig cannot be read, or something in it is wrong.
    #[error("the kubeconfig {}cannot be used: {reason}", file.as_ref().map_or_else(String::new, |file| format!("{} ", file.display())))]
    Kubeconfig {
        /// The file, if it is known which one.
        file: Option<PathBuf>,
        /// What is wrong.
        reason: String,
    },
    /// The kubeconfig does not have the context that was asked for.
    #[error("the kubeconfig has no context {name}")]
    UnknownContext {
        /// The context.
        name: String,
        /// The contexts that exist.
        contexts: Vec<String>,
    },
    /// `HTTPS_PROXY` or `HTTP_PROXY` is not a valid address.
    #[error("{variable} cannot be used: {reason}")]
    InvalidProxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Certificates, keys or the login program do not work.
    #[error("the configuration for {server} cannot be used: {reason}")]
    Unusable {
        /// The address of the API server.
        server: String,
        /// What is wrong.
        reason: String,
        /// The login program of the user, if there is one.
        login: Option<LoginProgram>,
    },
}

/// The program by which a user of a kubeconfig logs in (`exec`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginProgram {
    /// The command.
    pub command: String,
    /// What the kubeconfig says about installing it (`installHint`); empty if it says nothing.
    pub install_hint: String,
}

fn join(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    match names.is_empty() {
        true => "a file named by KUBECONFIG or HOME".to_owned(),
        false => names.join(", "),
    }
}
