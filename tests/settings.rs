//! Environment variables and the configuration file, in commands that need no cluster. These tests also run against an
//! `osm` that was built without the feature `cluster`.

use crate::common::{osm_with_variables, scratch, words};

/// A dry run with environment variables.
fn dry_run(variables: &[(&str, &str)], more: &str) -> crate::common::Output {
    let line = format!("install --dry-run {more}");
    osm_with_variables(variables, &words(&line))
}

/// Writes a configuration file into a new folder, and returns its path.
fn configuration(text: &str) -> String {
    let path = scratch("configuration").join("config.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn variables_set_what_their_flags_set() {
    let registry = "registry.example.com/mesh";
    let cases = [
        ("OSM_NAMESPACE", "mesh", "--osm-namespace"),
        ("OSM_MESH_NAME", "blue", "--mesh-name"),
        ("OSM_IMAGE_REGISTRY", registry, "--image-registry"),
        ("OSM_IMAGE_PULL_POLICY", "Always", "--image-pull-policy"),
    ];
    let default = dry_run(&[], "").ok();
    for (variable, value, flag) in cases {
        let by_flag = dry_run(&[], &format!("{flag} {value}")).ok();
        let by_variable = dry_run(&[(variable, value)], "").ok();
        assert_eq!(by_variable, by_flag, "{variable}");
        assert_ne!(by_variable, default, "{variable}");
        // An empty variable counts as not set.
        assert_eq!(dry_run(&[(variable, "")], "").ok(), default, "{variable}");
    }
}

#[test]
fn a_flag_overrides_a_variable_and_a_variable_the_file() {
    let file = configuration("install: {namespace: from-file}\n");
    let (file, variable) = (
        ("OSM_CONFIG", file.as_str()),
        ("OSM_NAMESPACE", "from-variable"),
    );
    let flag = "--osm-namespace from-flag";
    let none: &[(&str, &str)] = &[];
    let cases = [
        (none, "", "osm-system"),
        (&[file], "", "from-file"),
        (&[file, ("OSM_NAMESPACE", "")], "", "from-file"),
        (&[file, variable], "", "from-variable"),
        (&[file], flag, "from-flag"),
        (&[file, variable], flag, "from-flag"),
    ];
    for (variables, flags, want) in cases {
        let objects = dry_run(variables, flags).ok();
        let want = format!("\nkind: Namespace\nmetadata:\n  labels:\n    name: {want}\n");
        assert!(objects.contains(&want), "{variables:?} {flags}: {objects}");
    }
}

#[test]
fn values_override_variables() {
    let values = scratch("values_override_variables").join("values.yaml");
    std::fs::write(
        &values,
        "osm: {meshName: red, image: {registry: file.example.com, pullPolicy: Never}}\n",
    )
    .unwrap();
    let file = format!("-f {}", values.display());
    let set =
        "--set osm.meshName=red,osm.image.registry=set.example.com,osm.image.pullPolicy=Never";
    let variables = [
        ("OSM_MESH_NAME", "blue"),
        ("OSM_IMAGE_REGISTRY", "variable.example.com"),
        ("OSM_IMAGE_PULL_POLICY", "Always"),
    ];
    for values in [file.as_str(), set] {
        assert_eq!(
            dry_run(&variables, values).ok(),
            dry_run(&[], values).ok(),
            "{values}"
        );
    }
}

#[test]
fn invalid_variables_that_are_not_used_are_not_refused() {
    let invalid = [
        ("OSM_NAMESPACE", "Not_Valid"),
        ("OSM_MESH_NAME", "Not_Valid"),
        ("OSM_IMAGE_REGISTRY", "https://registry.example.com"),
        ("OSM_CONFIG", "/not/there.yaml"),
        ("OSM_CONTEXT", "not-there"),
        ("OSM_TIMEOUT", "soon"),
    ];
    // The flag is used instead.
    dry_run(&invalid[..1], "--osm-namespace mesh").ok();
    // These commands contact no cluster, and install nothing.
    for command in [
        "completion bash",
        "explain",
        "version --client-only",
        "--help",
        "install --help",
        "--version",
    ] {
        osm_with_variables(&invalid, &words(command)).ok();
    }
    let others = [&invalid[..2], &invalid[3..]].concat();
    let list = osm_with_variables(&others, &words("images list"));
    assert_eq!(list.stderr, "");
    assert_eq!(list.ok(), osm!("images list").ok());
}

#[test]
fn what_would_replace_pinned_images_is_not_read_from_the_environment() {
    let digest = format!("osm-controller=sha256:{}", "a".repeat(64));
    let variables = [
        ("OSM_IMAGE_TAG", "v9"),
        ("OSM_IMAGE_DIGEST", digest.as_str()),
        ("OSM_CHART_PATH", "/not/there"),
    ];
    let done = dry_run(&variables, "--no-hooks --require-pinned");
    insta::assert_snapshot!(done.stderr, @r"
    warning: OSM_IMAGE_TAG has no effect: no environment variable replaces pinned images; use --image-tag
    warning: OSM_IMAGE_DIGEST has no effect: no environment variable replaces pinned images; use --image-digest
    warning: OSM_CHART_PATH has no effect: no environment variable replaces pinned images; use --osm-chart-path
    ");
    assert_eq!(done.ok(), dry_run(&[], "--no-hooks --require-pinned").ok());
    let list = osm_with_variables(&variables, &words("images list"));
    assert_eq!(list.stderr.matches("has no effect").count(), 2);
    assert_eq!(list.ok(), osm!("images list").ok());
    // These commands have no such flags.
    for command in ["completion bash", "version --client-only"] {
        assert_eq!(osm_with_variables(&variables, &words(command)).stderr, "");
    }
}

#[test]
fn the_origin_of_an_image_names_the_variable() {
    let variables = [("OSM_IMAGE_REGISTRY", "registry.example.com/mesh")];
    let list = osm_with_variables(&variables, &["images", "list"]).ok();
    let line = list.lines().find(|line| line.starts_with("osm-crds "));
    let line = line.expect("the image");
    assert!(
        line.contains(" registry.example.com/mesh/osm-crds@sha256:")
            && line.ends_with(", registry: OSM_IMAGE_REGISTRY"),
        "{line}"
    );
}

/// Commands that a variable or the configuration file makes fail: stderr and exit code.
#[test]
fn errors_name_the_variable_or_the_place_in_the_file() {
    let folder = scratch("settings_errors");
    let shown_folder = folder.display().to_string();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let chart = folder.join("web");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    file(
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    );
    file("web/templates/web.yaml", "");
    let with_chart = format!("--osm-chart-path {}", chart.display());
    let missing = folder.join("missing.yaml").display().to_string();
    let files = [
        missing,
        shown_folder.clone(),
        file("broken.yaml", "install:\n  kind: [\n"),
        file("list.yaml", "- install\n"),
        file("unknown.yaml", "install:\n  namespce: mesh\n"),
        file("tag.yaml", "image:\n  tag: v9\n"),
        file("type.yaml", "install:\n  namespace: 5\n"),
        file("kind.yaml", "install: {kind: hosted}\n"),
        file(
            "namespace.yaml",
            "install:\n  kind: self-hosted\n  namespace: Mesh\n",
        ),
        file(
            "managed.yaml",
            "install:\n  kind: managed\n  distribution: AKS\n  namespace: kube-system\n",
        ),
    ];
    let of_files = files.iter().map(|path| ("OSM_CONFIG", path.as_str(), ""));
    let of_variables = [
        ("OSM_NAMESPACE", "Mesh", ""),
        ("OSM_MESH_NAME", "A b", ""),
        ("OSM_IMAGE_REGISTRY", "https://registry.example.com", ""),
        ("OSM_IMAGE_PULL_POLICY", "always", ""),
        (
            "OSM_IMAGE_REGISTRY",
            "registry.example.com",
            with_chart.as_str(),
        ),
        ("OSM_IMAGE_PULL_POLICY", "Always", with_chart.as_str()),
    ];
    let mut out = String::new();
    for (variable, value, flags) in of_variables.into_iter().chain(of_files) {
        let done = dry_run(&[(variable, value)], flags);
        assert_eq!(done.stdout, "", "{variable}={value}: no data");
        let (stderr, code) = (done.stderr, done.code);
        let line = format!("$ {variable}='{value}' osm install --dry-run {flags}");
        let line = line.trim_end();
        out.push_str(&format!("{line}\n{stderr}[exit code {code}]\n\n"));
    }
    insta::assert_snapshot!(out.replace(&shown_folder, "FOLDER"));
}

#[test]
fn the_configuration_file_is_in_the_home_folder_unless_a_variable_names_another() {
    let home = scratch("settings_home");
    let home_variable = ("HOME", home.to_str().unwrap());
    let default = dry_run(&[], "").ok();
    assert_eq!(dry_run(&[home_variable], "").ok(), default, "no file");
    let folder = home.join(".osm");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(dry_run(&[home_variable], "").ok(), default, "no file");
    std::fs::write(folder.join("config.yaml"), "install: {namespace: home}\n").unwrap();
    let of_home = dry_run(&[home_variable], "").ok();
    assert_eq!(of_home, dry_run(&[], "--osm-namespace home").ok());
    let other = configuration("install: {namespace: other}\n");
    assert_eq!(
        dry_run(&[home_variable, ("OSM_CONFIG", &other)], "").ok(),
        dry_run(&[], "--osm-namespace other").ok()
    );
    assert_eq!(
        dry_run(&[home_variable, ("OSM_CONFIG", "")], "").ok(),
        of_home
    );
    std::fs::write(folder.join("config.yaml"), "install: {name: x}\n").unwrap();
    let error = dry_run(&[home_variable], "").fails(2);
    assert!(
        error.contains("/.osm/config.yaml:1:11: unknown key \"name\""),
        "{error}"
    );
}
