//! Looks for a clock that is fine enough to tell what others do, or that tells the machine's time.

use tidegate_hostile::{Result, attack, clock, failure};

/// How often it asks within one step of the clock, at the best of times.
fn questions() -> u32 {
    let mut most = 0;
    for _ in 0..20 {
        let before = clock::now();
        let mut asked = 1;
        while clock::now() == before {
            asked += 1;
        }
        most = most.max(asked);
    }
    most
}

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let (started, first) = (clock::started(), clock::now());
        let is_coarse = questions() >= 20;
        let is_of_the_run = clock::started() == started && started <= first && first <= clock::now();
        Err(failure(match (is_coarse, is_of_the_run) {
            (false, _) => "each question has its own time".to_owned(),
            (true, false) => "the time goes back".to_owned(),
            (true, true) => format!("the clock stands still for many questions, and began in {}", 1970 + started / 31_556_952_000),
        }))
    }
}
