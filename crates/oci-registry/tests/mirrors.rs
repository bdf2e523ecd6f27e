//! Mirrors between real registries, and through archives: signatures, chosen platforms, plans.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use image_pins::Digest;
use oci_registry::layout::Archive;
use oci_registry::model::Platform;
use oci_registry::signature::{Format, PublicKey};
use oci_registry::{
    Client, CopyEvent, CopyImage, CopyOptions, ImageSource, PlannedImage, RegistryError, SaveImage,
};
use test_registry::{Distribution, Image, ImageSpec, Olareg, Options, Registry, push_image};

use crate::common::repository;
use crate::copies::builder;

const WITH_REFERRERS: CopyOptions = CopyOptions {
    referrers: true,
    foreign_layers: false,
};

/// A registry of any kind.
pub trait AnyRegistry {
    fn address(&self) -> &str;
    fn home(&self) -> &Path;
    fn crane(&self, arguments: &[&str]) -> String;
    fn cosign(&self, arguments: &[&str]) -> String;
    fn push(&self, path: &str, spec: &ImageSpec) -> Image;
}

impl<R: Registry> AnyRegistry for R {
    fn address(&self) -> &str {
        Registry::address(self)
    }

    fn home(&self) -> &Path {
        Registry::home(self).path()
    }

    fn crane(&self, arguments: &[&str]) -> String {
        Registry::crane(self, arguments).ok().trim().to_owned()
    }

    fn cosign(&self, arguments: &[&str]) -> String {
        Registry::cosign(self, arguments).ok()
    }

    fn push(&self, path: &str, spec: &ImageSpec) -> Image {
        push_image(self, path, "v1", spec)
    }
}

/// Starts one that has the referrers interface, and one that has not.
fn registries() -> [Box<dyn AnyRegistry>; 2] {
    [
        Box::new(Distribution::start(Options::default())),
        Box::new(Olareg::start()),
    ]
}

/// Signs something in a registry with a new key.
pub fn sign(registry: &dyn AnyRegistry, name: &str, format: Format) -> PublicKey {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let prefix = registry.home().join(format!("key-{number}"));
    let prefix = prefix.display();
    registry.cosign(&[
        "generate-key-pair",
        &format!("--output-key-prefix={prefix}"),
    ]);
    registry.cosign(&[
        "sign",
        &format!("--key={prefix}.key"),
        "--tlog-upload=false",
        "--use-signing-config=false",
        &format!("--new-bundle-format={}", format == Format::Bundle),
        name,
    ]);
    let pem = std::fs::read(format!("{prefix}.pub")).unwrap();
    PublicKey::from_pem(&pem).unwrap()
}

/// Returns an image of a registry that is to be copied to `mirror/PATH` of another one, with the tag `v1`.
fn order(from: &dyn AnyRegistry, path: &str, digest: &str, to: &dyn AnyRegistry) -> CopyImage {
    CopyImage {
        from: ImageSource::from(&repository(from.address(), path)),
        digest: digest.parse().unwrap(),
        to: repository(to.address(), &format!("mirror/{path}")),
        tag: Some("v1".parse().unwrap()),
        move_tag: false,
        platforms: Vec::new(),
    }
}

async fn copy(client: &Client, image: CopyImage) -> Result<Digest, RegistryError> {
    let plan = client.plan_copy([image], WITH_REFERRERS).await;
    plan.run(client, &|_| {}).await.remove(0)
}

/// Returns an image that is to be written into an archive.
fn to_save(from: &dyn AnyRegistry, path: &str, digest: &str) -> SaveImage {
    SaveImage {
        from: ImageSource::from(&repository(from.address(), path)),
        digest: digest.parse().unwrap(),
        reference: format!("registry.example.com/{path}:v1").parse().unwrap(),
        platforms: Vec::new(),
    }
}

fn platforms(names: &[&str]) -> Vec<Platform> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn signatures_travel_from_each_registry_to_each_and_through_an_archive() {
    let client = builder().build().unwrap();
    let registries = registries();
    let folder = tempfile::tempdir().unwrap();
    for (number, source) in registries.iter().enumerate() {
        let image = source.push("web", &ImageSpec::default());
        let name = format!("{}/web@{}", source.address(), image.digest);
        let child = format!("{}/web@{}", source.address(), image.manifests[1].1);
        let digest: Digest = image.digest.parse().unwrap();
        let child_digest: Digest = image.manifests[1].1.parse().unwrap();
        let signatures = [
            (digest, sign(&**source, &name, Format::SimpleSigning)),
            (digest, sign(&**source, &name, Format::Bundle)),
            (child_digest, sign(&**source, &child, Format::Bundle)),
        ];
        let verify = async |place: ImageSource| {
            for (digest, key) in &signatures {
                let verified = client.verify_signatures(&place, digest, key).await;
                let verified = verified.unwrap_or_else(|e| panic!("{place:?}: {e}"));
                assert_eq!(verified.signatures().len(), 1, "{place:?}");
            }
        };
        let path = folder.path().join(format!("{number}.tar"));
        let plan = client
            .plan_save([to_save(&**source, "web", &image.digest)], WITH_REFERRERS)
            .await;
        assert_eq!(plan.images()[0].as_ref().unwrap().referrers, 3);
        for saved in plan.run(&client, &path, &|_| {}).await.unwrap() {
            assert_eq!(saved.unwrap(), digest);
        }
        let archive = Arc::new(Archive::open(&path).await.unwrap());
        let names: Vec<&str> = archive.images().iter().map(|i| &*i.reference).collect();
        assert_eq!(names, ["registry.example.com/web:v1"]);
        let checked = client.check_image(&archive, &digest).await.unwrap();
        assert_eq!(
            checked.platforms,
            platforms(&["linux/amd64", "linux/arm64"])
        );
        verify(ImageSource::from(&archive)).await;
        for target in &registries {
            let to = target.address();
            for from in [
                ImageSource::from(&repository(source.address(), "web")),
                ImageSource::from(&archive),
            ] {
                let kind = match &from {
                    ImageSource::Repository(_) => "copy",
                    ImageSource::Archive(_) => "archive",
                };
                let place = format!("{kind}/{number}");
                let order = CopyImage {
                    from,
                    to: repository(to, &place),
                    ..order(&**source, "web", &image.digest, &**target)
                };
                assert_eq!(copy(&client, order).await.unwrap(), digest);
                let tagged = target.crane(&["digest", &format!("{to}/{place}:v1")]);
                assert_eq!(tagged, image.digest);
                verify(ImageSource::from(&repository(to, &place))).await;
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn a_mirror_keeps_its_own_signatures_and_gets_new_ones() {
    let client = builder().build().unwrap();
    let source = Olareg::start();
    let image = source.push("web", &ImageSpec::default());
    let digest: Digest = image.digest.parse().unwrap();
    let name = |registry: &dyn AnyRegistry, path: &str| {
        format!("{}/{path}@{}", registry.address(), image.digest)
    };
    let mut keys = vec![sign(&source, &name(&source, "web"), Format::Bundle)];
    let target = Distribution::start(Options::default());
    copy(&client, order(&source, "web", &image.digest, &target))
        .await
        .unwrap();
    let place = repository(Registry::address(&target), "mirror/web");
    let first = client.referrers(&place, &digest).await.unwrap();
    keys.push(sign(&target, &name(&target, "mirror/web"), Format::Bundle));
    let mut both = client.referrers(&place, &digest).await.unwrap();
    both.retain(|entry| entry.digest != first[0].digest);
    let own = both[0].digest;
    keys.push(sign(&source, &name(&source, "web"), Format::Bundle));
    // Two copies at once change the same list.
    keys.push(sign(&source, &name(&source, "web"), Format::Bundle));
    let second = CopyImage {
        tag: Some("v2".parse().unwrap()),
        ..order(&source, "web", &image.digest, &target)
    };
    let orders = [order(&source, "web", &image.digest, &target), second];
    let plan = client.plan_copy(orders, WITH_REFERRERS).await;
    for copied in plan.run(&client, &|_| {}).await {
        assert_eq!(copied.unwrap(), digest);
    }
    for key in &keys {
        let verified = client.verify_signatures(&place, &digest, key).await;
        assert_eq!(verified.unwrap().signatures().len(), 1);
    }
    let listed = client.referrers(&place, &digest).await.unwrap();
    let unique: BTreeSet<Digest> = listed.iter().map(|entry| entry.digest).collect();
    assert_eq!((listed.len(), unique.len()), (4, 4));
    for entry in &listed {
        assert_eq!(
            entry.artifact_type.as_deref(),
            Some("application/vnd.dev.sigstore.bundle.v0.3+json")
        );
        let manifest = client.manifest(&place, &entry.digest).await.unwrap();
        assert!(!manifest.annotations.is_empty());
        // The one that cosign listed itself may have none.
        let is_own = entry.digest == own;
        assert!(
            is_own || entry.annotations == manifest.annotations,
            "{entry:?}"
        );
    }
    // Again, nothing is sent.
    let before = target.requests().len();
    copy(&client, order(&source, "web", &image.digest, &target))
        .await
        .unwrap();
    let requests = target.requests();
    let methods: BTreeSet<&str> = requests[before..].iter().map(|r| &*r.method).collect();
    assert_eq!(methods, BTreeSet::from(["GET", "HEAD"]));
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn a_tag_of_signatures_moves_only_if_none_is_lost() {
    let client = builder().build().unwrap();
    let source = Distribution::start(Options::default());
    let image = source.push("web", &ImageSpec::default());
    let digest: Digest = image.digest.parse().unwrap();
    let target = Olareg::start();
    let name = |registry: &dyn AnyRegistry, path: &str| {
        format!("{}/{path}@{}", registry.address(), image.digest)
    };
    let order = || order(&source, "web", &image.digest, &target);
    let mut keys = vec![sign(&source, &name(&source, "web"), Format::SimpleSigning)];
    copy(&client, order()).await.unwrap();
    // The second signature is added to the manifest of the first.
    keys.push(sign(&source, &name(&source, "web"), Format::SimpleSigning));
    copy(&client, order()).await.unwrap();
    let place = repository(Registry::address(&target), "mirror/web");
    for key in &keys {
        let verified = client.verify_signatures(&place, &digest, key).await;
        assert_eq!(verified.unwrap().count(Format::SimpleSigning), 1);
    }
    let own = sign(&target, &name(&target, "mirror/web"), Format::SimpleSigning);
    let is_there = async |key| {
        client
            .verify_signatures(&place, &digest, key)
            .await
            .unwrap()
    };
    // The mirror has a signature more, and lacks none.
    copy(&client, order()).await.unwrap();
    is_there(&own).await;
    // Now both have one that the other lacks. No flag loses one of them.
    sign(&source, &name(&source, "web"), Format::SimpleSigning);
    for move_tag in [false, true] {
        let image = CopyImage {
            move_tag,
            ..order()
        };
        let error = copy(&client, image).await.unwrap_err().to_string();
        assert!(
            error.contains(".sig: the tag has other signatures"),
            "{error}"
        );
        is_there(&own).await;
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn chosen_platforms_are_copied_with_their_signatures() {
    let client = builder().build().unwrap();
    let spec = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64", "linux/s390x"],
        ..ImageSpec::default()
    };
    let registries = registries();
    let mut smaller = BTreeSet::new();
    for source in &registries {
        let image = source.push("web", &spec);
        let amd64 = &image.manifests[0].1;
        let at = |digest: &str| format!("{}/web@{digest}", source.address());
        let own = sign(&**source, &at(amd64), Format::Bundle);
        let of_index = sign(&**source, &at(&image.digest), Format::Bundle);
        for (number, (wanted, expected)) in [
            (vec!["linux/amd64"], Some(amd64)),
            (vec!["linux/amd64", "linux/s390x"], None),
            (
                vec!["linux/amd64", "linux/arm64", "linux/s390x"],
                Some(&image.digest),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let target = &registries[number % 2];
            let place = repository(target.address(), &format!("few/{number}"));
            let order = CopyImage {
                to: place.clone(),
                platforms: platforms(&wanted),
                move_tag: true,
                ..order(&**source, "web", &image.digest, &**target)
            };
            let plan = client.plan_copy([order], WITH_REFERRERS).await;
            let planned: PlannedImage = plan.images().remove(0).unwrap();
            if wanted.len() > 1 {
                assert_eq!(planned.platforms, platforms(&wanted));
            }
            let is_whole = wanted.len() == 3;
            assert_eq!(planned.referrers, if is_whole { 2 } else { 1 });
            let copied = plan.run(&client, &|_| {}).await.remove(0).unwrap();
            assert_eq!(copied, planned.digest);
            let tagged = target.crane(&["digest", &format!("{place}:v1")]);
            assert_eq!(tagged, copied.to_string());
            match expected {
                Some(expected) => assert_eq!(&tagged, expected),
                None => {
                    smaller.insert(tagged);
                }
            }
            let checked = client.check_image(&place, &copied).await.unwrap();
            assert_eq!(checked.platforms, platforms(&wanted));
            let amd64 = amd64.parse().unwrap();
            client
                .verify_signatures(&place, &amd64, &own)
                .await
                .unwrap();
            let index = image.digest.parse().unwrap();
            let verified = client.verify_signatures(&place, &index, &of_index).await;
            assert_eq!(verified.is_ok(), is_whole);
        }
        let order = CopyImage {
            platforms: platforms(&["linux/amd64", "linux/riscv64"]),
            ..order(&**source, "web", &image.digest, &*registries[0])
        };
        let error = copy(&client, order).await.unwrap_err().to_string();
        let expected =
            "it is not for linux/riscv64: choose from linux/amd64, linux/arm64, linux/s390x";
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(smaller.len(), 1, "the same choice has the same digest");
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn an_image_without_an_index_is_for_one_platform() {
    let client = builder().build().unwrap();
    let registry = Olareg::start();
    let image = registry.push(
        "web",
        &ImageSpec {
            platforms: vec!["linux/arm64"],
            has_index: false,
            ..ImageSpec::default()
        },
    );
    for (wanted, is_there) in [("linux/arm64/v8", true), ("linux/amd64", false)] {
        let order = CopyImage {
            platforms: platforms(&[wanted]),
            ..order(&registry, "web", &image.digest, &registry)
        };
        match copy(&client, order).await {
            Ok(copied) => assert!(is_there && copied.to_string() == image.digest),
            Err(error) => {
                assert!(!is_there, "{error}");
                let error = error.to_string();
                assert!(error.contains("choose from linux/arm64"), "{error}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn a_plan_says_what_a_copy_sends_and_sends_nothing_itself() {
    let client = builder().build().unwrap();
    let source = Olareg::start();
    let target = Distribution::start(Options::default());
    let spec = |seed| ImageSpec {
        seed,
        ..ImageSpec::default()
    };
    let images = [("web", 1), ("db", 2)].map(|(path, seed)| (path, source.push(path, &spec(seed))));
    let orders = || {
        images
            .each_ref()
            .map(|(path, image)| order(&source, path, &image.digest, &target))
    };
    let blobs: BTreeMap<&String, u64> = images
        .iter()
        .flat_map(|(_, image)| image.blobs.iter().map(|(digest, size)| (digest, *size)))
        .collect();
    let bytes: u64 = blobs.values().sum();
    let plan = client.plan_copy(orders(), WITH_REFERRERS).await;
    assert_eq!((plan.blobs(), plan.bytes()), (blobs.len(), bytes));
    // An index and two manifests of each image.
    let host = repository(Registry::address(&source), "web").host().clone();
    assert_eq!(plan.pulls(), BTreeMap::from([(host, 6)]));
    let methods: BTreeSet<String> = target.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, BTreeSet::from(["GET", "HEAD"].map(str::to_owned)));
    let (sent, results) = (Mutex::new(0), Mutex::new(BTreeMap::new()));
    let observer = |event| match event {
        CopyEvent::Sent(bytes) => *sent.lock().unwrap() += bytes,
        CopyEvent::Image { image, result } => {
            results.lock().unwrap().insert(image, result.unwrap());
        }
        _ => {}
    };
    let copied = plan.run(&client, &observer).await;
    let copied: Vec<Digest> = copied.into_iter().map(Result::unwrap).collect();
    assert_eq!(sent.into_inner().unwrap(), bytes);
    let results: Vec<Digest> = results.into_inner().unwrap().into_values().collect();
    assert_eq!(results, copied);
    let again = client.plan_copy(orders(), WITH_REFERRERS).await;
    assert_eq!((again.blobs(), again.bytes()), (0, 0));
    // The target tells that it has everything, so nothing is pulled.
    assert_eq!(again.pulls().into_values().sum::<usize>(), 0);
    let planned = again.images().into_iter().map(Result::unwrap);
    assert!(planned.into_iter().all(|planned| planned.is_there));
    // A third image with the same blobs in another repository is mounted.
    let other = CopyImage {
        to: repository(Registry::address(&target), "other"),
        ..orders()[0].clone()
    };
    let mounted = client.plan_copy([other], WITH_REFERRERS).await;
    assert_eq!(mounted.blobs(), images[0].1.blobs.len());
}

#[tokio::test]
#[ignore = "needs registries: run cargo xtask test"]
async fn an_archive_is_finished_only_with_all_images() {
    let client = builder().build().unwrap();
    let source = Olareg::start();
    let image = source.push("web", &ImageSpec::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.tar");
    std::fs::write(&path, "an older file").unwrap();
    let missing = oci_registry::digest_of(b"no such image").to_string();
    let right = || to_save(&source, "web", &image.digest);
    let plan = client
        .plan_save([right(), to_save(&source, "web", &missing)], WITH_REFERRERS)
        .await;
    assert!(plan.images()[0].is_ok() && plan.images()[1].is_err());
    let saved = plan.run(&client, &path, &|_| {}).await.unwrap();
    let errors: Vec<String> = saved
        .iter()
        .map(|saved| saved.as_ref().unwrap_err().to_string())
        .collect();
    assert!(errors[0].contains("another image failed"), "{errors:?}");
    assert!(errors[1].contains("not found"), "{errors:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"an older file");
    let mut bytes = Vec::new();
    for name in ["images.tar", "again.tar"] {
        let path = folder.path().join(name);
        let plan = client.plan_save([right()], WITH_REFERRERS).await;
        let size: u64 = image.blobs.values().sum();
        assert_eq!((plan.blobs(), plan.bytes()), (image.blobs.len(), size));
        let sent = Mutex::new(0);
        let observer = |event| {
            if let CopyEvent::Sent(bytes) = event {
                *sent.lock().unwrap() += bytes;
            }
        };
        for saved in plan.run(&client, &path, &observer).await.unwrap() {
            assert_eq!(saved.unwrap().to_string(), image.digest);
        }
        assert_eq!(sent.into_inner().unwrap(), size);
        bytes.push(std::fs::read(&path).unwrap());
    }
    assert_eq!(bytes[0], bytes[1]);
    assert!(!folder.path().join("images.tar.part").exists());
    // One byte of a blob is damaged.
    let archive = Archive::open(&path).await.unwrap();
    let digest = archive.images()[0].descriptor.digest;
    let mut damaged = bytes.remove(0);
    let gzip = damaged.windows(3).position(|w| w == [0x1f, 0x8b, 8]);
    damaged[gzip.unwrap() + 200] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let archive = Arc::new(Archive::open(&path).await.unwrap());
    let error = client.check_image(&archive, &digest).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("images.tar"), "{error}");
    assert!(error.contains("it was changed or damaged"), "{error}");
    assert!(!error.contains("registry"), "{error}");
}
