//! The tags of a repository, from the real distribution and olareg, and from a registry that lies.

use oci_registry::Client;
use test_registry::{
    Answer, Distribution, ImageSpec, LyingRegistry, Olareg, Options, Registry, push_image,
};
use transport::read_certificates;

use crate::common::{client, client_with_one_permit, in_time, repository};

/// Lists the tags of a repository, sorted, or returns the error as text.
async fn list(client: &Client, address: &str, path: &str) -> Result<Vec<String>, String> {
    let listed = client.tags(&repository(address, path)).await;
    let tags = listed.map_err(|error| error.to_string())?;
    let mut tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    tags.sort();
    Ok(tags)
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn real_registries_list_the_tags_of_a_repository() {
    let distribution = Distribution::start(Options::default());
    let olareg = Olareg::start();
    for tag in ["v1.0.0", "v1.1.0-rc.1", "latest"] {
        push_image(&distribution, "a/b", tag, &ImageSpec::default());
        push_image(&olareg, "a/b", tag, &ImageSpec::default());
    }
    push_image(&distribution, "a/c", "other", &ImageSpec::default());
    let authority = test_registry::authority_certificate();
    let authorities = read_certificates(authority.as_bytes()).unwrap();
    let client = Client::builder().authorities(authorities).build().unwrap();
    for address in [distribution.address(), olareg.address()] {
        let tags = list(&client, address, "a/b").await.unwrap();
        assert_eq!(tags, ["latest", "v1.0.0", "v1.1.0-rc.1"], "{address}");
    }
    let error = client
        .tags(&repository(distribution.address(), "none"))
        .await
        .unwrap_err();
    assert!(error.reason.is_not_found(), "{error}");
}

#[tokio::test]
async fn tags_are_read_page_by_page() {
    let registry = LyingRegistry::start();
    let next = |to: &str| format!("<{to}>; rel=\"next\"");
    registry
        .on(
            "GET",
            "/v2/a/tags/list?last=v1",
            Answer::new(200)
                .header("Link", &next("?last=v2"))
                .body(r#"{"name":"a","tags":null}"#),
        )
        .on(
            "GET",
            "/v2/a/tags/list?last=v2",
            Answer::new(200).body(r#"{"tags":["v3"]}"#),
        )
        .on(
            "GET",
            "/v2/a/tags/list",
            Answer::new(200)
                .header("Link", &next("/v2/a/tags/list?last=v1"))
                .body(r#"{"tags":["v1"]}"#),
        );
    let client = client_with_one_permit(&registry);
    let tags = in_time(list(&client, &registry.address(), "a")).await;
    assert_eq!(tags.unwrap(), ["v1", "v3"]);
}

#[tokio::test]
async fn a_list_of_tags_that_is_wrong_or_endless_is_an_error() {
    let link = "</v2/a/tags/list>; rel=next";
    let page = || Answer::new(200).body(r#"{"tags":["v1"]}"#);
    let table = [
        (page().header("Link", link), "more than 100 pages"),
        (
            page().header("Link", "<https://elsewhere.example.com/>; rel=next"),
            "the next page of a list is at another server",
        ),
        (
            Answer::new(200).body(r#"{"tags":["v1","a b"]}"#),
            "it lists \"a b\" as a tag",
        ),
        (Answer::new(200).body("<html>"), "it does not list tags"),
        (
            Answer::new(200).body(" ").endless(),
            "the list of tags has more than 4194304 bytes",
        ),
        (Answer::new(403), "access denied"),
        (Answer::new(404), "not found"),
    ];
    for (answer, expected) in table {
        let registry = LyingRegistry::start();
        registry.on("GET", "/v2/a/tags/list", answer);
        let (client, address) = (client(&registry), registry.address());
        let error = in_time(list(&client, &address, "a")).await.unwrap_err();
        let place = format!("the tags of {address}/a: ");
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
