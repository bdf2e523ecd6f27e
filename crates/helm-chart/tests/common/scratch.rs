//! Folders for what tests write.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

static USES: LazyLock<Mutex<HashMap<PathBuf, usize>>> = LazyLock::new(Mutex::default);

/// Creates an empty folder of this name below Cargo's folder for tests. Tests of one program run at the same time: if a
/// name is used again, the folder has a number, too.
pub fn scratch(name: &str) -> PathBuf {
    let mut folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(env!("CARGO_PKG_NAME"))
        .join(name);
    let mut uses = USES.lock().unwrap();
    let count = uses.entry(folder.clone()).or_default();
    *count += 1;
    if *count > 1 {
        folder.as_mut_os_string().push(format!(".{count}"));
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn folders_of_one_name_are_separate() {
    let (one, other) = (scratch("separate"), scratch("separate"));
    std::fs::write(one.join("file"), "").unwrap();
    assert_ne!(one, other);
    assert!(!other.join("file").exists());
}
