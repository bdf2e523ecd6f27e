//! Files: what is absent in them, their types, and how they are merged.

use serde_json::{Value, json};

use super::Want::{self, Asks, AsksAnonymously, Refuses};
use super::{
    TOKEN, assert_no_difference, base64_of, compare, compare_entries, kubeconfig, token, write,
};
use crate::common::cluster::base64;
use crate::common::recorder::{Answers, Recorder, fixture_path};
use crate::common::scratch;

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn what_is_empty_is_absent_as_for_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-empty");
    let authority = fixture_path("authority.pem");
    let wrapped = |width: usize, end: &str| {
        let data = base64_of("authority.pem");
        let lines: Vec<&str> = (data.as_bytes().chunks(width))
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        json!({"certificate-authority-data": lines.join(end) + end})
    };
    let server_name = json!({"tls-server-name": "other.example"});
    let table = [
        ("server-name", json!({"tls-server-name": ""}), Asks(TOKEN)),
        ("proxy", json!({"proxy-url": ""}), Asks(TOKEN)),
        (
            "authority-data",
            json!({"certificate-authority-data": "", "certificate-authority": authority}),
            Asks(TOKEN),
        ),
        (
            "null",
            json!({"certificate-authority-data": null, "certificate-authority": authority, "tls-server-name": null,
                "proxy-url": null, "insecure-skip-tls-verify": null, "extensions": null}),
            Asks(TOKEN),
        ),
        (
            "authority-file",
            json!({"certificate-authority": ""}),
            Asks(TOKEN),
        ),
        (
            "no-authority",
            json!({"certificate-authority-data": ""}),
            Refuses("certificate"),
        ),
        (
            "both",
            json!({"certificate-authority": authority}),
            Refuses("only one of them"),
        ),
        ("wrong-name", server_name, Refuses("certificate")),
        (
            "insecure",
            json!({"certificate-authority-data": "", "insecure-skip-tls-verify": true}),
            Asks(TOKEN),
        ),
        (
            "insecure-with-authority",
            json!({"insecure-skip-tls-verify": true}),
            Refuses("only one of them"),
        ),
        (
            "insecure-text",
            json!({"insecure-skip-tls-verify": "true"}),
            Refuses("expected true or false"),
        ),
        ("wrapped-at-64", wrapped(64, "\n"), Asks(TOKEN)),
        ("wrapped-at-76", wrapped(76, "\r\n"), Asks(TOKEN)),
        (
            "blank-in-data",
            wrapped(64, " "),
            Refuses("not valid base64"),
        ),
        (
            "no-base64",
            json!({"certificate-authority-data": "?"}),
            Refuses("not valid base64"),
        ),
        (
            "no-certificate",
            json!({"certificate-authority-data": base64("hello")}),
            Refuses("certificate-authority: it contains no certificate"),
        ),
        (
            "key-as-authority",
            json!({"certificate-authority-data": base64_of("server.key")}),
            Refuses("certificate-authority: it contains no certificate"),
        ),
        (
            "missing-authority",
            json!({"certificate-authority-data": "", "certificate-authority": "missing.pem"}),
            Refuses("missing.pem: No such file"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, cluster, want)| {
        compare_entries(&folder, &recorder, name, (&token(), cluster), want)
    }));
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn files_are_read_and_merged_as_by_kubectl() {
    let recorder = Recorder::start_tls("server", Answers::Empty);
    let folder = scratch("kubeconfigs-files");
    let whole = kubeconfig(&recorder, &token(), &json!({}));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed.to_string()
    };
    let complete = whole.to_string();
    let only = |keys: &[&str]| {
        with(&|config| {
            let config = config.as_object_mut().unwrap();
            config.retain(|key, _| keys.contains(&key.as_str()));
        })
    };
    let second_user = json!([{"name": "test", "user": {"token": "second"}}]);
    let yaml = format!(
        "# comment\napiVersion: v1\nkind: Config\nclusters:\n- name: test\n  cluster:\n    server: https://{}\n    \
         certificate-authority: {}\nusers:\n- name: test\n  user: {{token: t}}\ncontexts:\n- name: test\n  context: \
         {{cluster: test, user: test}}\ncurrent-context: test\n",
        recorder.address,
        fixture_path("authority.pem").display()
    );
    let table: Vec<(&str, Vec<String>, Want)> = vec![
        ("yaml", vec![yaml.clone()], Asks(TOKEN)),
        ("yaml-crlf", vec![yaml.replace('\n', "\r\n")], Asks(TOKEN)),
        ("yaml-start", vec![format!("---\n{yaml}")], Asks(TOKEN)),
        (
            "byte-order-mark",
            vec![format!("\u{feff}{yaml}")],
            Asks(TOKEN),
        ),
        (
            "quoted-numbers",
            vec![yaml.replace("name: test", "name: '1'")],
            Refuses(""),
        ),
        (
            "empty-current-context-first",
            vec![
                with(&|c| c["current-context"] = "".into()),
                only(&["current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "null-current-context-first",
            vec![
                with(&|c| c["current-context"] = Value::Null),
                only(&["current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "parts",
            vec![
                only(&["users"]),
                only(&["clusters"]),
                only(&["contexts", "current-context"]),
            ],
            Asks(TOKEN),
        ),
        (
            "first-user-wins",
            vec![
                complete.clone(),
                with(&|c| c["users"] = second_user.clone()),
            ],
            Asks(TOKEN),
        ),
        (
            "first-user-wins-as-a-whole",
            vec![
                with(&|c| c["users"] = second_user.clone()),
                complete.clone(),
            ],
            Asks(&["authorization: Bearer second"]),
        ),
        (
            "first-context-wins",
            vec![
                with(&|c| c["current-context"] = "other".into()),
                complete.clone(),
            ],
            Refuses("no context other"),
        ),
        (
            "empty-file",
            vec![String::new(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "comment-only",
            vec!["# nothing\n".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "null",
            vec!["null\n".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "empty-mapping",
            vec!["{}".to_owned(), complete.clone()],
            Asks(TOKEN),
        ),
        (
            "no-kind",
            vec![with(&|c| {
                c.as_object_mut().unwrap().remove("kind");
                c.as_object_mut().unwrap().remove("apiVersion");
            })],
            Asks(TOKEN),
        ),
        (
            "other-kind",
            vec![with(&|c| c["kind"] = "Pod".into())],
            Refuses("not a kubeconfig"),
        ),
        (
            "other-version",
            vec![with(&|c| c["apiVersion"] = "v2".into())],
            Refuses("not a kubeconfig"),
        ),
        (
            "text",
            vec!["hello".to_owned()],
            Refuses("expected a mapping, found a string"),
        ),
        (
            "list",
            vec!["[]".to_owned()],
            Refuses("expected a mapping, found a list"),
        ),
        ("broken", vec!["a: [".to_owned()], Refuses("cannot be used")),
        (
            "broken-second",
            vec![complete.clone(), "a: [".to_owned()],
            Refuses("cannot be used"),
        ),
        (
            "unknown-keys",
            vec![with(&|c| {
                c["x"] = 1.into();
                c["preferences"] = json!({"colors": true});
                c["clusters"][0]["cluster"]["y"] = json!([]);
            })],
            Asks(TOKEN),
        ),
        (
            "upper-case-key",
            vec![with(&|c| {
                c["users"][0]["user"] = json!({"Token": "x", "token": "t"});
            })],
            Asks(TOKEN),
        ),
        (
            "two-of-one-name",
            vec![with(&|c| {
                let user = c["users"][0].clone();
                c["users"].as_array_mut().unwrap().push(user);
            })],
            Refuses("there are two of this name"),
        ),
        (
            "null-entries",
            vec![with(&|c| {
                for key in ["users", "clusters", "contexts"] {
                    c[key]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"name": "other", key.trim_end_matches('s'): null}));
                }
            })],
            Asks(TOKEN),
        ),
        (
            "unknown-user",
            vec![with(&|c| {
                c["contexts"][0]["context"]["user"] = "other".into();
            })],
            AsksAnonymously,
        ),
        (
            "no-user",
            vec![with(&|c| {
                c["contexts"][0]["context"]
                    .as_object_mut()
                    .unwrap()
                    .remove("user");
            })],
            AsksAnonymously,
        ),
        (
            "unknown-cluster",
            vec![with(&|c| {
                c["contexts"][0]["context"]["cluster"] = "other".into();
            })],
            Refuses("the cluster \"other\", which does not exist"),
        ),
        (
            "users-not-a-list",
            vec![with(&|c| c["users"] = json!({}))],
            Refuses("users: expected a list"),
        ),
        (
            "number-as-name",
            vec![with(&|c| c["users"][0]["name"] = 1.into())],
            Refuses("users[0].name: expected a string"),
        ),
    ];
    assert_no_difference(table.iter().map(|(name, texts, want)| {
        let paths = texts
            .iter()
            .enumerate()
            .map(|(index, text)| write(&folder, &format!("{name}-{index}.kubeconfig"), text));
        let paths: Vec<String> = paths.collect();
        compare(name, &paths.join(":"), &recorder, want)
    }));
}
