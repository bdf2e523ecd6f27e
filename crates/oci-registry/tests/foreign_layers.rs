//! Layers that are not in registries, but where their descriptors say.

use std::sync::Arc;

use oci_registry::layout::Archive;
use oci_registry::{Client, CopyImage, CopyOptions, Host, ImageSource, SaveImage};
use test_registry::{Answer, LyingRegistry};

use crate::common::{MANIFEST, builder, descriptor, digest, repository};

const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const LAYER: &str = "the content of a layer";
const WITH_FOREIGN: CopyOptions = CopyOptions {
    referrers: false,
    foreign_layers: true,
};

/// Returns the manifest of an image whose layer is at these URLs.
fn image(urls: &[String]) -> String {
    let config = serde_json::to_string(&descriptor(b"{}")).unwrap();
    let mut layer = descriptor(LAYER.as_bytes());
    FOREIGN.clone_into(&mut layer.media_type);
    layer.urls = urls.to_vec();
    let layer = serde_json::to_string(&layer).unwrap();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#
    )
}

/// Returns a registry that has the image, without its layer, in `from`, and takes everything in `to`.
fn registry(image: &str) -> LyingRegistry {
    let registry = LyingRegistry::start();
    let manifest = Answer::new(200).header("Content-Type", MANIFEST);
    let begin = "/v2/to/blobs/uploads/";
    let session = Answer::new(202).header("Location", "/v2/to/blobs/uploads/1");
    registry
        .on("GET", "/v2/from/manifests/", manifest.body(image))
        .on(
            "GET",
            &format!("/v2/from/blobs/{}", digest("{}")),
            Answer::new(200).body("{}"),
        )
        .on("POST", begin, session)
        .on("PUT", begin, Answer::new(201))
        .on("PUT", "/v2/to/manifests/", Answer::new(201));
    registry
}

async fn copy(client: &Client, registry: &LyingRegistry, image: &str) -> Result<(), String> {
    let from = ImageSource::from(&repository(&registry.address(), "from"));
    copy_from(client, from, registry, image).await
}

async fn copy_from(
    client: &Client,
    from: ImageSource,
    registry: &LyingRegistry,
    image: &str,
) -> Result<(), String> {
    let order = CopyImage {
        from,
        digest: digest(image),
        to: repository(&registry.address(), "to"),
        tag: None,
        move_tag: false,
        platforms: Vec::new(),
    };
    let plan = client.plan_copy([order], WITH_FOREIGN).await;
    let copied = plan.run(client, &|_| {}).await.remove(0);
    copied.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn foreign_layers_come_from_the_first_place_that_has_them() {
    let server = LyingRegistry::start();
    server
        .on("GET", "/gone", Answer::new(404))
        .on("GET", "/moved", Answer::redirect(302, "/layer"))
        .on("GET", "/layer", Answer::new(200).body(LAYER));
    let url = |path: &str| format!("http://{}{path}", server.address());
    let image = image(&[url("/gone"), url("/moved")]);
    let registry = registry(&image);
    let hosts = [&server, &registry].map(|server| Host::new(&server.address()));
    let client = builder("").insecure(hosts.to_vec()).build().unwrap();
    copy(&client, &registry, &image).await.unwrap();
    let paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/gone", "/moved", "/layer"]);
    let bodies: Vec<Vec<u8>> = registry
        .requests()
        .into_iter()
        .filter(|r| r.method == "PUT" && r.path.contains("/blobs/"))
        .map(|r| r.body)
        .collect();
    assert!(bodies.contains(&LAYER.as_bytes().to_vec()));
}

#[tokio::test]
async fn foreign_layers_of_an_archive_come_from_the_archive() {
    let server = LyingRegistry::start();
    server.on("GET", "/layer", Answer::new(200).body(LAYER).times(1));
    let image = image(&[format!("http://{}/layer", server.address())]);
    let registry = registry(&image);
    let hosts = [&server, &registry].map(|server| Host::new(&server.address()));
    let client = builder("").insecure(hosts.to_vec()).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.tar");
    let save = SaveImage {
        from: ImageSource::from(&repository(&registry.address(), "from")),
        digest: digest(&image),
        reference: "registry.example.com/windows:v1".parse().unwrap(),
        platforms: Vec::new(),
    };
    let plan = client.plan_save([save], WITH_FOREIGN).await;
    for saved in plan.run(&client, &path, &|_| {}).await.unwrap() {
        assert_eq!(saved.unwrap(), digest(&image));
    }
    let archive = Arc::new(Archive::open(&path).await.unwrap());
    let checked = client.check_image(&archive, &digest(&image)).await.unwrap();
    let bytes = image.len() + "{}".len() + LAYER.len();
    assert_eq!(checked.bytes, bytes as u64);
    let from = ImageSource::from(&archive);
    copy_from(&client, from, &registry, &image).await.unwrap();
    assert_eq!(server.requests().len(), 1);
    let sent = registry.requests();
    assert!(sent.iter().any(|r| r.body == LAYER.as_bytes()));
}

#[tokio::test]
async fn a_place_of_a_foreign_layer_is_not_trusted() {
    let server = LyingRegistry::start();
    let address = server.address();
    let challenge = format!(r#"Bearer realm="http://{address}/token""#);
    let asking = Answer::new(401).header("WWW-Authenticate", &challenge);
    server
        .on("GET", "/other", Answer::new(200).body(LAYER.to_uppercase()))
        .on("GET", "/short", Answer::new(200).body("the"))
        .on(
            "GET",
            "/private",
            Answer::redirect(302, "https://10.0.0.1/x"),
        )
        .on("GET", "/asking", asking)
        .on("GET", "/token", Answer::new(200).body(r#"{"token":"t"}"#));
    let named = |path: &str| vec![format!("http://{address}{path}")];
    let table = [
        // A layer without URLs can only be in the registry.
        (vec![], "not found"),
        (
            vec!["http://example.com/x".to_owned()],
            "it is not encrypted",
        ),
        (
            vec!["https://192.168.1.1/x".to_owned()],
            "of a private network",
        ),
        (
            vec!["https://localhost/x".to_owned()],
            "of a private network",
        ),
        (
            vec!["https://a@example.com/x".to_owned()],
            "contains a user",
        ),
        (vec!["file:///etc/passwd".to_owned()], "not a URL"),
        (named("/other"), "it is not what was asked for"),
        (named("/short"), "it has 3 bytes instead of 22"),
        (named("/private"), "10.0.0.1 is an address"),
        (named("/asking"), "refuses access without credentials"),
    ];
    for (urls, message) in table {
        let image = image(&urls);
        let registry = registry(&image);
        let hosts = [&server, &registry].map(|server| Host::new(&server.address()));
        let client = builder("").insecure(hosts.to_vec()).build().unwrap();
        let error = copy(&client, &registry, &image).await.unwrap_err();
        assert!(error.contains(message), "{urls:?}: {error}");
    }
    let requests = server.requests();
    assert!(requests.iter().all(|r| r.path != "/token"));
    assert!(requests.iter().all(|r| r.header("authorization").is_none()));
}
