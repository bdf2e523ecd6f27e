//! Decimal arithmetic: `addf 0.1 0.2` is 0.3 in charts.

/// A decimal number: `digits` × 10^`exponent`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Number of decimal places of a quotient.
const DIVISION_PLACES: i32 = 16;

impl Decimal {
    /// Returns the shortest decimal number that stands for a float.
    fn new(f: f64) -> Option<Decimal> {
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Some(Decimal {
            digits: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?,
        })
    }

    /// Returns the digits of this number at a smaller exponent.
    fn scaled(self, exponent: i32) -> Option<i128> {
        let places = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        self.digits.checked_mul(10i128.checked_pow(places)?)
    }

    fn float(self) -> Option<f64> {
        format!("{}e{}", self.digits, self.exponent).parse().ok()
    }
}

fn aligned(a: Decimal, b: Decimal) -> Option<(i128, i128, i32)> {
    let exponent = a.exponent.min(b.exponent);
    Some((a.scaled(exponent)?, b.scaled(exponent)?, exponent))
}

/// Computes with decimals, or with floats if there are too many digits.
fn calculate(
    a: f64,
    b: f64,
    exact: fn(Decimal, Decimal) -> Option<Decimal>,
    float: fn(f64, f64) -> f64,
) -> f64 {
    let result = || exact(Decimal::new(a)?, Decimal::new(b)?)?.float();
    result().unwrap_or_else(|| float(a, b))
}

pub(super) fn add(a: f64, b: f64) -> f64 {
    let exact = |a, b| {
        let (a, b, exponent) = aligned(a, b)?;
        Some(Decimal {
            digits: a.checked_add(b)?,
            exponent,
        })
    };
    calculate(a, b, exact, |a, b| a + b)
}

pub(super) fn subtract(a: f64, b: f64) -> f64 {
    add(a, -b)
}

pub(super) fn multiply(a: f64, b: f64) -> f64 {
    let exact = |a: Decimal, b: Decimal| {
        Some(Decimal {
            digits: a.digits.checked_mul(b.digits)?,
            exponent: a.exponent.checked_add(b.exponent)?,
        })
    };
    calculate(a, b, exact, |a, b| a * b)
}

/// Rounded to [`DIVISION_PLACES`], half away from zero.
pub(super) fn divide(a: f64, b: f64) -> f64 {
    let exact = |a: Decimal, b: Decimal| {
        let (a, b, _) = aligned(a, b)?;
        let a = a.checked_mul(10i128.checked_pow(DIVISION_PLACES.unsigned_abs())?)?;
        let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
        let up = rest.checked_abs()?.checked_mul(2)? >= b.checked_abs()?;
        let away = if (a < 0) == (b < 0) { 1 } else { -1 };
        Some(Decimal {
            digits: quotient + if up { away } else { 0 },
            exponent: -DIVISION_PLACES,
        })
    };
    calculate(a, b, exact, |a, b| a / b)
}

#[cfg(test)]
mod tests {
    use super::{add, divide, multiply, subtract};

    #[test]
    #[allow(clippy::float_cmp)]
    fn results_are_those_of_decimal_arithmetic() {
        assert_eq!(add(0.1, 0.2), 0.3);
        assert_eq!(subtract(0.3, 0.1), 0.2);
        assert_eq!(multiply(1.1, 1.1), 1.21);
        assert_eq!(divide(1.0, 3.0), 0.333_333_333_333_333_3);
        assert_eq!(divide(-2.0, 3.0), -0.666_666_666_666_666_7);
        assert_eq!(add(1e300, 1e-300), 1e300);
        assert!(divide(1.0, 0.0).is_infinite());
    }
}
