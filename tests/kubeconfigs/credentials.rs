//! Tokens, passwords and impersonation.

use serde_json::{Value, json};

use super::Want::{Asks, AsksAnonymously, Refuses};
use super::{assert_no_difference, compare_entries, write};
use crate::common::recorder::{Answers, Recorder};
use crate::common::scratch;

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn credentials_are_chosen_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-credentials");
    // kubectl trims it, and prefers it to an inline token.
    let file = write(&folder, "token", "\n from-file\r\n");
    let empty = write(&folder, "empty", " \n");
    let two = write(&folder, "two", "one\ntwo\n");
    let missing = folder.join("missing").display().to_string();
    let table = [
        ("nothing", json!({}), AsksAnonymously),
        ("null", Value::Null, AsksAnonymously),
        (
            "token",
            json!({"token": "t"}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "umlaut",
            json!({"token": "tä"}),
            Asks(&["authorization: Bearer tä"]),
        ),
        (
            "token-with-line-break",
            json!({"token": "a\nb"}),
            Refuses("control character"),
        ),
        (
            "token-with-line-end",
            json!({"token": "a\n"}),
            Refuses("control character"),
        ),
        (
            "token-with-return",
            json!({"token": "a\r"}),
            Refuses("control character"),
        ),
        (
            "token-with-zero",
            json!({"token": "a\0b"}),
            Refuses("control character"),
        ),
        (
            "number",
            json!({"token": 12_345}),
            Refuses("users[test].token: expected a string"),
        ),
        (
            "empty-token",
            json!({"token": "", "tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "token-file",
            json!({"tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "relative-token-file",
            json!({"tokenFile": "token"}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "file-over-token",
            json!({"token": "t", "tokenFile": file}),
            Asks(&["authorization: Bearer from-file"]),
        ),
        (
            "missing-file-and-token",
            json!({"token": "t", "tokenFile": missing}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "empty-file-and-token",
            json!({"token": "t", "tokenFile": empty}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "missing-file",
            json!({"tokenFile": missing}),
            Refuses("missing: No such file"),
        ),
        (
            "empty-file",
            json!({"tokenFile": empty}),
            Refuses("is empty"),
        ),
        (
            "folder-as-file",
            json!({"tokenFile": folder}),
            Refuses("the token file"),
        ),
        (
            "two-lines-in-file",
            json!({"tokenFile": two}),
            Refuses("control character"),
        ),
        (
            "empty-file-name",
            json!({"token": "t", "tokenFile": ""}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "password",
            json!({"username": "u", "password": "p"}),
            Asks(&["authorization: Basic dTpw"]),
        ),
        (
            "user-without-password",
            json!({"username": "u"}),
            Asks(&["authorization: Basic dTo="]),
        ),
        (
            "password-without-user",
            json!({"password": "p"}),
            AsksAnonymously,
        ),
        (
            "password-with-line-break",
            json!({"username": "u", "password": "p\n"}),
            Asks(&["authorization: Basic dTpwCg=="]),
        ),
        (
            "token-and-password",
            json!({"token": "t", "username": "u"}),
            Refuses("only one of them"),
        ),
        (
            "token-and-only-password",
            json!({"token": "t", "password": "p"}),
            Refuses("only one of them"),
        ),
        (
            "file-and-password",
            json!({"tokenFile": file, "username": "u"}),
            Refuses("only one of them"),
        ),
        (
            "empty-user-and-token",
            json!({"token": "t", "username": "", "password": ""}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "impersonation",
            json!({
            "token": "t", "as": "jane", "as-uid": "1", "as-groups": ["b", "a"],
            "as-user-extra": {"scopes": ["x", "y"], "a b/ü%": ["z"]}}),
            Asks(&[
                "authorization: Bearer t",
                "impersonate-extra-a%20b%2f%c3%bc%25: z",
                "impersonate-extra-scopes: x",
                "impersonate-extra-scopes: y",
                "impersonate-group: a",
                "impersonate-group: b",
                "impersonate-uid: 1",
                "impersonate-user: jane",
            ]),
        ),
        (
            "empty-impersonation",
            json!({"token": "t", "as": "", "as-groups": []}),
            Asks(&["authorization: Bearer t"]),
        ),
        (
            "impersonation-of-nobody",
            json!({"token": "t", "as-groups": ["a"]}),
            Refuses("but not as"),
        ),
        (
            "impersonation-with-line-break",
            json!({"token": "t", "as": "a\nb"}),
            Refuses("cannot be sent in a header"),
        ),
        (
            "group-with-line-break",
            json!({"token": "t", "as": "a", "as-groups": ["a\nb"]}),
            Refuses("cannot be sent in a header"),
        ),
        (
            "gcp",
            json!({"auth-provider": {"name": "gcp", "config": {"access-token": "t"}}}),
            Refuses("gke-gcloud-auth-plugin"),
        ),
        (
            "gcp-and-token",
            json!({"token": "t", "auth-provider": {"name": "gcp"}}),
            Refuses("auth-provider gcp"),
        ),
        (
            "unknown-provider",
            json!({"auth-provider": {"name": "x"}}),
            Refuses("auth-provider x"),
        ),
        (
            "provider-and-exec",
            json!({
            "auth-provider": {"name": "oidc"},
            "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Never"}}),
            Refuses("only one of them"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, user, want)| {
        compare_entries(&folder, &recorder, name, (user, &json!({})), want)
    }));
}
