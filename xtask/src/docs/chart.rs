//! Draws measurements as bars: in each group the longest bar is the largest value.

use std::fmt::Write as _;

use measurements::{Measurement, Value};

/// The width of the picture, in pixels, as all lengths here.
const WIDTH: u32 = 900;
/// The width of the column of names.
const NAMES: u32 = 250;
/// The longest bar.
const BAR: f64 = 480.0;
/// The height of a bar with the space below it.
const ROW: u32 = 24;
/// The height of the title of a group.
const TITLE: u32 = 34;
/// The space above and below.
const MARGIN: u32 = 20;

/// Returns a picture (SVG 1.1) of the measurements that compare programs. The first value of each is that of `osm`.
pub(super) fn draw(measured: &[Measurement]) -> String {
    let groups: Vec<_> = (measured.iter())
        .filter(|group| group.values.iter().any(|value| is_other(&value.of)))
        .collect();
    let mut body = String::new();
    let mut y = MARGIN;
    for Measurement {
        what, unit, values, ..
    } in groups
    {
        y += TITLE;
        let _ = writeln!(
            body,
            r#"  <text x="30" y="{}" font-weight="bold">{}</text>"#,
            y - 10,
            escape(what)
        );
        let largest = values.iter().map(|value| value.value).fold(0.0, f64::max);
        for (index, Value { of, value }) in values.iter().enumerate() {
            let length = (value / largest * BAR).max(1.0);
            let color = if index == 0 { "#3f9d6a" } else { "#9fb3c8" };
            let _ = writeln!(
                body,
                r##"  <text x="{}" y="{}" text-anchor="end">{}</text>
  <rect x="{NAMES}" y="{y}" width="{length:.0}" height="{}" rx="3" fill="{color}"/>
  <text x="{:.0}" y="{}" fill="#616e7c">{}</text>"##,
                NAMES - 10,
                y + 14,
                escape(of),
                ROW - 5,
                f64::from(NAMES) + length + 8.0,
                y + 14,
                unit.format(*value)
            );
            y += ROW;
        }
    }
    let height = y + MARGIN;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="14" fill="#1f2933">
  <title id="title">osm beside helm, crane and skopeo</title>
  <rect x="1" y="1" width="{}" height="{}" rx="10" fill="#ffffff" stroke="#cbd2d9"/>
{body}</svg>
"##,
        WIDTH - 2,
        height - 2
    )
}

/// Whether a value is of a program that osm is compared with.
fn is_other(of: &str) -> bool {
    ["helm", "crane", "skopeo"]
        .iter()
        .any(|program| of.starts_with(program))
}

fn escape(text: &str) -> String {
    (text.replace('&', "&amp;"))
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use measurements::{Bound, Unit};

    use super::*;

    #[test]
    fn programs_are_bars_in_proportion_and_other_measurements_are_left_out() {
        let measurement = |what: &str, values: &[(&str, f64)]| Measurement {
            what: what.to_owned(),
            unit: Unit::Seconds,
            values: (values.iter())
                .map(|(of, value)| Value {
                    of: (*of).to_owned(),
                    value: *value,
                })
                .collect(),
            judged: 0.5,
            bound: Bound::AtMost(0.5),
            holds: true,
        };
        let drawn = draw(&[
            measurement("a & b", &[("osm", 0.5), ("helm", 2.0)]),
            measurement("growth", &[("ten times", 10.0), ("once", 1.0)]),
        ]);
        insta::assert_snapshot!(drawn);
        assert!(!drawn.contains("growth"));
    }
}
