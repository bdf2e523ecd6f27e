//! Registries of real programs hold what was pushed, and refuse who may not read it.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpStream;

use test_registry::{
    Auth, Distribution, Home, IDENTITY_TOKEN, ImageSpec, Olareg, Options, Output, PASSWORD,
    Registry, TokenOptions, USER, push_image, write_layout,
};

const REPOSITORY: &str = "seaport/harbor";

/// Pushes an index and a single manifest; crane finds both by tag, and each manifest by digest.
fn holds_what_was_pushed(registry: &impl Registry) {
    let single = ImageSpec {
        platforms: vec!["linux/amd64"],
        has_index: false,
        ..ImageSpec::default()
    };
    let docker = ImageSpec {
        is_docker: true,
        ..ImageSpec::default()
    };
    for (tag, spec) in [
        ("v1", ImageSpec::default()),
        ("single", single),
        ("docker", docker),
    ] {
        let image = push_image(registry, REPOSITORY, tag, &spec);
        assert_eq!(registry.digest(REPOSITORY, tag), image.digest);
        assert_eq!(image.manifests.len(), spec.platforms.len());
        for (platform, digest) in &image.manifests {
            let name = format!("{}/{REPOSITORY}:{tag}", registry.address());
            let found = registry.crane(&["digest", "--platform", platform, &name]);
            assert_eq!(found.ok().trim(), digest);
        }
    }
}

/// Returns the digests of all blobs that [`holds_what_was_pushed`] pushes: the images there have the same blobs.
fn image_blobs() -> BTreeSet<String> {
    let home = Home::new();
    let image = write_layout(&home.path().join("layout"), &ImageSpec::default());
    image.blobs.into_keys().collect()
}

/// Runs `crane digest` in another home.
fn digest_from(home: &Home, registry: &impl Registry) -> Output {
    let name = format!("{}/{REPOSITORY}:v1", registry.address());
    home.crane(&["digest", &name])
}

/// Checks that crane reports a refusal: a bare status, or what the token server says.
#[track_caller]
fn assert_refused(output: Output) {
    let said = output.fails(1);
    let is_refusal = said.contains("401 Unauthorized") || said.contains("UNAUTHORIZED");
    assert!(is_refusal, "{said}");
}

#[test]
#[ignore = "needs distribution and crane: run cargo xtask test"]
fn distribution_holds_what_was_pushed_and_logs_each_request() {
    for has_tls in [true, false] {
        let registry = Distribution::start(Options {
            has_tls,
            auth: Auth::None,
        });
        assert_eq!(registry.requests(), []);
        holds_what_was_pushed(&registry);
        let blobs = image_blobs();
        let requests = registry.requests();
        let uploaded: BTreeSet<String> = (requests.iter())
            .filter(|request| request.method == "PUT" && request.status == 201)
            .filter_map(|request| request.parameter("digest"))
            .collect();
        assert_eq!(uploaded, blobs);
        let by_name = format!("{}/{REPOSITORY}:v1", registry.localhost_address());
        let found = registry.crane(&["digest", &by_name]).ok();
        assert_eq!(found.trim(), registry.digest(REPOSITORY, "v1"));
        let before = registry.requests().len();
        registry.digest(REPOSITORY, "v1");
        let requests = registry.requests().split_off(before);
        let seen: Vec<_> = (requests.iter())
            .map(|request| {
                (
                    request.method.as_str(),
                    request.path.as_str(),
                    request.status,
                )
            })
            .collect();
        let manifest = format!("/v2/{REPOSITORY}/manifests/v1");
        assert_eq!(seen, [("GET", "/v2/", 200), ("HEAD", &manifest, 200)]);
        let name = format!("{}/{REPOSITORY}:v1", registry.address());
        let text = registry.crane(&["manifest", &name]).ok();
        let last = registry.requests().pop().unwrap();
        assert_eq!(
            (last.method.as_str(), last.path.as_str()),
            ("GET", &*manifest)
        );
        assert_eq!(last.bytes, text.trim_end().len() as u64);
    }
}

#[test]
#[ignore = "needs distribution and crane: run cargo xtask test"]
fn distribution_refuses_a_wrong_password() {
    for has_tls in [true, false] {
        let registry = Distribution::start(Options {
            has_tls,
            auth: Auth::Basic,
        });
        holds_what_was_pushed(&registry);
        let nobody = Home::new();
        assert_refused(digest_from(&nobody, &registry));
        let wrong = Home::new();
        wrong.log_in(registry.address(), USER, "wrong");
        assert_refused(digest_from(&wrong, &registry));
        let right = Home::new();
        right.log_in(registry.address(), USER, PASSWORD);
        digest_from(&right, &registry).ok();
    }
}

#[test]
#[ignore = "needs distribution and crane: run cargo xtask test"]
fn distribution_sends_clients_to_the_token_server() {
    let registry = Distribution::start(Options {
        auth: Auth::Token(TokenOptions::default()),
        ..Options::default()
    });
    holds_what_was_pushed(&registry);
    let pushes = registry.tokens().requests();
    let push = format!("repository:{REPOSITORY}:pull,push");
    let is_push = |scopes: &[String]| {
        (scopes.iter())
            .any(|scope| *scope == push || *scope == push.replace("pull,push", "push,pull"))
    };
    assert!(
        pushes.iter().any(|request| is_push(&request.scopes)),
        "{pushes:?}"
    );
    assert!(
        pushes
            .iter()
            .all(|request| request.service == "registry.test"),
        "{pushes:?}"
    );
    let count = || registry.tokens().requests().len();

    let nobody = Home::new();
    assert_refused(digest_from(&nobody, &registry));
    let wrong = Home::new();
    wrong.log_in(registry.address(), USER, "wrong");
    assert_refused(digest_from(&wrong, &registry));
    let last = registry.tokens().requests().pop().unwrap();
    assert_eq!((last.user.as_deref(), last.status), (Some(USER), 401));

    let holder = Home::new();
    holder.add_identity_token(registry.address(), IDENTITY_TOKEN);
    let before = count();
    digest_from(&holder, &registry).ok();
    assert_eq!(count(), before + 1);
    let last = registry.tokens().requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.status), ("POST", 200));
    assert_eq!(last.scopes, [format!("repository:{REPOSITORY}:pull")]);

    registry.tokens().expire_next(1000);
    assert_refused(digest_from(&holder, &registry));
    registry.tokens().expire_next(0);
    digest_from(&holder, &registry).ok();
}

#[test]
#[ignore = "needs distribution and crane: run cargo xtask test"]
fn a_public_token_server_lets_everyone_pull_and_nobody_push() {
    let registry = Distribution::start(Options {
        has_tls: false,
        auth: Auth::Token(TokenOptions {
            has_tls: false,
            is_public: true,
            ..TokenOptions::default()
        }),
    });
    holds_what_was_pushed(&registry);
    let nobody = Home::new();
    let digest = digest_from(&nobody, &registry).ok();
    assert_eq!(digest.trim(), registry.digest(REPOSITORY, "v1"));
    let layout = nobody.path().join("layout");
    let other = ImageSpec {
        seed: 2,
        ..ImageSpec::default()
    };
    write_layout(&layout, &other);
    let name = format!("{}/{REPOSITORY}:v2", registry.address());
    let refused = nobody.crane(&["push", &layout.display().to_string(), &name]);
    assert_refused(refused);
}

#[test]
#[ignore = "needs olareg, crane and cosign: run cargo xtask test"]
fn olareg_lists_signatures_as_referrers_and_cosign_verifies_them() {
    let registry = Olareg::start();
    holds_what_was_pushed(&registry);
    signs_and_verifies(&registry);
    // With the referrers API, no fallback tag is written.
    assert!(!has_fallback_tag(&registry));
}

#[test]
#[ignore = "needs distribution, crane and cosign: run cargo xtask test"]
fn distribution_lists_signatures_by_a_fallback_tag() {
    let registry = Distribution::start(Options {
        auth: Auth::Basic,
        ..Options::default()
    });
    push_image(&registry, REPOSITORY, "v1", &ImageSpec::default());
    signs_and_verifies(&registry);
    assert!(has_fallback_tag(&registry));
}

/// Returns whether the repository has the tag that lists the referrers of the image `v1`.
fn has_fallback_tag(registry: &impl Registry) -> bool {
    let digest = registry.digest(REPOSITORY, "v1");
    let tags = registry
        .crane(&["ls", &format!("{}/{REPOSITORY}", registry.address())])
        .ok();
    assert!(tags.lines().any(|tag| tag == "v1"), "{tags}");
    tags.lines()
        .any(|tag| tag == digest.replace("sha256:", "sha256-"))
}

/// Signs the image `v1` with a new key, in the format of bundles; another key does not verify it.
fn signs_and_verifies(registry: &impl Registry) {
    let digest = registry.digest(REPOSITORY, "v1");
    let name = format!("{}/{REPOSITORY}@{digest}", registry.address());
    for prefix in ["right", "other"] {
        let option = format!("--output-key-prefix={prefix}");
        assert_eq!(registry.cosign(&["generate-key-pair", &option]).code, 0);
    }
    let signed = registry.cosign(&[
        "sign",
        "--key=right.key",
        "--use-signing-config=false",
        "--tlog-upload=false",
        &name,
    ]);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    for (key, want) in [("right.pub", true), ("other.pub", false)] {
        let key = format!("--key={key}");
        let verified = registry.cosign(&["verify", &key, "--insecure-ignore-tlog=true", &name]);
        assert_eq!(verified.code == 0, want, "{key}: {}", verified.stderr);
    }
}

#[test]
#[ignore = "needs distribution and olareg: run cargo xtask test"]
fn a_dropped_registry_is_gone_with_its_folder() {
    fn ends(registry: impl Registry) {
        let folder = registry.home().path().to_owned();
        let address = registry.address().to_owned();
        assert!(folder.is_dir());
        TcpStream::connect(&address).unwrap();
        drop(registry);
        assert!(!folder.exists());
        let refused = TcpStream::connect(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    ends(Distribution::start(Options::default()));
    ends(Olareg::start());
}
