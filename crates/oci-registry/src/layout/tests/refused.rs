//! What is refused: what is dangerous, damaged, or read in different ways.

use proptest::prelude::*;

use super::*;
use crate::layout::entries;
use crate::layout::pax::record as pax_record;

/// Opens a layout with more entries and returns the error.
async fn refuse(entries: &[u8]) -> String {
    let bytes = [&layout(), entries, &END].concat();
    match open(&bytes).await {
        Ok(archive) => panic!("{archive:?}"),
        Err(error) => error.to_string(),
    }
}

fn pax(records: &str) -> Vec<u8> {
    entry("PaxHeaders/x", EntryType::XHeader, records.as_bytes())
}

fn gnu(name: &str) -> Vec<u8> {
    entry("././@LongLink", EntryType::GNULongName, name.as_bytes())
}

#[tokio::test]
async fn an_entry_that_is_dangerous_is_named() {
    let blob = format!("blobs/sha256/{}", "a".repeat(64));
    let twice = |first: &str, second: &str| [file(first, b"1"), file(second, b"2")].concat();
    let table = [
        (
            entry("a", EntryType::Symlink, b""),
            "\"a\" is refused: it is a symbolic link",
        ),
        (
            entry("a", EntryType::Link, b""),
            "\"a\" is refused: it is a hard link",
        ),
        (
            entry("a", EntryType::Char, b""),
            "\"a\" is refused: it is a device",
        ),
        (
            entry("a", EntryType::Block, b""),
            "\"a\" is refused: it is a device",
        ),
        (
            entry("a", EntryType::Fifo, b""),
            "\"a\" is refused: it is a pipe",
        ),
        (
            entry("a", EntryType::GNUSparse, b""),
            "\"a\" is refused: it is a sparse file",
        ),
        (
            entry("a", EntryType::new(b'V'), b""),
            "\"a\" is refused: it is neither a file nor a folder",
        ),
        (
            entry("a/", EntryType::Directory, b"1"),
            "\"a/\" is refused: it is a folder with content",
        ),
        (
            file("a/", b"1"),
            "\"a/\" is refused: it is a folder with content",
        ),
        (file("../a", b""), "\"../a\" is refused: its path has `..`"),
        (
            file("blobs/../../a", b""),
            "\"blobs/../../a\" is refused: its path has `..`",
        ),
        (file("a/..", b""), "\"a/..\" is refused: its path has `..`"),
        (
            entry("../a", EntryType::Directory, b""),
            "\"../a\" is refused: its path has `..`",
        ),
        (
            file("/etc/passwd", b""),
            "\"/etc/passwd\" is refused: its path is absolute",
        ),
        (file("", b""), "\"\" is refused: it has no name"),
        (file(".", b""), "\".\" is refused: it has no name"),
        (
            file("index.json", b""),
            "\"index.json\" is refused: there are two of this name",
        ),
        (
            file("./oci-layout", b""),
            "\"./oci-layout\" is refused: there are two of this name",
        ),
        (twice(&blob, &blob), "refused: there are two of this name"),
        (
            twice(&blob, &blob.replace('/', "//")),
            "refused: there are two of this name",
        ),
        (
            twice("other", "other"),
            "\"other\" is refused: there are two of this name",
        ),
        (
            [pax(&pax_record("path", "a/../b")), file("a", b"")].concat(),
            "\"a/../b\" is refused: its path has",
        ),
        (
            [gnu("a/../b\0"), file("a", b"")].concat(),
            "\"a/../b\" is refused: its path has",
        ),
        (
            [pax(&pax_record("path", "index.json")), file("a", b"")].concat(),
            "there are two of this name",
        ),
        (
            [pax(&pax_record("GNU.sparse.major", "1")), file("a", b"")].concat(),
            "\"a\" is refused: it is a sparse file",
        ),
        (
            file("\u{1b}[31m\n/../", b""),
            "\"\\u{1b}[31m\\n/../\" is refused",
        ),
    ];
    for (entries, message) in table {
        let error = refuse(&entries).await;
        assert!(error.contains(message), "{error} instead of {message}");
        assert!(error.ends_with("make the archive again with a tool for images"));
    }
}

#[tokio::test]
async fn damage_is_named_with_its_position() {
    let at = layout().len();
    let field = |value: &'static [u8]| {
        edited_entry("a", EntryType::Regular, b"", move |header| {
            header.as_old_mut().size[..value.len()].copy_from_slice(value);
        })
    };
    let mut checksum = file("a", b"");
    checksum[0] = b'b';
    let empty = entry("", EntryType::GNULongName, b"");
    let global = |record: &str| entry("g", EntryType::XGlobalHeader, record.as_bytes());
    let size = pax_record("size", "0");
    let table = [
        (checksum, "a header with a wrong checksum"),
        (field(b"12345678x"), "a size that is not a number"),
        (
            field(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"),
            "a size that no file can have",
        ),
        (
            field(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            "a size that no file can have",
        ),
        (pax("5 a=b\n"), "an invalid pax header"),
        (pax("99 a=b\n"), "an invalid pax header"),
        (pax("+6 a=b\n"), "an invalid pax header"),
        (pax("6 a=bc"), "an invalid pax header"),
        (pax("5 ab\n"), "an invalid pax header"),
        (pax("0 "), "an invalid pax header"),
        (pax("18446744073709551615 a=b\n"), "an invalid pax header"),
        (
            pax("99999999999999999999999 a=b\n"),
            "an invalid pax header",
        ),
        (
            pax(&pax_record("size", "-1")),
            "an invalid size in a pax header",
        ),
        (
            pax(&pax_record("size", "")),
            "an invalid size in a pax header",
        ),
        (
            pax(&format!("{size}{size}")),
            "an invalid size in a pax header",
        ),
        (pax(&pax_record("path", "a\0b")), "a name with a zero byte"),
        (gnu("a"), "a long name without its entry"),
        (
            pax(&pax_record("mtime", "0")),
            "a long name without its entry",
        ),
        (empty, "a long name without its entry"),
        (
            global(&pax_record("path", "a")),
            "a global header with names or sizes",
        ),
        (
            global(&pax_record("size", "1")),
            "a global header with names or sizes",
        ),
        (
            global(&pax_record("linkpath", "a")),
            "a global header with names or sizes",
        ),
    ];
    for (entries, message) in table {
        let error = refuse(&entries).await;
        let expected = format!("it is not a valid tar archive: {message} at byte {at}");
        assert!(error.ends_with(&expected), "{error} instead of {message}");
    }
    let second = at + 1024;
    for entries in [
        [gnu("a"), gnu("b")],
        [gnu("a"), pax(&pax_record("path", "b"))],
    ] {
        let error = refuse(&entries.concat()).await;
        let expected = format!("a second long name for one entry at byte {second}");
        assert!(error.ends_with(&expected), "{error}");
    }
    let behind = [vec![0; 512], file("a", b"")].concat();
    let error = refuse(&behind).await;
    let expected = format!(
        "an entry behind the end of the archive at byte {}",
        at + 512
    );
    assert!(error.ends_with(&expected), "{error}");
}

#[tokio::test]
async fn a_size_that_reaches_beyond_the_file_is_an_error() {
    let length = layout().len() + 512 + 1024;
    for size in [1025, 1 << 40, i64::MAX as u64, u64::MAX] {
        let error = refuse(&sized_entry("a", EntryType::Regular, b"", size)).await;
        let expected = format!("it is truncated: it ends at byte {length} in its entry \"a\"");
        assert!(error.contains(&expected), "{error}");
    }
    let size = pax_record("size", &u64::MAX.to_string());
    let error = refuse(&[pax(&size), file("a", b"")].concat()).await;
    assert!(error.contains("it is truncated"), "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let spaces = |limit: usize| vec![b' '; limit + 1];
    let long = |kind| entry("x", kind, &spaces(64 << 10));
    let table = [
        (
            file("index.json", &spaces(4 << 20)),
            "\"index.json\" has 4194305 bytes, more than 4194304",
        ),
        (
            file("oci-layout", &spaces(4 << 10)),
            "\"oci-layout\" has 4097 bytes, more than 4096",
        ),
        (
            long(EntryType::GNULongName),
            "\"a long name\" has 65537 bytes, more than 65536",
        ),
        (
            long(EntryType::XHeader),
            "\"a pax header\" has 65537 bytes, more than 65536",
        ),
        (
            long(EntryType::XGlobalHeader),
            "\"a pax header\" has 65537 bytes, more than 65536",
        ),
    ];
    for (entries, message) in table {
        let bytes = [&entries, END.as_slice()].concat();
        let error = open(&bytes).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let name = format!("../{}", "n".repeat(60_000));
    let error = refuse(&[gnu(&name), file("a", b"")].concat()).await;
    assert!(error.len() < 500, "{error}");
}

#[test]
fn the_number_of_entries_is_limited() {
    let (_folder, path) = folder();
    let folder = entry("x", EntryType::Directory, b"");
    std::fs::write(&path, [layout(), folder.repeat(7), END.to_vec()].concat()).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    // The layout itself has two.
    assert!(entries::find(&file, &path, 9).unwrap().index.is_some());
    let error = entries::find(&file, &path, 8).unwrap_err();
    assert_eq!(error.to_string(), "it has more than 8 entries");
}

#[tokio::test]
async fn what_is_not_a_layout_says_so() {
    let index = |content: &str| {
        [
            file("oci-layout", LAYOUT),
            file("index.json", content.as_bytes()),
        ]
        .concat()
    };
    let version = |content: &str| {
        [
            file("oci-layout", content.as_bytes()),
            file("index.json", NO_IMAGES),
        ]
        .concat()
    };
    let table = [
        (
            vec![],
            "it is not an OCI image layout: it has no oci-layout",
        ),
        (
            file("manifest.json", b"[]"),
            "it is not an OCI image layout: it has no oci-layout",
        ),
        (
            file("oci-layout", LAYOUT),
            "it is not an OCI image layout: it has no index.json",
        ),
        (
            version(r#"{"imageLayoutVersion":"2.0.0"}"#),
            "has the version \"2.0.0\"; only versions 1.x",
        ),
        (
            version(r#"{"imageLayoutVersion":"10.0"}"#),
            "has the version \"10.0\"; only versions 1.x",
        ),
        (
            version("{}"),
            "\"oci-layout\" is not valid: missing field `imageLayoutVersion`",
        ),
        (version(""), "\"oci-layout\" is not valid: EOF"),
        (
            index(""),
            "\"index.json\" is not valid: it is not a manifest",
        ),
        (
            index(r#"{"schemaVersion":2}"#),
            "\"index.json\" is not valid: it has no",
        ),
        (
            index(
                r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../a","size":1}]}"#,
            ),
            "\"index.json\" is not valid: it is not a manifest",
        ),
    ];
    for (entries, message) in table {
        let bytes = [&entries, END.as_slice()].concat();
        let error = open(&bytes).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
}

#[tokio::test]
async fn what_is_not_a_tar_archive_says_what_to_do() {
    let table: [(&[u8], &str); 6] = [
        (
            b"\x1f\x8b\x08\0rest",
            "it is compressed: unpack it first, for example with `gzip -dc ",
        ),
        (b"\x28\xb5\x2f\xfdrest", "for example with `zstd -dc "),
        (b"\xfd7zXZ\0rest", "for example with `xz -dc "),
        (b"BZh9rest", "for example with `bzip2 -dc "),
        (
            b"",
            "it is truncated: it ends at byte 0 in the header of an entry",
        ),
        (
            &[b'x'; 2000],
            "it is not a valid tar archive: a header without a checksum at byte 0",
        ),
    ];
    for (bytes, message) in table {
        let error = open(bytes).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
    let (folder, path) = folder();
    let error = Archive::open(folder.path()).await.unwrap_err().to_string();
    assert!(error.contains("it is not a regular file"), "{error}");
    let error = Archive::open(&path).await.unwrap_err().to_string();
    assert!(error.contains("cannot open the file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_truncated_archive_is_never_read(cut in any::<prop::sample::Index>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_folder, path) = folder();
            let whole = written(&path, &[b"a", &[2; 1000], b"c"]).await;
            // Without the last block, everything is still there.
            let cut = cut.index(whole.len() - 512);
            let error = open(&whole[..cut]).await.unwrap_err();
            assert!(
                matches!(error.reason, ArchiveReason::Truncated { length, .. } if length == cut as u64),
                "{error}"
            );
        });
    }
}
