//! Installations: what is recorded, what is refused, and what happens after a failure.

use std::time::Duration;

use helm_chart::Chart;
use helm_release::release::Status;
use helm_release::rollout::RolloutOptions;
use helm_release::{ChartRelease, Error};
use serde_json::json;
use test_cluster::Failure;

use crate::common::{CONFIG_MAPS, World, config_map, deployment, release};

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn an_installation_is_recorded_and_can_be_read_back() {
    let world = World::start();
    let chart = world.chart(&[
        config_map("colors", &json!({"color": "{{ .Values.color }}"})),
        deployment("web"),
    ]);
    let values = json!({"color": "blue"}).as_object().unwrap().clone();
    let install = release(&chart).values(values.clone());

    let revision = world
        .block_on(install.install(&world.client, &|_| ()))
        .unwrap();

    assert_eq!(revision, 1);
    let found = world.config_map("colors").expect("the ConfigMap");
    assert_eq!(found["data"], json!({"color": "blue"}));
    let [record] = &world.records()[..] else {
        panic!("not one record: {:?}", world.revisions())
    };
    assert!(record.is(Status::Deployed), "{}", record.status_text());
    assert_eq!((record.chart_name(), record.app_version()), ("web", "2.0"));
    assert_eq!(record.config(), values);
    let names: Vec<_> = (record.objects().unwrap().iter())
        .map(|object| format!("{} {}", object.kind(), object.name()))
        .collect();
    assert_eq!(names, ["ConfigMap colors", "Deployment web"]);

    let error = world.install(&chart).unwrap_err();
    assert!(
        matches!(&error, Error::AlreadyInstalled { status, .. } if status == "deployed"),
        "{error}"
    );
    assert_eq!(world.revisions(), [(1, "deployed".to_owned())]);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn templates_see_what_the_cluster_serves_and_has() {
    let world = World::start();
    world.post(
        CONFIG_MAPS,
        &config_map("first", &json!({"next": "second"})),
    );
    world.post(CONFIG_MAPS, &config_map("second", &json!({"answer": "42"})));
    let template = r#"
{{- $first := lookup "v1" "ConfigMap" "default" "first" }}
{{- $next := dig "data" "next" "" $first }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: seen
data:
  {{- if $next }}
  answer: {{ dig "data" "answer" "" (lookup "v1" "ConfigMap" "default" $next) | quote }}
  {{- end }}
  jobs: {{ .Capabilities.APIVersions.Has "batch/v1/Job" | quote }}
  version: {{ .Capabilities.KubeVersion.Version }}
"#;
    let folder = world.chart_folder("chart", &[]);
    std::fs::write(folder.join("templates/seen.yaml"), template).unwrap();
    let chart = Chart::load(&folder).unwrap();

    world.install(&chart).unwrap();

    let seen = world.config_map("seen").expect("the ConfigMap");
    let version = world.client.server_version();
    let want = json!({"answer": "42", "jobs": "true", "version": version});
    assert_eq!(seen["data"], want);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn lookups_may_depend_on_each_other_but_not_more_than_ten_levels_deep() {
    let world = World::start();
    for i in 0..11 {
        let next = json!({"next": format!("link-{}", i + 1)});
        world.post(CONFIG_MAPS, &config_map(&format!("link-{i}"), &next));
    }
    let install = |depth: usize| {
        let last = "{{ $name := `link-0` }}{{ range until DEPTH }}{{ if $name }}\
            {{ $name = dig `data` `next` `` (lookup `v1` `ConfigMap` `default` $name) }}\
            {{ end }}{{ end }}{{ $name }}";
        let last = last.replace("DEPTH", &depth.to_string());
        world.install(&world.chart(&[config_map("seen", &json!({"last": last}))]))
    };

    let error = install(11).unwrap_err();
    assert!(matches!(error, Error::NestedLookups { .. }), "{error}");
    assert!(world.revisions().is_empty(), "nothing was recorded");
    install(10).unwrap();
    let seen = world.config_map("seen").expect("the ConfigMap");
    assert_eq!(seen["data"], json!({"last": "link-10"}));
}

/// Options that give up early.
fn impatient() -> RolloutOptions {
    RolloutOptions {
        timeout: Duration::from_secs(1),
        ..RolloutOptions::default()
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_installation_is_resumed_by_the_next_one() {
    let world = World::start();
    let chart = world.chart(&[deployment("web")]);
    world.kubelet().fail("web", Failure::ErrImagePull);
    let install = release(&chart).options(impatient());
    let failed = world.block_on(install.install(&world.client, &|_| ()));
    failed.unwrap_err();
    assert_eq!(world.revisions(), [(1, "failed".to_owned())]);

    world.kubelet().heal("web");
    assert_eq!(world.install(&chart).unwrap(), 2);

    let want = [(1, "failed".to_owned()), (2, "deployed".to_owned())];
    assert_eq!(world.revisions(), want);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_failed_installation_is_rolled_back_with_its_namespace() {
    let world = World::start();
    let before = world.objects();
    let chart = world.chart(&[config_map("colors", &json!({})), deployment("web")]);
    world.kubelet().fail("web", Failure::CrashLoopBackOff);
    let install = ChartRelease::new(&chart, "web", "shop")
        .options(RolloutOptions {
            timeout: Duration::from_secs(3),
            ..impatient()
        })
        .create_namespace()
        .roll_back_on_failure();

    let error = world
        .block_on(install.install(&world.client, &|_| ()))
        .unwrap_err();

    assert!(
        matches!(&error, Error::RolledBack { rollback: None, .. }),
        "{error}"
    );
    let message = error.to_string();
    assert!(message.contains("CrashLoopBackOff"), "{message}");
    world.await_objects(&before);
}
