use super::*;

fn format(name: &str, zone: &str) -> Format {
    Format::parse(name, zone).expect("a format")
}

/// Reads `text`, steps back by `period`, and expects `expected` to be written.
fn check(name: &str, zone: &str, text: &str, period: &str, expected: &str) {
    let stamp = format(name, zone).read(text).unwrap_or_else(|| panic!("{text} as {name}"));
    let period = if period == "step" { stamp.precision() } else { period.parse().expect("a period") };
    let earlier = stamp.earlier(period);
    assert_eq!(earlier.text(), expected, "{text} as {name}, {period} earlier");
    let read = format(name, zone).read(earlier.text()).expect("what was written can be read");
    assert_eq!(read.nanos(), earlier.nanos(), "{text} as {name}: text and instant agree");
    assert_eq!(stamp.text(), text, "the source's own text is kept");
}

#[test]
fn computed_instants_are_written_as_the_source_writes() {
    let cases = [
        ("2024-03-01T00:00:00Z", "step", "2024-02-29T23:59:59Z"),
        ("2024-03-01T00:00:00.000Z", "step", "2024-02-29T23:59:59.999Z"),
        ("2024-03-01T00:00:00.123456Z", "step", "2024-03-01T00:00:00.123455Z"),
        ("2024-03-01T00:00:00.123456789123Z", "1ns", "2024-03-01T00:00:00.123456788000Z"),
        ("2024-03-01 00:00:00.5", "step", "2024-03-01 00:00:00.4"),
        ("2024-03-01T00:00:00,5z", "step", "2024-03-01T00:00:00,4z"),
        ("2024-03-01T01:00+02:00", "step", "2024-03-01T00:59+02:00"),
        ("2024-03-01T01:00:00+0200", "2h", "2024-02-29T23:00:00+0200"),
        ("2024-03-01T01:00:00-05", "2h", "2024-02-29T23:00:00-05"),
        ("2024-03-01T00:00:00 UTC", "1h", "2024-02-29T23:00:00 UTC"),
        ("2024-03-01", "step", "2024-02-29"),
        ("2024-03-01", "1h", "2024-02-29"),
        ("2024-03-01T00:00:00Z", "1ms", "2024-02-29T23:59:59Z"),
        ("2024-03-31T03:30:00+02:00", "24h", "2024-03-30T03:30:00+02:00"),
        ("1700000000", "step", "1699999999"),
        ("1700000000000", "step", "1699999999999"),
        ("1700000000.250", "step", "1700000000.249"),
        ("1700000000123456", "1ms", "1700000000122456"),
        ("-5", "step", "-6"),
        ("5", "10s", "0"),
    ];
    for (text, period, expected) in cases {
        check("auto", "+00:00", text, period, expected);
    }
}

#[test]
fn the_ends_of_the_calendar_are_not_passed() {
    let cases = [
        ("0001-01-01T00:00:00Z", "24h", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00-05:00", "24h", "0001-01-01T00:00:00-05:00"),
        ("0001-01-01", "24h", "0001-01-01"),
        ("9999-12-31T23:59:59Z", "1s", "9999-12-31T23:59:58Z"),
        ("9999-12-31T23:59:59Z", "5000000w", "0001-01-01T00:00:00Z"),
    ];
    for (text, period, expected) in cases {
        check("auto", "+00:00", text, period, expected);
    }
    let last = format("auto", "+00:00").read("9999-12-31T23:59:59Z").expect("a stamp");
    assert_eq!(last.later("1d".parse().expect("a period")).text(), "9999-12-31T23:59:59Z");
}

#[test]
fn named_formats_and_patterns_are_kept() {
    let cases = [
        ("epoch_seconds", "+00:00", "1700000000", "1m", "1699999940"),
        ("epoch_milliseconds", "+00:00", "5", "2ms", "3"),
        ("%d.%m.%Y %H:%M", "+00:00", "01.03.2024 00:00", "step", "29.02.2024 23:59"),
        ("%d.%m.%Y %H:%M:%S", "+02:00", "01.03.2024 01:00:00", "2h", "29.02.2024 23:00:00"),
        ("%Y%m%d", "+00:00", "20240301", "step", "20240229"),
        ("%Y-%m-%d %H:%M:%S%.3f", "+00:00", "2024-03-01 00:00:00.000", "step", "2024-02-29 23:59:59.999"),
        ("auto", "+02:00", "2024-03-01T00:00:00", "1h", "2024-02-29T23:00:00"),
    ];
    for (name, zone, text, period, expected) in cases {
        check(name, zone, text, period, expected);
    }
}

#[test]
fn instants_compare_whatever_their_texts() {
    let format = format("auto", "+00:00");
    let read = |text| format.read(text).expect("a stamp");
    assert_eq!(read("2024-03-01T02:00:00+02:00"), read("2024-03-01T00:00:00.000Z"));
    assert_eq!(read("1700000000"), read("1700000000000"));
    assert!(read("2024-03-01T00:30:00+02:00") < read("2024-02-29T23:00:00Z"));
}

#[test]
fn what_is_no_timestamp_is_not_read() {
    let cases = ["", "yesterday", "2023-02-29T10:20:30Z", "2024-02-29T24:00:00Z", "2024-02-29T10:20:30.Z", "1e9"];
    for text in cases {
        assert!(format("auto", "+00:00").read(text).is_none(), "{text}");
    }
    assert!(format("epoch_seconds", "+00:00").read("2024-01-01").is_none());
    for (name, zone) in [("fortnight", "+00:00"), ("%Q", "+00:00"), ("auto", "CET"), ("auto", "+25:00")] {
        assert!(Format::parse(name, zone).is_err(), "{name} {zone}");
    }
}

#[test]
fn orders_are_those_of_the_contract() {
    let cases = [
        ("auto", "+00:00", "instant"),
        ("rfc3339", "+00:00", "instant"),
        ("epoch_seconds", "+00:00", "instant:s"),
        ("epoch_nanoseconds", "+00:00", "instant:ns"),
        ("auto", "-05:30", "instant@-05:30"),
        ("%d.%m.%Y", "+02:00", "instant:%d.%m.%Y@+02:00"),
    ];
    for (name, zone, order) in cases {
        assert_eq!(format(name, zone).order(), order);
    }
}

#[test]
fn bounds_are_written_in_the_format() {
    let cases = [
        ("auto", "2023-11-14T22:13:20.123Z"),
        ("epoch_seconds", "1700000000"),
        ("epoch_microseconds", "1700000000123000"),
        ("%d.%m.%Y", "14.11.2023"),
    ];
    for (name, expected) in cases {
        assert_eq!(format(name, "+00:00").at_millis(1_700_000_000_123).text(), expected);
    }
}
