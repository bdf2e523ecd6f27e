//! Each rule, and a change of a real workflow that breaks it.

use xtask::workflows::{Rule, check, check_folder};

use super::{folder, read};

const CHECKOUT: &str = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd";

#[test]
fn the_workflows_of_this_repository_break_no_rule() {
    let problems = check_folder(&folder()).unwrap();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_folder_without_workflows_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = check_folder(empty.path()).unwrap_err();
    assert!(error.contains("no workflow found"), "{error}");
    assert!(check_folder(&empty.path().join("missing")).is_err());
}

/// A workflow, what is replaced in it (the first time that it occurs after the anchor), by what, and the rule that is broken.
struct Mutation {
    workflow: &'static str,
    after: &'static str,
    from: &'static str,
    to: &'static str,
    rule: fn(&Rule) -> bool,
    /// A part of the message.
    says: &'static str,
}

macro_rules! mutation {
    ($workflow:literal after $after:literal: $from:expr => $to:expr, $rule:pat, $says:expr) => {
        Mutation {
            workflow: $workflow,
            after: $after,
            from: $from,
            to: $to,
            rule: |rule| matches!(rule, $rule),
            says: $says,
        }
    };
    ($workflow:literal: $from:expr => $to:expr, $rule:pat, $says:expr) => {
        mutation!($workflow after "": $from => $to, $rule, $says)
    };
}

#[test]
fn each_rule_is_named_when_a_workflow_breaks_it() {
    let mutations = [
        mutation!("ci.yml": "jobs:\n" => "jobs: [\n", Rule::NotYaml(_), "not a workflow"),
        mutation!("ci.yml": "jobs:\n" => "works:\n", Rule::NotYaml(_), "no jobs"),
        mutation!("ci.yml": "on:\n" => "when:\n", Rule::NotYaml(_), "no trigger"),
        mutation!(
            "ci.yml": "  pull_request:\n" => "  pull_request_target:\n",
            Rule::Trigger(_), ":7: trigger pull_request_target"
        ),
        mutation!(
            "nightly.yml": "  workflow_dispatch:\n" => "  workflow_run:\n    workflows: [CI]\n",
            Rule::Trigger(_), "trigger workflow_run"
        ),
        mutation!("ci.yml": "permissions: {}\n" => "", Rule::TopPermissions, "no permissions"),
        mutation!(
            "release.yml": "permissions: {}\n" => "permissions:\n  contents: read\n",
            Rule::TopPermissions, "no permissions"
        ),
        mutation!(
            "release.yml": "permissions: {}\n" => "permissions: read-all\n",
            Rule::TopPermissions, "no permissions"
        ),
        mutation!(
            "release.yml": "cancel-in-progress: false" => "cancel-in-progress: true",
            Rule::Concurrency, "half done"
        ),
        mutation!("pre-release.yml": "  cancel-in-progress: false\n" => "", Rule::Concurrency, "half done"),
        mutation!("nightly.yml": "  images:\n" => "  pictures:\n", Rule::UnknownJob(_), "job pictures"),
        mutation!(
            "ci.yml": "    permissions:\n      contents: read\n" => "",
            Rule::NoPermissions(_), "job ci has no permissions"
        ),
        mutation!(
            "ci.yml": "      contents: read\n" => "      contents: write\n",
            Rule::Permission { .. }, "job ci must not have `contents: write`"
        ),
        mutation!(
            "release.yml" after "  dist:": "      contents: read\n" => "      contents: read\n      packages: read\n",
            Rule::Permission { .. }, "job dist must not have `packages: read`"
        ),
        mutation!(
            "release.yml" after "  publish:": "      id-token: write" => "      actions: write",
            Rule::Permission { .. }, "job publish must not have `actions: write`"
        ),
        mutation!("ci.yml": "    timeout-minutes: 90\n" => "", Rule::NoTimeout(_), "job ci has no limit"),
        mutation!(
            "pre-release.yml": "    environment: release\n" => "",
            Rule::NoEnvironment(_), "job publish publishes"
        ),
        mutation!(
            "release.yml": "    environment: release\n" => "    environment: test\n",
            Rule::NoEnvironment(_), "job publish publishes"
        ),
        mutation!(
            "nightly.yml": "cargo xtask test --thorough" => "cargo xtask package-chart --confirm",
            Rule::NoEnvironment(_), "job test publishes"
        ),
        mutation!(
            "nightly.yml": "OSM_RELEASE: main" => "TOKEN: ${{ secrets.TOKEN }}",
            Rule::NoEnvironment(_), "job build publishes something or reads secrets"
        ),
        mutation!("ci.yml": "    steps:\n" => "    stages:\n", Rule::NoSteps(_), "job ci has no steps"),
        mutation!(
            "release.yml" after "  publish:": "    needs: [tag, prepare]\n" => "    needs: [tag, prepare]\n    if: always()\n",
            Rule::GoesOn { .. }, "job publish has `if`"
        ),
        mutation!(
            "release.yml" after "  check:": "      - run:" => "      - continue-on-error: true\n        run:",
            Rule::GoesOn { .. }, "job check has `continue-on-error`"
        ),
        mutation!(
            "ci.yml": "run: cargo xtask ci" => "run: .ci/run",
            Rule::NotOneTask { .. }, "job ci runs `.ci/run`"
        ),
        mutation!(
            "ci.yml": "run: cargo xtask ci" => "run: |\n          cargo xtask ci\n          cargo xtask bench",
            Rule::NotOneTask { .. }, "runs `cargo xtask ci`"
        ),
        mutation!(
            "ci.yml": "run: cargo xtask ci" => "run: cargo xtask ci && cargo xtask bench",
            Rule::NotOneTask { .. }, "runs `cargo xtask ci && cargo xtask bench`"
        ),
        mutation!(
            "ci.yml": "run: cargo xtask ci" => "run: cargo xtask ci; true",
            Rule::NotOneTask { .. }, "runs `cargo xtask ci; true`"
        ),
        mutation!("ci.yml": "run: cargo xtask ci" => "run: cargo xtask", Rule::NotOneTask { .. }, "runs `cargo xtask`"),
        mutation!(
            "pre-release.yml": "run: cargo xtask bump \"$RELEASE\"" => "run: cargo xtask bump $RELEASE",
            Rule::NotOneTask { .. }, "only as \"$NAME\""
        ),
        mutation!(
            "pre-release.yml": "run: cargo xtask bump \"$RELEASE\"" => "run: cargo xtask bump \"$(git describe)\"",
            Rule::NotOneTask { .. }, "git describe"
        ),
        mutation!(
            "pre-release.yml": "run: cargo xtask bump \"$RELEASE\"" => "run: cargo xtask bump ${{ github.ref_name }}",
            Rule::Expression { .. }, "has an expression"
        ),
        mutation!("ci.yml": CHECKOUT => "actions/checkout@v6.0.2", Rule::NotPinned { .. }, "uses actions/checkout@v6.0.2"),
        mutation!(
            "ci.yml": CHECKOUT => "actions/checkout@de0fac2e", Rule::NotPinned { .. }, "40 hexadecimal digits"
        ),
        mutation!("ci.yml": CHECKOUT => "./checkout", Rule::NotPinned { .. }, "uses ./checkout"),
        mutation!("ci.yml": " # v6.0.2" => "", Rule::NoVersion { .. }, "without its version"),
        mutation!("ci.yml": " # v6.0.2" => " # v6", Rule::NoVersion { .. }, "without its version"),
        mutation!("ci.yml": " # v6.0.2" => " # the newest", Rule::NoVersion { .. }, "without its version"),
        mutation!(
            "ci.yml": "          persist-credentials: false\n" => "          fetch-depth: 0\n",
            Rule::KeepsCredentials(_), "job ci leaves its token"
        ),
        mutation!(
            "release.yml" after "  dist:": "actions/upload-artifact@" => "actions/cache@",
            Rule::Cache { .. }, "job dist uses a cache (actions/cache)"
        ),
        mutation!(
            "release.yml" after "  dist:": "        with:\n          name: dist-" => "        with:\n          cache: true\n          name: dist-",
            Rule::Cache { .. }, "job dist uses a cache (cache)"
        ),
    ];
    for Mutation {
        workflow,
        after,
        from,
        to,
        rule,
        says,
    } in mutations
    {
        let text = read(workflow);
        let start = text.find(after).unwrap();
        let (before, rest) = text.split_at(start);
        assert!(rest.contains(from), "{workflow} after {after:?}: {from:?}");
        let problems = check(workflow, &format!("{before}{}", rest.replacen(from, to, 1)));
        let [problem] = &problems[..] else {
            panic!("{workflow}: {from:?} → {to:?}: {problems:?}");
        };
        assert!(rule(&problem.rule), "{from:?} → {to:?}: {problem}");
        let message = problem.to_string();
        assert!(message.contains(says), "{says:?}: {message}");
        let place = format!(".github/workflows/{workflow}:");
        assert!(message.starts_with(&place), "{message}");
    }
}
