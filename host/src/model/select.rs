//! Where the values of one field lie: how a strategy finds its next cursor without seeing a record.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

use super::batch::{Batch, FieldPath};
use super::{Instant, InstantFormat};
use crate::error::Error;

/// How values compare. Written as in `wit/records.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// As whole numbers of any size.
    Integer,
    /// By Unicode code points.
    Text,
    /// As points in time.
    Instant(InstantFormat),
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Order, Error> {
        match text {
            "integer" => Ok(Order::Integer),
            "text" => Ok(Order::Text),
            _ => text.strip_prefix("instant").and_then(InstantFormat::parse_suffix).map(Order::Instant).ok_or_else(
                || {
                    let known = "`integer`, `text`, `instant`, `instant:s|ms|us|ns`, `instant:` with a % pattern";
                    Error::plugin("plugin.records", format!("`{text}` is no order; the orders are {known}"))
                },
            ),
        }
    }
}

impl Order {
    /// How two texts compare in this order. None where one of them cannot be read in it.
    pub fn compare(&self, one: &str, other: &str) -> Option<Ordering> {
        match self {
            Order::Integer => Some(integer(one.into())?.cmp(&integer(other.into())?)),
            Order::Text => Some(one.cmp(other)),
            Order::Instant(format) => Some(Instant::parse(one, format)?.cmp(&Instant::parse(other, format)?)),
        }
    }
}

/// What a batch says about one field. See `wit/records.wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The smallest value, as text.
    pub least: Option<String>,
    /// The greatest value not beyond the bound, as text.
    pub greatest: Option<String>,
    /// How many records have a value equal to the greatest.
    pub at_greatest: u32,
    /// Whether no readable value is smaller than the one before it.
    pub ascending: bool,
    /// How many records have null or nothing.
    pub absent: u32,
    /// How many have a value that cannot be read in this order.
    pub unreadable: u32,
    /// How many are greater than the bound.
    pub beyond: u32,
}

impl Batch {
    /// Where the values of `field` lie, in this order; values greater than `until` do not count for the greatest.
    pub fn span(&self, field: &str, order: &Order, until: Option<&str>) -> Result<Span, Error> {
        let unreadable = |bound: &str| {
            Error::plugin("plugin.records", format!("the bound `{bound}` cannot be read in the order of `{field}`"))
        };
        match order {
            Order::Integer => span(self, field, until, &unreadable, integer),
            Order::Text => span(self, field, until, &unreadable, Some),
            Order::Instant(format) => span(self, field, until, &unreadable, |text| Instant::parse(&text, format)),
        }
    }
}

fn span<'a, K: Ord + Clone>(
    batch: &'a Batch,
    field: &str,
    until: Option<&'a str>,
    unreadable: &dyn Fn(&str) -> Error,
    read: impl Fn(Cow<'a, str>) -> Option<K>,
) -> Result<Span, Error> {
    let bound = match until {
        Some(text) => Some(read(text.into()).ok_or_else(|| unreadable(text))?),
        None => None,
    };
    let path = FieldPath::new(batch, field);
    let mut span = Span { ascending: true, ..Span::default() };
    let mut least: Option<(K, usize)> = None;
    let mut greatest: Option<(K, usize)> = None;
    let mut last: Option<K> = None;
    for (at, row) in batch.rows().enumerate() {
        let Some(text) = path.text(&row) else {
            span.absent += 1;
            continue;
        };
        let Some(key) = read(text) else {
            span.unreadable += 1;
            continue;
        };
        span.ascending &= last.as_ref().is_none_or(|last| *last <= key);
        if least.as_ref().is_none_or(|(least, _)| key < *least) {
            least = Some((key.clone(), at));
        }
        if bound.as_ref().is_some_and(|bound| key > *bound) {
            span.beyond += 1;
        } else {
            match greatest.as_ref().map_or(Ordering::Greater, |(greatest, _)| key.cmp(greatest)) {
                Ordering::Greater => {
                    greatest = Some((key.clone(), at));
                    span.at_greatest = 1;
                }
                Ordering::Equal => span.at_greatest += 1,
                Ordering::Less => {}
            }
        }
        last = Some(key);
    }
    let text = |at: usize| path.text(&batch.row(at)).map(Cow::into_owned);
    span.least = least.and_then(|(_, at)| text(at));
    span.greatest = greatest.and_then(|(_, at)| text(at));
    Ok(span)
}

/// A whole number of any size, in a form whose derived order is that of the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Integer<'a> {
    negative: bool,
    digits: Cow<'a, str>,
}

fn integer(text: Cow<'_, str>) -> Option<Integer<'_>> {
    let negative = text.starts_with('-');
    let zeros = text[usize::from(negative)..].bytes().take_while(|byte| *byte == b'0').count();
    let from = usize::from(negative) + zeros;
    let digits = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..]),
        Cow::Owned(text) => Cow::Owned(text[from..].to_owned()),
    };
    let readable = digits.bytes().all(|byte| byte.is_ascii_digit()) && (zeros > 0 || !digits.is_empty());
    readable.then(|| Integer { negative: negative && !digits.is_empty(), digits })
}

impl Ord for Integer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = || self.digits.len().cmp(&other.digits.len()).then_with(|| self.digits.cmp(&other.digits));
        match (self.negative, other.negative) {
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
            (mine, theirs) => theirs.cmp(&mine),
        }
    }
}

impl PartialOrd for Integer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(records: &str, field: &str, order: &str, until: Option<&str>, expected: Span) {
        let batch = Batch::from_json(records.to_owned().into()).expect("records");
        let order = order.parse().expect("order");
        assert_eq!(batch.span(field, &order, until), Ok(expected), "{records}");
    }

    fn texts(least: &str, greatest: &str, at_greatest: u32) -> Span {
        let text = |text: &str| Some(text.to_owned());
        Span { least: text(least), greatest: text(greatest), at_greatest, ascending: true, ..Span::default() }
    }

    #[test]
    fn ids_compare_as_integers_also_when_they_are_text() {
        check(r#"[{"id":"9"},{"id":"10"},{"id":10}]"#, "id", "integer", None, texts("9", "10", 2));
        check(r#"[{"id":-10},{"id":"-9"},{"id":0}]"#, "id", "integer", None, texts("-10", "0", 1));
        let huge = r#"[{"id":9007199254740993},{"id":99999999999999999999999}]"#;
        check(huge, "id", "integer", None, texts("9007199254740993", "99999999999999999999999", 1));
    }

    #[test]
    fn values_of_another_kind_are_counted() {
        let expected = Span { absent: 2, unreadable: 2, ..texts("1", "1", 1) };
        check(r#"[{"id":1},{"id":null},{},{"id":"x"},{"id":1.5}]"#, "id", "integer", None, expected);
    }

    #[test]
    fn instants_compare_across_zones_and_precisions() {
        let records = r#"[{"t":"2024-01-01T01:00:00+02:00"},{"t":"2023-12-31T23:00:00.5Z"},{"t":"2024-01-01 00:00"}]"#;
        let expected = texts("2024-01-01T01:00:00+02:00", "2024-01-01 00:00", 1);
        check(records, "t", "instant", None, expected);
    }

    #[test]
    fn a_record_in_the_far_future_does_not_move_the_greatest() {
        let records = r#"[{"t":"9999-12-31T00:00:00Z"},{"t":"2024-01-01T00:00:00Z"}]"#;
        let expected = Span { ascending: false, beyond: 1, ..texts("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 1) };
        check(records, "t", "instant", Some("2024-06-01T00:00:00Z"), expected);
    }

    #[test]
    fn a_field_may_be_a_pointer() {
        check(
            r#"[{"m":{"a/b":[1,7]}},{"m":null}]"#,
            "/m/a~1b/1",
            "integer",
            None,
            Span { absent: 1, ..texts("7", "7", 1) },
        );
    }

    #[test]
    fn unknown_orders_are_refused() {
        for order in ["", "number", "instant:", "instant:years", "instant@2", "integer@+01:00"] {
            assert!(order.parse::<Order>().is_err(), "{order}");
        }
    }
}
