//! Keeps pages of ten MiB each in the host's memory.

use tidegate_hostile::{Result, attack, failure, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let mut hoard = Vec::new();
        for page in 0..40 {
            hoard.push(get(&format!("/large/{page}"))?);
        }
        Err(failure(format!("the host holds {} pages of ten MiB for a guest of 16", hoard.len())))
    }
}
