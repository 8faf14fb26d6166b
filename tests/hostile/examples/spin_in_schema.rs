//! Never returns from `schema`.

use tidegate_hostile::{Result, Table, attack, black_box};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        loop {
            black_box(());
        }
    }
}
