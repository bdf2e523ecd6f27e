//! What all registries of real programs have in common.

use test_cluster::Output;

use super::home::Home;
use super::tls::LOCALHOST;

/// The user of all registries here that have users.
pub const USER: &str = "tester";
/// The password of [`USER`]. It is in no other text, so a test can search output for it.
pub const PASSWORD: &str = "password-marker";

/// A running registry.
pub trait Registry {
    /// Returns host and port: `127.0.0.1:40000`.
    fn address(&self) -> &str;

    /// Returns host and port with the name of the host, which is that of the token server, too.
    fn localhost_address(&self) -> String {
        self.address().replace("127.0.0.1", LOCALHOST)
    }

    /// Returns the home of a user who may push.
    fn home(&self) -> &Home;

    /// Runs the real crane as a user who may push.
    fn crane(&self, arguments: &[&str]) -> Output {
        self.home().crane(arguments)
    }

    /// Runs the real cosign as a user who may push.
    fn cosign(&self, arguments: &[&str]) -> Output {
        self.home().cosign(arguments)
    }

    /// Returns the digest of a tag, as crane finds it.
    #[track_caller]
    fn digest(&self, repository: &str, tag: &str) -> String {
        let name = format!("{}/{repository}:{tag}", self.address());
        self.crane(&["digest", &name]).ok().trim().to_owned()
    }
}
