//! The digits of a number's text: how many there are and where they stand. Nothing is rounded.

/// A decimal number as its text has it: a whole number of `significant` digits times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits<'a> {
    text: &'a str,
    /// Digits from the first that is not zero to the last that is not zero. None for zero.
    pub(super) significant: i64,
    /// The power of ten at which the last significant digit stands.
    pub(super) exponent: i64,
}

impl<'a> Digits<'a> {
    /// Reads a number as JSON writes them (RFC 8259 section 6).
    pub(super) fn read(text: &'a str) -> Option<Digits<'a>> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, read_power(power)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !is_digits(whole) || !is_digits(fraction) || leading_zero {
            return None;
        }
        let digits = || mantissa.bytes().filter(u8::is_ascii_digit);
        let leading = digits().take_while(|digit| *digit == b'0').count() as i64;
        let trailing = digits().rev().take_while(|digit| *digit == b'0').count() as i64;
        let total = digits().count() as i64;
        if leading == total {
            return Some(Digits { text, significant: 0, exponent: 0 });
        }
        let after_point = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
        let exponent = power.saturating_add(trailing - after_point);
        Some(Digits { text, significant: total - leading - trailing, exponent })
    }

    /// How many digits stand before the point, written out.
    pub(super) fn before_point(&self) -> i64 {
        self.significant.saturating_add(self.exponent).max(0)
    }

    /// How many digits stand after the point, without zeros at the end.
    pub(super) fn after_point(&self) -> i64 {
        self.exponent.saturating_neg().max(0)
    }

    /// The number itself, where it is whole and has 64 bits at most.
    pub(super) fn to_i64(self) -> Option<i64> {
        if self.exponent < 0 || self.before_point() > 19 {
            return None;
        }
        let digits = self.text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).filter(u8::is_ascii_digit);
        let digits = digits.skip_while(|digit| *digit == b'0').take(usize::try_from(self.significant).ok()?);
        let whole = digits.fold(0i128, |whole, digit| whole * 10 + i128::from(digit - b'0'));
        let magnitude = whole * 10i128.pow(u32::try_from(self.exponent).ok()?);
        i64::try_from(if self.text.starts_with('-') { -magnitude } else { magnitude }).ok()
    }

    /// Whether a binary floating point number of 64 bits gives back every digit.
    pub(super) fn fits_f64(&self) -> bool {
        let first = self.significant.saturating_add(self.exponent);
        self.significant <= 15 && (-300..=300).contains(&first)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A power of ten; one that no number of bits holds counts as the largest.
fn read_power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(digits) {
        return None;
    }
    let limit = i64::from(i32::MAX);
    let power = digits.parse::<i64>().map_or(limit, |power| power.min(limit));
    Some(if text.starts_with('-') { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_where_they_stand() {
        let cases = [
            ("0", Some((0, 0, 0))),
            ("-0.00", Some((0, 0, 0))),
            ("10", Some((1, 2, 0))),
            ("1.50", Some((2, 1, 1))),
            ("0.001", Some((1, 0, 3))),
            ("-12.34e1", Some((4, 3, 1))),
            ("1e-400", Some((1, 0, 400))),
            ("", None),
            ("-", None),
            ("+1", None),
            ("01", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("NaN", None),
            ("1 ", None),
        ];
        for (text, expected) in cases {
            let read = Digits::read(text).map(|d| (d.significant, d.before_point(), d.after_point()));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_of_64_bits_are_exact() {
        let cases = [
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("5.0", Some(5)),
            ("-1.20e3", Some(-1200)),
            ("5.5", None),
            ("1e19", None),
            ("1e999999999999999999999", None),
            ("0e99", Some(0)),
        ];
        for (text, expected) in cases {
            assert_eq!(Digits::read(text).and_then(Digits::to_i64), expected, "{text}");
        }
    }
}
