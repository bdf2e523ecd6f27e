//! The help of every command, and which flags a command refuses.

/// All commands, as typed.
const COMMANDS: [&str; 19] = [
    "",
    "install",
    "uninstall",
    "uninstall mesh",
    "mesh",
    "mesh list",
    "mesh upgrade",
    "namespace",
    "namespace add",
    "namespace remove",
    "namespace ignore",
    "namespace list",
    "verify",
    "verify control-plane-health",
    "env",
    "images",
    "images list",
    "version",
    "completion",
];

#[test]
fn help_of_every_command() {
    for command in COMMANDS {
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
    const ORDER: [&str; 7] = [
        "Commands:",
        "Arguments:",
        "Options:",
        "Images:",
        "Values:",
        "Output:",
        "Cluster:",
    ];
    for command in COMMANDS {
        let help = osm!("{command} --help").ok();
        let headings: Vec<&str> = help.lines().filter(|line| ORDER.contains(line)).collect();
        let expected: Vec<&str> = ORDER
            .into_iter()
            .filter(|heading| headings.contains(heading))
            .collect();
        assert!(headings.contains(&"Options:"), "{command}");
        assert_eq!(headings, expected, "{command}");
    }
}
