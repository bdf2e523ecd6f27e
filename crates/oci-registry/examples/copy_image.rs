//! Copies an image, with all its platforms, from one registry to another:
//! `copy_image registry.example.com/web:v1 mirror.example.com/web:v1`.

use image_pins::{Reference, Tag};
use oci_registry::{Client, CopyImage, CredentialStore, ImageSource, Repository};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr, clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        return Err("expected two references with tags".into());
    };
    let (from, to): (Reference, Reference) = (from.parse()?, to.parse()?);
    let client = Client::builder()
        .credentials(CredentialStore::from_environment())
        .build()?;
    let source = Repository::from(&from);
    let tag: Tag = from.tag().ok_or("the source has no tag")?.parse()?;
    let digest = client.resolve(&source, &tag).await?.ok_or("no such tag")?;
    let image = CopyImage {
        from: ImageSource::Repository(source),
        digest,
        to: Repository::from(&to),
        tag: to.tag().map(str::parse).transpose()?,
        move_tag: false,
        platforms: Vec::new(),
    };
    for copied in client.copy([image], &|event| eprintln!("{event:?}")).await {
        copied?;
    }
    println!("{}", to.with_digest(digest));
    Ok(())
}
