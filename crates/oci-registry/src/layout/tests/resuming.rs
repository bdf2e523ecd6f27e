//! What a writer makes of what an earlier one left.

use std::io::{Seek, SeekFrom, Write};

use super::*;
use crate::layout::plan::Plan;

const CONTENTS: [&[u8]; 3] = [b"first", &[2; 600_000], &[3; 2000]];

/// Returns the bytes of an archive that is written without an interruption.
async fn uninterrupted() -> Vec<u8> {
    let (_folder, path) = folder();
    written(&path, &CONTENTS).await
}

/// Overwrites bytes of the unfinished file.
fn overwrite(path: &Path, position: u64, bytes: &[u8]) {
    let mut file = std::fs::File::options()
        .write(true)
        .open(part(path))
        .unwrap();
    file.seek(SeekFrom::Start(position)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Runs to the end of everything, as a process does.
fn in_process(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work);
}

#[test]
fn a_dropped_archive_is_resumed() {
    let (_folder, path) = folder();
    in_process(async {
        let archive = create(&path, &CONTENTS).await.unwrap();
        write(&archive, CONTENTS[0]).await;
        let half = archive.blob(&digest_of(CONTENTS[1])).await.unwrap();
        half.unwrap().write(&vec![2; 550_000]).await.unwrap();
        let error = archive.finish().await.unwrap_err();
        assert!(matches!(
            error.reason,
            ArchiveReason::Incomplete { missing: 2, .. }
        ));
        assert!(error.to_string().contains("rerun the same command"));
    });
    assert!(!path.exists());
    assert!(part(&path).exists());

    in_process(async {
        let archive = create(&path, &CONTENTS).await.unwrap();
        let complete = CONTENTS.map(|content| archive.is_complete(&digest_of(content)));
        assert_eq!(complete, [true, false, false]);
        let done = archive.blob(&digest_of(CONTENTS[0])).await.unwrap();
        assert!(done.is_none());
        write(&archive, CONTENTS[1]).await;
        write(&archive, CONTENTS[2]).await;
        archive.finish().await.unwrap();
        assert!(!part(&path).exists());
        assert!(std::fs::read(&path).unwrap() == uninterrupted().await);
    });
}

#[tokio::test]
async fn a_changed_blob_is_written_again() {
    let plan = Plan::new(CONTENTS.map(planned), NO_IMAGES).unwrap();
    let [first, second, third] = CONTENTS.map(|content| &plan.blobs[&digest_of(content)]);
    let table = [
        // The last byte of a content, a byte of a header, and what has to be zero.
        (second.end() - 1, [true, false, true]),
        (first.header_position + 3, [false, true, true]),
        (third.end(), [true; 3]),
        (plan.length - 1, [true; 3]),
        (0, [true; 3]),
    ];
    for (position, expected) in table {
        let (_folder, path) = folder();
        let archive = create(&path, &CONTENTS).await.unwrap();
        for content in CONTENTS {
            write(&archive, content).await;
        }
        drop(archive);
        overwrite(&path, position, b"!");
        let archive = create(&path, &CONTENTS).await.unwrap();
        let complete = CONTENTS.map(|content| archive.is_complete(&digest_of(content)));
        assert_eq!(complete, expected, "byte {position}");
        drop(archive);
        assert!(written(&path, &CONTENTS).await == uninterrupted().await);
    }
}

#[tokio::test]
async fn nothing_of_another_archive_stays() {
    // The first has the length of the second, and content where the second has zeros.
    let others: [&[&[u8]]; 3] = [&[&[0xff; 500]], &[&[0xff; 5000]], &[]];
    for other in others {
        let (_folder, path) = folder();
        let archive = create(&path, other).await.unwrap();
        for content in other {
            write(&archive, content).await;
        }
        drop(archive);
        let bytes = written(&path, &[b"short"]).await;
        let (_folder, fresh) = folder();
        assert_eq!(bytes, written(&fresh, &[b"short"]).await);
    }
}

#[tokio::test]
async fn an_earlier_archive_is_replaced_only_by_a_finished_one() {
    let (_folder, path) = folder();
    std::fs::write(&path, "earlier").unwrap();
    let archive = create(&path, &[b"a"]).await.unwrap();
    archive.finish().await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"earlier");
    written(&path, &[b"a"]).await;
    Archive::open(&path).await.unwrap();
}

#[tokio::test]
async fn two_writers_of_one_file_do_not_mix() {
    let (_folder, path) = folder();
    let archive = create(&path, &[b"a"]).await.unwrap();
    let error = create_now(&path, &[b"a"]).await.unwrap_err();
    assert!(matches!(error.reason, ArchiveReason::Locked), "{error}");
    assert!(
        error
            .to_string()
            .contains("another process is writing this file")
    );
    write(&archive, b"a").await;
    archive.finish().await.unwrap();
    // The finished archive is not locked, and is not what the next writer writes to.
    let before = std::fs::read(&path).unwrap();
    drop(create(&path, &[b"b"]).await.unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_writer_that_was_dropped_does_not_disturb_the_next() {
    let (_folder, path) = folder();
    let archive = create(&path, &CONTENTS).await.unwrap();
    let digest = digest_of(CONTENTS[1]);
    for _ in 0..10 {
        // The first piece may still be on its way to the disk when the writer is dropped.
        let mut wrong = archive.blob(&digest).await.unwrap().unwrap();
        wrong.write(&vec![0xff; 600_000]).await.unwrap();
    }
    for content in CONTENTS {
        write(&archive, content).await;
    }
    archive.finish().await.unwrap();
    assert!(std::fs::read(&path).unwrap() == uninterrupted().await);
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let (folder, path) = folder();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, part(&path)).unwrap();
    let error = create(&path, &[b"a"]).await.unwrap_err().to_string();
    assert!(error.contains("cannot open the .part file"), "{error}");
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
}
