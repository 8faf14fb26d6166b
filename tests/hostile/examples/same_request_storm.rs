//! Sends one request again and again.

use tidegate_hostile::{Result, attack, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            get("/users")?;
        }
    }
}
