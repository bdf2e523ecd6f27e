//! The tasks that workflows run are tasks of this workspace, with flags that they have.

use helm_chart::yaml::{Numbers, parse};
use serde_json::Value;
use xtask::flags;

use super::{folder, read};

/// Values for the variables in the commands.
const VARIABLES: [(&str, &str); 5] = [
    ("$RELEASE", "v1.2.5"),
    ("$REGISTRY", "registry.example/mesh"),
    ("$STAGING_REGISTRY", "registry.example/staging"),
    ("$CHART_REGISTRY", "registry.example/charts"),
    ("$TARGET", "x86_64-unknown-linux-musl"),
];

/// Collects what the steps of a workflow run.
fn commands(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(command)) = map.get("run") {
                found.push(command.clone());
            }
            map.values().for_each(|value| commands(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| commands(value, found)),
        _ => {}
    }
}

#[test]
fn every_command_of_a_workflow_is_a_task_with_flags_that_it_has() {
    let mut checked = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let mut found = Vec::new();
        commands(&parse(&read(&name), Numbers::Exact).unwrap(), &mut found);
        assert!(!found.is_empty(), "{name}");
        for command in found {
            let mut line = command.replace('"', "");
            // The longest name first: one may begin with another.
            let mut variables = VARIABLES;
            variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            for (variable, value) in variables {
                line = line.replace(variable, value);
            }
            assert!(
                !line.contains('$'),
                "{name}: a variable without a value: {command}"
            );
            let arguments = line.strip_prefix("cargo ").unwrap().split(' ');
            match flags::parse(arguments) {
                Ok(_) => checked += 1,
                Err(error) => panic!("{name}: {command}: {error}"),
            }
        }
    }
    assert!(checked > 20, "{checked}");
}
