//! Looks for a clock that is fine enough to tell what others do.

use tidegate_hostile::{Result, attack, black_box, clock, failure};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let mut least = i64::MAX;
        let mut before = clock::now();
        for _ in 0..20 {
            let mut now = clock::now();
            while now == before {
                black_box(());
                now = clock::now();
            }
            least = least.min(now - before);
            before = now;
        }
        Err(failure(format!("the clock goes by steps of {}", if least < 1 { "less than a millisecond" } else { "milliseconds" })))
    }
}
