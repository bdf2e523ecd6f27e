//! `cargo xtask fuzz` without running a target: the list, misspelled targets, and missing tools.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn fuzz(args: &[&str], with: impl FnOnce(&mut Command)) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("fuzz").args(args);
    with(&mut command);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn without_a_target_the_targets_are_listed() {
    let (code, out, err) = fuzz(&[], |_| {});
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out.lines().count(), 9, "{out}");
    assert!(out.starts_with("digest_files\nkubeconfig\n"), "{out}");
}

#[test]
fn an_unknown_target_is_refused_with_a_suggestion() {
    for (target, hint) in [
        ("template", "did you mean `templates`?"),
        ("nothing", "expected one of digest_files, "),
    ] {
        let (code, out, err) = fuzz(&[target, "--seconds", "1"], |_| {});
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(
            err.starts_with(&format!("error: `{target}` is not a fuzz target: {hint}")),
            "{err}"
        );
    }
    let (code, _, err) = fuzz(&["templates", "--seconds", "0"], |_| {});
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn missing_tools_are_named_with_the_commands_that_install_them() {
    let empty = tempfile::tempdir().unwrap();
    let without_rustup = fuzz(&["set"], |command| {
        command.env("PATH", empty.path());
    });
    assert_eq!(without_rustup.0, Some(2));
    assert!(
        without_rustup.2.contains("https://rustup.rs"),
        "{}",
        without_rustup.2
    );

    let path = std::env::var_os("PATH").unwrap();
    let rustup = std::env::split_paths(&path).map(|folder| folder.join("rustup"));
    let Some(rustup) = rustup.into_iter().find(|program| program.is_file()) else {
        // Rust was installed without rustup: the message above is the one that its users get.
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(rustup, folder.path().join("rustup")).unwrap();
    let (code, out, err) = fuzz(&["set"], |command| {
        command
            .env("PATH", folder.path())
            .env("RUSTUP_HOME", empty.path())
            .env("CARGO_HOME", empty.path())
            .env_remove("RUSTUP_TOOLCHAIN");
    });
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    for command in [
        "rustup toolchain install nightly --profile minimal",
        "cargo install cargo-fuzz --locked",
    ] {
        assert!(err.contains(command), "{err}");
    }
}
