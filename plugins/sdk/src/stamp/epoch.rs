//! Numbers since 1970, in a unit that is known or told by their size.

use super::SECOND;

/// How a number since 1970 is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Nanoseconds a unit.
    unit: i128,
    /// Digits of the fraction.
    digits: u32,
    /// Whether it may be below zero: only where the source goes there itself.
    is_signed: bool,
}

impl Epoch {
    pub(super) fn whole(unit: i128) -> Epoch {
        Epoch { unit, digits: 0, is_signed: true }
    }

    pub(super) fn step(&self) -> i128 {
        (self.unit / 10_i128.pow(self.digits.min(9))).max(1)
    }

    /// The text of an instant, and the instant that it says.
    pub(super) fn write(&self, nanos: i128) -> (i128, String) {
        let floor = if self.is_signed { i128::from(i64::MIN) } else { 0 };
        let nanos =
            (nanos.div_euclid(self.step()) * self.step()).clamp(floor * self.unit, i128::from(i64::MAX) * self.unit);
        let sign = if nanos < 0 { "-" } else { "" };
        let (whole, rest) = (nanos.abs() / self.unit, nanos.abs() % self.unit);
        let text = match self.digits as usize {
            0 => format!("{sign}{whole}"),
            digits => {
                let billionths = rest * SECOND / self.unit;
                let all = format!("{billionths:09}");
                format!("{sign}{whole}.{:0<digits$}", &all[..digits.min(9)])
            }
        };
        (nanos, text)
    }
}

/// Reads a number. Without a unit, its size tells it (`wit/records.wit`).
pub(super) fn read(text: &str, unit: Option<i128>) -> Option<(i128, Epoch)> {
    let (is_signed, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !fraction.is_none_or(is_number) {
        return None;
    }
    let whole: i128 = whole.parse::<i64>().ok()?.into();
    let unit = unit.unwrap_or(match whole {
        0..100_000_000_000 => SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    });
    let fraction = fraction.unwrap_or_default();
    let billionths = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let billionths = billionths.fold(0, |value, byte| value * 10 + i128::from(byte - b'0'));
    let magnitude = whole * unit + billionths * unit / SECOND;
    let style = Epoch { unit, digits: u32::try_from(fraction.len()).ok()?, is_signed };
    Some((if is_signed { -magnitude } else { magnitude }, style))
}
