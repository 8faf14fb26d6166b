//! Does nothing but ask for the time.

use tidegate_hostile::{Result, attack, clock};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            clock::now();
        }
    }
}
