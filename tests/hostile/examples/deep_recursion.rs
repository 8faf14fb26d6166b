//! Calls itself without end.

use tidegate_hostile::{Result, attack, black_box};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        black_box(deeper(1));
        Ok(())
    }
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    if black_box(depth) == 0 { depth } else { black_box(deeper(depth + 1)) + 1 }
}
