//! What an `osm` that was built without the feature `cluster` refuses and suggests. `cargo xtask test` builds it and runs these
//! tests.

use crate::common::osm;

#[test]
#[ignore = "needs an osm without the feature `cluster`: run `cargo xtask test`"]
fn without_the_cluster_feature_install_names_the_alternative() {
    for dry_run in [&["install"][..], &["install", "--dry-run=server"]] {
        let error = osm(dry_run).fails(1);
        assert!(
            error.contains("built without the feature `cluster`")
                && error.contains("osm install --dry-run=client --no-hooks | kubectl apply -f -"),
            "{error}"
        );
    }
}

#[test]
#[ignore = "needs an osm without the feature `cluster`: run `cargo xtask test`"]
fn without_the_cluster_feature_no_command_is_suggested_that_is_not_there() {
    for (command, meant) in [
        ("template", Some("'install --dry-run'")),
        ("upgrade", None),
        ("status", None),
    ] {
        let message = osm(&[command]).fails(2);
        match meant {
            Some(meant) => assert!(message.contains(meant), "{message}"),
            None => assert!(!message.contains("similar"), "{message}"),
        }
    }
}
