//! `multipleOf` for decimal fractions: 0.3 is a multiple of 0.1, although dividing floats says otherwise.

use serde_json::Number;

/// Returns whether `number` is a whole multiple of `unit`, both taken as the decimals they are written as.
pub(super) fn is_multiple(number: &Number, unit: &Number) -> bool {
    let (Some(number), Some(unit)) = (decimal(number), decimal(unit)) else {
        return false;
    };
    let shared = number.1.min(unit.1);
    let scaled = |(digits, exponent): (i128, i32)| {
        let zeros = u32::try_from(exponent - shared).ok()?;
        digits.checked_mul(10i128.checked_pow(zeros)?)
    };
    match (scaled(number), scaled(unit)) {
        (Some(number), Some(unit)) => number.checked_rem(unit) == Some(0),
        _ => false,
    }
}

/// A number as digits and a power of ten.
fn decimal(number: &Number) -> Option<(i128, i32)> {
    let text = number.to_string();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, exponent.checked_sub(places)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_divided_exactly() {
        let table = [
            (0.3, 0.1, true),
            (1.1, 0.1, true),
            (4.35, 0.01, true),
            (0.35, 0.1, false),
            (7.0, 3.0, false),
            (1e3, 5.0, true),
            (1e300, 1e-300, false),
        ];
        for (number, unit, want) in table {
            let of = |f: f64| Number::from_f64(f);
            let got = of(number).zip(of(unit)).map(|(n, u)| is_multiple(&n, &u));
            assert_eq!(got, Some(want), "{number} {unit}");
        }
    }
}
