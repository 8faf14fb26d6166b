//! Takes all the memory that there is.

use tidegate_hostile::{Result, attack, black_box};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let mut hoard = Vec::new();
        loop {
            hoard.push(black_box(vec![1u8; 1 << 20]));
        }
    }
}
