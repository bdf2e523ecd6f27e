//! Copies between real registries: with every way to log in, by mounts and referrers, and again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use oci_registry::signature::PublicKey;
use oci_registry::{
    BlobOutcome, Client, ClientBuilder, CopyEvent, CopyImage, CredentialStore, Host, ImageSource,
};
use test_registry::{
    Auth, Distribution, ImageSpec, Olareg, Options, Registry, TokenOptions, push_image,
};
use transport::read_certificates;

use crate::common::repository;

/// A client that trusts the registries of the tests.
pub fn builder() -> ClientBuilder {
    let authority = test_registry::authority_certificate();
    Client::builder().authorities(read_certificates(authority.as_bytes()).unwrap())
}

/// The credentials of a user who may push to a registry.
fn logged_in(registry: &impl Registry) -> ClientBuilder {
    builder().credentials(CredentialStore::file(registry.home().credentials_file()))
}

/// Copies images to `mirror/…` of the target, with the tag `v1`. Returns how many blobs were present, mounted and sent.
async fn copy(
    client: &Client,
    from: &impl Registry,
    to: &impl Registry,
    images: &[(&str, &test_registry::Image)],
) -> BTreeMap<&'static str, usize> {
    let counts = Mutex::new(BTreeMap::new());
    let observer = |event| {
        if let CopyEvent::Blob { how, .. } = event {
            let name = match how {
                BlobOutcome::Present => "present",
                BlobOutcome::Mounted => "mounted",
                BlobOutcome::Sent => "sent",
            };
            *counts.lock().unwrap().entry(name).or_default() += 1;
        }
    };
    let images: Vec<CopyImage> = images
        .iter()
        .map(|(path, image)| CopyImage {
            from: ImageSource::Repository(repository(from.address(), path)),
            digest: image.digest.parse().unwrap(),
            to: repository(to.address(), &format!("mirror/{path}")),
            tag: Some("v1".parse().unwrap()),
            move_tag: false,
            platforms: Vec::new(),
        })
        .collect();
    for copied in client.copy(images, &observer).await {
        copied.unwrap();
    }
    counts.into_inner().unwrap()
}

/// Two images with the same base layer.
fn fill(registry: &impl Registry) -> [test_registry::Image; 2] {
    [("a", 1), ("b", 2)].map(|(path, seed)| {
        let spec = ImageSpec {
            seed,
            ..ImageSpec::default()
        };
        push_image(registry, path, "v1", &spec)
    })
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn images_are_copied_from_each_registry_to_each() {
    let distribution = Distribution::start(Options::default());
    let olareg = Olareg::start();
    let [a, b] = fill(&distribution);
    fill(&olareg);
    let images = [("a", &a), ("b", &b)];
    let blobs = a.blobs.len() + b.blobs.len();
    let shared = a
        .blobs
        .keys()
        .filter(|digest| b.blobs.contains_key(*digest))
        .count();
    assert!(shared > 0);
    let client = builder().build().unwrap();
    let there = copy(&client, &distribution, &olareg, &images).await;
    let back = copy(&client, &olareg, &distribution, &images).await;
    assert_eq!(olareg.digest("mirror/a", "v1"), a.digest);
    assert_eq!(distribution.digest("mirror/b", "v1"), b.digest);
    for counts in [&there, &back] {
        let expected = BTreeMap::from([("mounted", shared), ("sent", blobs - shared)]);
        assert_eq!(*counts, expected);
    }
    let again = copy(&client, &distribution, &olareg, &images).await;
    assert_eq!(again, BTreeMap::from([("present", blobs)]));
    // Within one registry, nothing is sent at all.
    let within = copy(&client, &distribution, &distribution, &[("b", &b)]).await;
    assert_eq!(within, BTreeMap::from([("present", b.blobs.len())]));
    for (repository, image) in [("mirror/a", &a), ("mirror/b", &b)] {
        let place = crate::common::repository(olareg.address(), repository);
        let checked = client
            .check_image(&place, &image.digest.parse().unwrap())
            .await
            .unwrap();
        let platforms: Vec<String> = checked.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn images_are_copied_whatever_a_registry_asks_for() {
    let source = Distribution::start(Options::default());
    let [a, b] = fill(&source);
    let images = [("a", &a), ("b", &b)];
    for auth in [Auth::Basic, Auth::Token(TokenOptions::default())] {
        let target = Distribution::start(Options {
            auth,
            ..Options::default()
        });
        // The token server has another name than the registry.
        let token_server = Host::new(test_registry::LOCALHOST);
        let builder = || logged_in(&target).token_servers(vec![token_server.clone()]);
        let client = builder().build().unwrap();
        copy(&client, &source, &target, &images).await;
        let place = repository(target.address(), "mirror/a");
        let found = client
            .resolve(&place, &"v1".parse().unwrap())
            .await
            .unwrap();
        assert_eq!(
            found.map(|digest| digest.to_string()),
            Some(a.digest.clone())
        );
        if matches!(auth, Auth::Token(_)) {
            let requests = target.tokens().requests();
            let scopes: Vec<_> = requests.iter().map(|r| (&r.user, &r.scopes)).collect();
            let unique: std::collections::BTreeSet<_> = scopes.iter().collect();
            assert_eq!(
                scopes.len(),
                unique.len(),
                "each token is asked for once: {scopes:?}"
            );
        }
        let place = repository(target.address(), "mirror/a");
        let stranger = builder()
            .credentials(CredentialStore::none())
            .build()
            .unwrap();
        let error = stranger
            .manifest(&place, &a.digest.parse().unwrap())
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("refuses access without credentials"),
            "{error}"
        );
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn a_registry_without_tls_is_used_only_if_that_is_allowed() {
    let registry = Distribution::start(Options {
        has_tls: false,
        ..Options::default()
    });
    let [a, _] = fill(&registry);
    let place = repository(registry.address(), "a");
    let digest = a.digest.parse().unwrap();
    let allowed = builder().insecure(vec![Host::new(registry.address())]);
    allowed
        .build()
        .unwrap()
        .manifest(&place, &digest)
        .await
        .unwrap();
    let retries = oci_registry::Retries {
        count: 0,
        first_pause: std::time::Duration::ZERO,
    };
    let strict = builder().retries(retries).build().unwrap();
    strict.manifest(&place, &digest).await.unwrap_err();
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn signatures_of_cosign_count_with_their_key_only() {
    let olareg = Olareg::start();
    let distribution = Distribution::start(Options::default());
    for registry in [&olareg as &dyn Signed, &distribution] {
        registry.fill_and_sign();
    }
    for address in [olareg.address(), distribution.address()] {
        let key = |name: &str| {
            let home = if address == olareg.address() {
                olareg.home()
            } else {
                distribution.home()
            };
            let pem = std::fs::read(home.path().join(format!("{name}.pub"))).unwrap();
            PublicKey::from_pem(&pem).unwrap()
        };
        let client = builder().build().unwrap();
        for (path, seed) in [("old", 1), ("new", 2)] {
            let place = repository(address, path);
            let tag = "v1".parse().unwrap();
            let digest = client.resolve(&place, &tag).await.unwrap().unwrap();
            let verified = client
                .verify_signatures(&place, &digest, &key("right"))
                .await;
            let verified = verified.unwrap_or_else(|e| panic!("{address} {path}: {e}"));
            assert_eq!(verified.signatures().len(), 1, "{seed}");
            let other = client
                .verify_signatures(&place, &digest, &key("wrong"))
                .await;
            other.unwrap_err();
        }
    }
}

/// A registry of real programs, whatever it is.
trait Signed {
    /// Pushes two images, and signs one in the old and one in the new format.
    fn fill_and_sign(&self);
}

impl<R: Registry> Signed for R {
    fn fill_and_sign(&self) {
        for name in ["right", "wrong"] {
            let prefix = self.home().path().join(name).display().to_string();
            self.cosign(&["generate-key-pair", "--output-key-prefix", &prefix])
                .ok();
        }
        let key = self.home().path().join("right.key").display().to_string();
        for (path, seed, is_new) in [("old", 1, "false"), ("new", 2, "true")] {
            let spec = ImageSpec {
                seed,
                ..ImageSpec::default()
            };
            let image = push_image(self, path, "v1", &spec);
            let name = format!("{}/{path}@{}", self.address(), image.digest);
            self.cosign(&[
                "sign",
                "--key",
                &key,
                "--tlog-upload=false",
                "--use-signing-config=false",
                &format!("--new-bundle-format={is_new}"),
                &name,
            ])
            .ok();
        }
    }
}
