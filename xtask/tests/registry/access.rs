//! Registries that want credentials, or have no TLS: the flags that reach them, and the hints that name the flags.

use test_registry::{Auth, Distribution, Options, PASSWORD, Registry, TokenOptions};

use crate::common::{fill, run_xtask};

/// The components of v1.0.0 of the mesh.
const MESH: [&str; 5] = [
    "osm-controller",
    "osm-injector",
    "init",
    "osm-bootstrap",
    "osm-crds",
];

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn registries_are_reached_as_the_flags_say() {
    let source = Distribution::start(Options::default());
    let built = fill(&source, "staging", "v1.0.5", MESH);
    let open = Options {
        has_tls: false,
        ..Options::default()
    };
    let with = |auth| Options {
        auth,
        ..Options::default()
    };
    let token = Auth::Token(TokenOptions::default());
    // The registry, the hint without flags, and the flags that help.
    let table: [(Options, &str, &[&str]); 3] = [
        (
            open,
            "pass --insecure-registry 127.0.0.1:",
            &["--insecure-registry", "ADDRESS"],
        ),
        (
            with(Auth::Basic),
            "or pass --registry-auth-file",
            &["--registry-auth-file", "CREDENTIALS"],
        ),
        (
            with(token),
            "or pass --registry-auth-file",
            &[
                "--registry-auth-file",
                "CREDENTIALS",
                "--token-server",
                test_registry::LOCALHOST,
            ],
        ),
    ];
    for (options, hint, flags) in table {
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none.json");
        std::fs::write(&none, "{}").unwrap();
        let target = Distribution::start(options);
        let from = format!("{}/staging", source.address());
        let to = format!("{}/public", target.address());
        let publish = |more: &[&str]| {
            let base = [
                "publish-images",
                "--from",
                &from,
                "--to",
                &to,
                "--confirm",
                "v1.0.5",
            ];
            let output = run_xtask(folder.path(), &[&base[..], more].concat());
            for text in [&output.stdout, &output.stderr] {
                assert!(!text.contains(PASSWORD), "{text}");
            }
            output
        };
        let mut stranger = vec!["--registry-auth-file", none.to_str().unwrap()];
        // Whoever has no credentials must be able to ask for a token.
        stranger.extend(flags.iter().skip_while(|flag| **flag != "--token-server"));
        let error = publish(&stranger).fails(1);
        assert!(error.contains(hint), "{error}");
        assert!(error.ends_with("nothing was written\n"), "{error}");
        let credentials = target.home().credentials_file().display().to_string();
        let flags: Vec<&str> = flags
            .iter()
            .map(|flag| match *flag {
                "ADDRESS" => target.address(),
                "CREDENTIALS" => &credentials,
                flag => flag,
            })
            .collect();
        publish(&flags).ok();
        assert_eq!(target.digest("public/osm-crds", "v1.0.5"), built[4]);
    }
}
