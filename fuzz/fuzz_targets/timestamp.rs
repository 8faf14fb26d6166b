//! Timestamps: an instant that was read is written so that it reads the same.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use tidegate::model::{Instant, InstantFormat, Order};

fuzz_target!(|input: (String, String, String)| {
    let (format, one, other) = input;
    if let Ok(Order::Instant(format)) = format!("instant{format}").parse::<Order>()
        && let Some(instant) = Instant::parse(&one, &format)
    {
        check(instant);
    }
    if let Ok(order) = format.parse::<Order>() {
        let forth = order.compare(&one, &other);
        assert_eq!(forth.map(Ordering::reverse), order.compare(&other, &one));
    }
});

fn check(instant: Instant) {
    if let Some(text) = instant.to_rfc3339() {
        let format: InstantFormat = match "instant".parse::<Order>() {
            Ok(Order::Instant(format)) => format,
            _ => unreachable!("it is an order"),
        };
        assert_eq!(Instant::parse(&text, &format), Some(instant), "{text}");
    }
}
