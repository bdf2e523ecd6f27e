//! Keys and methods of values: `.a.b`, `.Files.Get "x"`, `.Capabilities.APIVersions.Has "v1"`.

use std::rc::Rc;

use super::super::files::{Files, base64};
use super::super::value::Value;

/// Returns what one name of a chain stands for: the value of a dict's key, or the result of a method without arguments.
pub(super) fn field(value: &Value, name: &str) -> std::result::Result<Value, String> {
    match value {
        Value::Dict(dict) => Ok(match dict.borrow().get(name) {
            None | Some(Value::Nil) => Value::NilField,
            Some(value) => value.clone(),
        }),
        Value::Texts(texts) => Ok(Value::Str(texts.get(name).cloned().unwrap_or_default())),
        Value::Nil => Ok(Value::Nil),
        Value::NilField => Err("it is not set (nil)".to_owned()),
        Value::Files(files) if files.get(name).is_some() => {
            Ok(Value::ByteSlice(files.get(name).unwrap_or_default().into()))
        }
        Value::Files(_)
        | Value::ApiVersions(_)
        | Value::KubeVersion(_)
        | Value::Semver(_)
        | Value::Time(_)
        | Value::Duration(_) => call_method(value, name, &[]),
        other => Err(format!("it is a {}, which has no keys", other.kind())),
    }
}

/// Calls a method of a value.
pub(super) fn call_method(
    receiver: &Value,
    method: &str,
    args: &[Value],
) -> std::result::Result<Value, String> {
    match (receiver, method, args) {
        (Value::Files(files), ..) => call_files(files, method, args),
        (Value::ApiVersions(versions), "Has", [Value::Str(version)]) => {
            Ok(Value::Bool(versions.contains(version)))
        }
        (Value::KubeVersion(v), "Version" | "GitVersion", []) => Ok(Value::str(v.version.as_str())),
        (Value::KubeVersion(v), "String", []) => Ok(Value::str(v.normalized.as_str())),
        (Value::KubeVersion(v), "Major", []) => Ok(Value::str(v.major.as_str())),
        (Value::KubeVersion(v), "Minor", []) => Ok(Value::str(v.minor.as_str())),
        (Value::Semver(v), "Major", []) => Ok(Value::Uint64(v.version.major)),
        (Value::Semver(v), "Minor", []) => Ok(Value::Uint64(v.version.minor)),
        (Value::Semver(v), "Patch", []) => Ok(Value::Uint64(v.version.patch)),
        (Value::Semver(v), "Prerelease", []) => Ok(Value::str(v.version.pre.as_str())),
        (Value::Semver(v), "Metadata", []) => Ok(Value::str(v.version.build.as_str())),
        (Value::Semver(v), "String", []) => Ok(Value::from(v.version.to_string())),
        (Value::Semver(v), "Original", []) => Ok(Value::str(v.original.as_str())),
        (Value::Semver(a), method, [Value::Semver(b)]) => {
            let order = a.version.cmp_precedence(&b.version);
            Ok(match method {
                "Compare" => Value::Int(order as i64),
                "Equal" => order.is_eq().into(),
                "LessThan" => order.is_lt().into(),
                "LessThanEqual" => order.is_le().into(),
                "GreaterThan" => order.is_gt().into(),
                "GreaterThanEqual" => order.is_ge().into(),
                _ => {
                    return Err(format!(
                        "a version has no method .{method} with an argument"
                    ));
                }
            })
        }
        (Value::Time(time), ..) => super::times::call_time(time, method, args),
        (Value::Duration(nanoseconds), ..) => {
            super::times::call_duration(*nanoseconds, method, args)
        }
        (Value::Dict(_), ..) => Err(format!(".{method} is a value: it takes no arguments")),
        (Value::Nil | Value::NilField, ..) => Err(format!(
            "cannot call .{method}: what is before it is not set (nil)"
        )),
        _ => Err(format!(
            "unknown method .{method} with {} arguments on a {}",
            args.len(),
            receiver.kind()
        )),
    }
}

/// A method of `.Files` (Helm's "Accessing Files Inside Templates").
fn call_files(files: &Files, method: &str, args: &[Value]) -> std::result::Result<Value, String> {
    let name = || match args {
        [Value::Str(name)] => Ok(&**name),
        _ => Err(format!(".Files.{method} takes one string")),
    };
    let by_base_name = |content: &dyn Fn(&[u8]) -> String| {
        let map: serde_json::Map<_, _> = files
            .iter()
            .map(|(path, bytes)| {
                let base = path.rsplit('/').next().unwrap_or(path);
                (base.to_owned(), serde_json::Value::from(content(bytes)))
            })
            .collect();
        let yaml = crate::yaml::to_yaml(&map.into());
        Value::str(yaml.strip_suffix('\n').unwrap_or(&yaml))
    };
    let get = |name: &str| Value::text(files.get(name).unwrap_or_default());
    Ok(match method {
        // Helm returns an empty string for an unknown file.
        "Get" => get(name()?),
        "GetBytes" => Value::ByteSlice(files.get(name()?).unwrap_or_default().into()),
        "Glob" => Value::Files(Rc::new(files.glob(name()?))),
        "Lines" => {
            let text = get(name()?).to_string();
            let text = text.strip_suffix('\n').unwrap_or(&text);
            if text.is_empty() {
                Value::strings::<&str>([])
            } else {
                Value::strings(text.split('\n'))
            }
        }
        "AsConfig" => by_base_name(&|bytes| String::from_utf8_lossy(bytes).into_owned()),
        "AsSecrets" => by_base_name(&base64),
        _ => return Err(format!(".Files has no method {method}")),
    })
}
