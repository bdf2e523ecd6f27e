//! Enables and disables subcharts: conditions, tags, aliases, and imported values.

use serde_json::{Map, Value};

use super::chart::{Chart, Dependency};
use super::values::{self, Nulls, coalesce, coalesce_maps, lookup};
use super::version;

/// Removes the subcharts that the values disable, and imports values from the others.
pub(super) fn process(chart: &mut Chart, user: &Map<String, Value>) -> Result<(), String> {
    enable(chart, user, "")?;
    refuse_ambiguity(&mut chart.dependencies)?;
    import_values(chart)
}

fn enable(chart: &mut Chart, user: &Map<String, Value>, path: &str) -> Result<(), String> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let available = std::mem::take(&mut chart.dependencies);
    let declared = &chart.metadata.dependencies;
    let fits = |dep: &Dependency, sub: &Chart| {
        dep.name == sub.metadata.name && version_fits(&dep.version, &sub.metadata.version)
    };
    // A chart that is itself a dependency does not have to contain the subcharts that it disables.
    let is_missing = |dep: &&Dependency| !available.iter().any(|sub| sub.metadata.name == dep.name);
    if let Some(dep) = declared.iter().find(is_missing).filter(|_| path.is_empty()) {
        return Err(format!(
            "the chart depends on {:?}, which is not in charts/; run helm dependency build to put it there",
            dep.name
        ));
    }
    // Charts in charts/ that are not declared are always enabled. So are those of another version than the declared one,
    // as in Helm, unless charts/ contains the declared one, too.
    let is_undeclared = |sub: &&Chart| {
        let mut same = declared.iter().filter(|dep| dep.name == sub.metadata.name);
        !same.any(|dep| available.iter().any(|sub| fits(dep, sub)))
    };
    let mut taken: Vec<Chart> = available.iter().filter(is_undeclared).cloned().collect();
    for dep in declared {
        for sub in available.iter().filter(|sub| fits(dep, sub)) {
            let mut sub = sub.clone();
            if let Some(alias) = &dep.alias {
                sub.metadata.name.clone_from(alias);
            }
            taken.push(sub);
        }
    }
    chart.dependencies = taken;
    for dep in &mut chart.metadata.dependencies {
        if let Some(alias) = dep.alias.take() {
            dep.name = alias;
        }
    }
    let values = coalesce(chart, user.clone(), Nulls::Delete)?;
    let off: Vec<String> = chart
        .metadata
        .dependencies
        .iter()
        .filter(|dep| !is_enabled(dep, &values, path))
        .map(|dep| dep.name.clone())
        .collect();
    chart
        .dependencies
        .retain(|sub| !off.contains(&sub.metadata.name));
    chart
        .metadata
        .dependencies
        .retain(|dep| !off.contains(&dep.name));
    for sub in &mut chart.dependencies {
        let below = format!("{path}{}.", sub.metadata.name);
        enable(sub, &values, &below)?;
    }
    Ok(())
}

/// Removes equal subcharts, and refuses different ones of the same name: Helm takes one of them at random, or parts of each.
fn refuse_ambiguity(subcharts: &mut Vec<Chart>) -> Result<(), String> {
    let mut kept: Vec<Chart> = Vec::with_capacity(subcharts.len());
    for mut sub in subcharts.drain(..) {
        refuse_ambiguity(&mut sub.dependencies)?;
        let name = &sub.metadata.name;
        match kept.iter().find(|other| other.metadata.name == *name) {
            None => kept.push(sub),
            Some(other) if *other == sub => {}
            Some(other) => {
                return Err(format!(
                    "charts/ contains several charts that could be the subchart {name:?}: version {} and version {}; \
                     remove all but one, or give the dependencies in Chart.yaml different aliases",
                    other.metadata.version, sub.metadata.version
                ));
            }
        }
    }
    *subcharts = kept;
    Ok(())
}

/// Conditions override tags. Without either, a dependency is enabled.
fn is_enabled(dep: &Dependency, values: &Map<String, Value>, path: &str) -> bool {
    // As in Helm, a blank around a comma belongs to the path, which is then not found.
    let conditions = dep.condition.trim().split(',');
    for condition in conditions.filter(|c| !c.is_empty()) {
        if let Some(Value::Bool(on)) = lookup(values, &format!("{path}{condition}")) {
            return *on;
        }
    }
    let tags = values.get("tags").and_then(Value::as_object);
    let set: Vec<bool> = dep
        .tags
        .iter()
        .filter_map(|tag| tags?.get(tag)?.as_bool())
        .collect();
    set.is_empty() || set.contains(&true)
}

/// Returns whether a version satisfies a constraint. As in Helm, an empty constraint allows no version.
fn version_fits(constraint: &str, version: &str) -> bool {
    match (
        constraint.parse::<version::Constraint>(),
        version::parse(version),
    ) {
        (Ok(constraint), Ok(version)) => constraint.allows(&version),
        _ => false,
    }
}

/// Imports values from subcharts. The defaults of the chart itself override them.
fn import_values(chart: &mut Chart) -> Result<(), String> {
    for sub in &mut chart.dependencies {
        import_values(sub)?;
    }
    if chart
        .metadata
        .dependencies
        .iter()
        .all(|dep| dep.import_values.is_empty())
    {
        return Ok(());
    }
    let mut merged = coalesce(chart, Map::new(), Nulls::Keep)?;
    let mut imported = Map::new();
    for dep in &chart.metadata.dependencies {
        for (child, parent) in &dep.import_values {
            let Some(Value::Object(table)) = lookup(&merged, &format!("{}.{child}", dep.name))
            else {
                continue;
            };
            let mut layer = Map::new();
            if parent == "." {
                layer.clone_from(table);
            } else {
                values::insert(&mut layer, parent, Value::Object(table.clone()));
            }
            coalesce_maps(&mut imported, layer, Nulls::Keep);
        }
    }
    coalesce_maps(&mut merged, imported, Nulls::Keep);
    chart.values = merged;
    Ok(())
}
