//! Completions in real shells and in kubectl, names from a cluster, and the files that belong to the command line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::cluster::Cluster;
use crate::common::{osm, osm_with_variables, program, repository, run, scratch};

/// Makes a folder with links to `osm` by these names.
fn links(folder: &str, names: &[&str]) -> PathBuf {
    let folder = scratch(folder);
    for name in names {
        let link = folder.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(program(), link).unwrap();
    }
    folder
}

/// A command that finds only `osm`.
fn shell(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", folder)
        .env("HOME", folder)
        .env("TERM", "xterm");
    command
}

/// A program that `cargo xtask test` provides.
fn provided(variable: &str) -> PathBuf {
    let program = std::env::var_os(variable);
    program
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
        .into()
}

fn script(shell: &str) -> String {
    osm(&["completion", shell]).ok()
}

#[test]
fn bash_completes_words_that_it_splits_at_other_places() {
    let folder = links("completion-bash", &["osm"]);
    // The words as bash splits them, and what it puts in place of the last one.
    let table: [(&[&str], &str); 6] = [
        (&["osm ", "uninst"], "uninstall"),
        (&["osm ", "--color ", "never ", "images ", "li"], "list"),
        (
            &["osm ", "install ", "--image-pull-policy", "=", "A"],
            "Always",
        ),
        (
            &["osm ", "install ", "--dry-run", "="],
            "none client server",
        ),
        (
            &[
                "osm ",
                "install ",
                "--image-registry",
                "=",
                "a",
                ":",
                "1 ",
                "--image-t",
            ],
            "--image-tag",
        ),
        (&["osm ", "explain ", "osm.image.reg"], "osm.image.registry"),
    ];
    for (words, expected) in table {
        let line = words.concat();
        let mut test = script("bash");
        test.push_str("COMP_LINE=$1 COMP_POINT=${#1}; shift; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _osm; echo \"${COMPREPLY[@]}\"");
        let mut bash = shell(Path::new("/usr/bin/env"), &folder);
        bash.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        bash.args(["bash", "--norc", "-c", &test, "bash", &line]);
        bash.args(words.iter().map(|word| word.trim_end()));
        let done = run(&mut bash, "");
        assert_eq!(done.stderr, "", "{line}");
        assert_eq!(done.ok().trim_end(), expected, "{line}");
    }
}

#[test]
#[ignore = "needs fish: run cargo xtask test"]
fn fish_completes_words() {
    let folder = links("completion-fish", &["osm"]);
    let table = [
        ("osm uninst", "uninstall\tRemove a mesh\n"),
        (
            "osm install --image-pull-policy=A",
            "--image-pull-policy=Always\n",
        ),
        ("osm images list --release v1.2.4", "v1.2.4\n"),
        ("osm install --timeout ", ""),
    ];
    for (line, expected) in table {
        let test = format!("{}\ncomplete -C '{line}'", script("fish"));
        let mut fish = shell(&provided("OSM_TEST_FISH"), &folder);
        fish.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        let done = run(fish.args(["--no-config", "-c", &test]), "");
        assert_eq!(
            (done.stdout.as_str(), done.stderr.as_str()),
            (expected, ""),
            "{line}"
        );
    }
}

/// Types a line and a tab into an interactive zsh, and prints what the line has become.
const ZSH: &str = r#"
root=$1
if [[ -d $root/usr/share/zsh ]]; then
    own_modules=$root/usr/lib/x86_64-linux-gnu/zsh/$ZSH_VERSION
    own_functions=($root/usr/share/zsh/functions $root/usr/share/zsh/functions/*(/) $root/usr/share/zsh/functions/Completion/*(/))
    setup="module_path=($own_modules); fpath=($own_functions); "
    module_path=($own_modules)
fi
zmodload zsh/zpty
zpty shell $2 -f -i
zpty -w shell "${setup}PS1=; autoload -U compinit; compinit -u -D; source $3"
zpty -w shell 'show() { print -r -- "LINE<$BUFFER>" }; zle -N show; bindkey "^X" show; echo REA""DY'
zpty -r -m shell out '*READY*'
zpty -n -w shell "$4"$'\t'$'\x18'
zpty -r -m shell out '*LINE<*>*'
print -r -- "${${out##*LINE<}%%>*}"
"#;

#[test]
#[ignore = "needs zsh: run cargo xtask test"]
fn zsh_completes_words() {
    let folder = links("completion-zsh", &["osm"]);
    let file = folder.join("_osm");
    std::fs::write(&file, script("zsh")).unwrap();
    let zsh = provided("OSM_TEST_ZSH");
    let table = [
        ("osm uninst", "osm uninstall "),
        (
            "osm install --image-pull-policy=A",
            "osm install --image-pull-policy=Always ",
        ),
        (
            "osm install --set osm.meshN",
            "osm install --set osm.meshName=",
        ),
    ];
    for (line, expected) in table {
        let mut command = shell(&zsh, &folder);
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        command
            .args(["-f", "-c", ZSH, "zsh"])
            .arg(zsh.parent().unwrap());
        command.arg(&zsh).arg(&file).arg(line);
        let done = run(&mut command, "");
        assert_eq!(
            done.stdout.trim_end_matches(['\r', '\n']),
            expected,
            "{line}: {}",
            done.stderr
        );
    }
}

#[test]
#[ignore = "needs kubectl: run cargo xtask test"]
fn kubectl_runs_osm_as_a_plugin_and_completes_its_words() {
    let folder = links(
        "completion-kubectl",
        &["kubectl-osm", "kubectl_complete-osm"],
    );
    let kubectl = provided("OSM_TEST_KUBECTL");
    let kubectl = |arguments: &[&str]| run(shell(&kubectl, &folder).args(arguments), "");

    let help = kubectl(&["osm", "install", "--help"]).ok();
    assert!(
        help.contains("Usage: kubectl osm install [OPTIONS]\n"),
        "{help}"
    );
    let error = kubectl(&["osm", "images", "lst"]).fails(2);
    assert!(error.contains("Usage: kubectl osm images "), "{error}");
    let version = kubectl(&["osm", "version", "--client-only", "-o", "json"]).ok();
    assert_eq!(
        version,
        osm(&["version", "--client-only", "-o", "json"]).ok()
    );

    let completed = kubectl(&["__complete", "osm", "images", "li"]);
    assert!(
        completed.stdout.starts_with("list\t"),
        "{}",
        completed.stdout
    );
    assert!(completed.stdout.ends_with(":4\n"), "{}", completed.stdout);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn names_of_the_cluster_are_completed() {
    let cluster = Cluster::start();
    let names = |words: &[&str]| {
        let done = cluster.osm(&[&["__complete"], words].concat());
        assert_eq!(done.stderr, "", "{words:?}");
        let stdout = done.ok();
        let lines = stdout.lines().filter(|line| !line.starts_with(':'));
        lines.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&["namespace", "add", "kube-s"]), "kube-system");
    assert_eq!(
        names(&["namespace", "add", "default", "kube-s"]),
        "kube-system"
    );
    assert_eq!(
        names(&["mesh", "list", "--osm-namespace=kube-s"]),
        "--osm-namespace=kube-system"
    );
    assert_eq!(names(&["uninstall", "mesh", "--mesh-name", ""]), "");
    let labels = serde_json::json!({"app": "osm-controller", "meshName": "blue"});
    cluster.post(
        "/apis/apps/v1/namespaces/default/deployments",
        &serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "osm-controller", "labels": labels},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "osm-controller"}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "a", "image": "a"}]},
                },
            },
        }),
    );
    assert_eq!(names(&["uninstall", "mesh", "--mesh-name", ""]), "blue");
    assert_eq!(
        names(&["namespace", "list", "--mesh-name=b"]),
        "--mesh-name=blue"
    );
}

#[test]
fn contexts_are_completed_and_errors_are_silent() {
    let folder = scratch("completion-contexts");
    let config = folder.join("config");
    let contexts =
        "contexts: [{name: blue, context: {cluster: a}}, {name: red, context: {cluster: a}}]\n";
    // Nothing answers at an address for documentation (RFC 5737).
    let clusters = "clusters: [{name: a, cluster: {server: 'http://192.0.2.1'}}]\n";
    std::fs::write(
        &config,
        format!("current-context: red\n{contexts}{clusters}"),
    )
    .unwrap();
    let config = config.display().to_string();
    let complete = |variables: &[(&str, &str)], words: &[&str]| {
        let begin = Instant::now();
        let done = osm_with_variables(variables, &[&["__complete"], words].concat());
        assert!(begin.elapsed() < Duration::from_secs(5), "{words:?}");
        assert_eq!(done.stderr, "", "{words:?}");
        done.ok()
    };
    let variables = [("KUBECONFIG", config.as_str())];
    let contexts = complete(&variables, &["mesh", "list", "--context", ""]);
    assert_eq!(contexts, "blue\nred\n:4\n");
    let by_flag = complete(
        &[],
        &["--kubeconfig", &config, "mesh", "list", "--context=b"],
    );
    assert_eq!(by_flag, "--context=blue\n:4\n");
    let none = complete(&variables, &["namespace", "add", ""]);
    assert_eq!(none, ":4\n");
    let broken = repository("Cargo.toml");
    let variables = [("KUBECONFIG", broken.as_str())];
    assert_eq!(
        complete(&variables, &["mesh", "list", "--context", ""]),
        ":4\n"
    );
}

#[test]
#[ignore = "needs mandoc: run cargo xtask test"]
fn mandoc_accepts_every_man_page() {
    let folder = scratch("command-line");
    // Cargo has built it for the tests.
    let target = Path::new(env!("CARGO_BIN_EXE_osm")).parent().unwrap();
    let mut example = Command::new(target.join("examples/command_line"));
    example.args(["--date", "2000-02-29"]);
    for (flag, name) in [("--man", "man"), ("--completions", "completions")] {
        example.arg(flag).arg(folder.join(name));
    }
    run(&mut example, "").ok();
    let names = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let pages = names(folder.join("man"));
    assert!(pages.len() > 15, "{pages:?}");
    let mut mandoc = Command::new(provided("OSM_TEST_MANDOC"));
    let done = run(mandoc.args(["-T", "lint"]).args(&pages), "");
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, ""),
        "{}",
        done.stderr
    );
    let page = std::fs::read_to_string(folder.join("man/osm-images-mirror.1")).unwrap();
    for part in [
        ".TH OSM-IMAGES-MIRROR 1 2000-02-29 ",
        "\n.SH \"EXIT STATUS\"\n",
        "\n.SH ENVIRONMENT\n",
        "\n.SH FILES\n",
        "\n.SH EXAMPLES\n",
        "\n.BR osm-images (1)\n",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let scripts = names(folder.join("completions"));
    let scripts: Vec<&str> = scripts
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        scripts,
        ["_osm", "_osm.ps1", "osm.bash", "osm.elv", "osm.fish"]
    );
    let bash = std::fs::read_to_string(folder.join("completions/osm.bash")).unwrap();
    assert_eq!(bash, script("bash"));
}
