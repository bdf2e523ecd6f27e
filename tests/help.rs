//! The help of every command, aliases, suggestions, and which flags a command refuses.

use crate::common::Output;

/// Returns all commands as typed, each before its subcommands, from the help of each.
pub fn commands() -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut next = 0;
    while let Some(command) = commands.get(next).cloned() {
        next += 1;
        let help = osm!("{command} --help").ok();
        let names = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next());
        commands.extend(
            names
                .filter(|name| *name != "help")
                .map(|name| format!("{command} {name}").trim().to_owned()),
        );
    }
    assert!(commands.len() > 15, "{commands:?}");
    commands
}

#[test]
fn help_of_every_command() {
    for command in commands() {
        let help = osm!("{command} --help").ok();
        let name = format!("help_{}", command.replace(' ', "_"));
        insta::assert_snapshot!(name.trim_end_matches('_'), help);
    }
}

#[test]
fn commands_that_need_no_cluster_refuse_its_flags() {
    for arguments in [
        "images list --kubeconfig x",
        "--context x images list",
        "completion bash --request-timeout 1s",
    ] {
        let stderr = osm!("{arguments}").fails(2);
        assert!(
            stderr.contains("does not contact a cluster: omit --"),
            "{stderr}"
        );
    }
    for command in ["images", "completion"] {
        let help = osm!("{command} --help").ok();
        assert!(!help.contains("--kubeconfig"), "{help}");
    }
    // It names the namespace of an installation, so scripts pass it to every command.
    osm!("images list --osm-namespace x").ok();
}

#[test]
fn headings_of_help_have_the_same_order_everywhere() {
    const ORDER: [&str; 9] = [
        "Commands:",
        "Arguments:",
        "Options:",
        "Images:",
        "Values:",
        "Output:",
        "Registry:",
        "Cluster:",
        "Examples:",
    ];
    for command in commands() {
        let help = osm!("{command} --help").ok();
        let is_heading = |line: &&str| line.ends_with(':') && !line.starts_with(' ');
        let headings: Vec<&str> = help.lines().filter(is_heading).collect();
        let expected: Vec<&str> = ORDER
            .into_iter()
            .filter(|heading| headings.contains(heading))
            .collect();
        assert!(headings.contains(&"Options:"), "{command}");
        assert_eq!(headings, expected, "{command}");
    }
}

#[test]
fn aliases_of_the_released_command_line_are_accepted() {
    let cases = [
        ("ns list", "namespace list"),
        ("ns add --help", "namespace add --help"),
        ("delete mesh --help", "uninstall mesh --help"),
        ("del mesh --help", "uninstall mesh --help"),
        ("del mesh", "uninstall mesh"),
        // The released command line forwards this port.
        ("mesh list -p 9091", "mesh list"),
        ("mesh list --local-port 9091", "mesh list"),
        ("uninstall mesh -p 9091", "uninstall mesh"),
        ("version --client-only -p 9091", "version --client-only"),
    ];
    for (alias, command) in cases {
        let parts = |done: Output| (done.code, done.stdout, done.stderr);
        let (alias_done, done) = (parts(osm!("{alias}")), parts(osm!("{command}")));
        assert_eq!(alias_done, done, "{alias}");
    }
    let help = osm!("--help").ok();
    for aliases in ["[alias: ns]", "[aliases: delete, del]"] {
        assert!(help.contains(aliases), "{help}");
    }
}

#[test]
fn a_command_of_another_program_names_the_one_that_does_the_same() {
    let table = [
        ("instal", Some("install")),
        ("list", Some("mesh list")),
        ("template", Some("install --dry-run")),
        ("upgrade", Some("mesh upgrade")),
        ("mesh upgrad", Some("upgrade")),
        ("dashboard", None),
    ];
    for (command, meant) in table {
        let message = osm!("{command}").fails(2);
        let tip = message.lines().find(|line| line.contains("similar"));
        let tip = tip.and_then(|line| line.split('\'').nth(1));
        assert_eq!(tip, meant, "{message}");
    }
}
