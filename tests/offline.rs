//! What an `osm` that was built without the feature `cluster` refuses. `cargo xtask test` builds it and runs these tests.

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
